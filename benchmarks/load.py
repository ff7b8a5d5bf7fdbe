"""Eight processes of eight threads on one artifact for ten minutes; writes benchmarks/results/load/load.json.

    python -m benchmarks.load [--seconds 600] [--processes 8] [--threads 8] [--output FOLDER]

In each process (benchmarks.harness.load_worker) the threads share one encoder and call it in every way there is, while
its main thread opens, uses and closes encoders of its own and forks; every vector is compared bit by bit. At the end
SIGTERM meets all of them at work. Every minute the command `encode`, which leaves SIGTERM to the system, is ended by
it too.

Nothing leaks if each process has no more threads and file descriptors after its last encoder is closed than before the
first, and if in the last tenth of the time the median of the processes' anonymous memory is at most 5 %, and at most
10 MiB a process, above that of the second tenth. For this the processes have two of glibc's malloc arenas (mallopt(3)):
by default it has eight a core, and what each keeps of freed memory goes on rising for minutes, and hides a leak.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.load_worker import TERMINATED
from benchmarks.inputs.corpus import bundled_texts, pubmed_like_texts
from benchmarks.inputs.minilm import minilm_artifact
from benchmarks.machine.environment import environment
from benchmarks.machine.memory import figures
from benchmarks.report.load_verdict import MINUTE_S, Sample, minutes, verdict
from biobert_onnx import SentenceEncoder

RESULTS = Path(__file__).parent / "results" / "load"
WORK = Path("build/load")

SHORT_TEXTS = 300
LONG_TEXTS = 20
WORDS = (50, 110)
"""In a long text: within MiniLM's 256 tokens."""

MALLOC_ARENAS = "2"
INTERVAL_S = 1.0
PATIENCE_S = 120
"""Seconds that an ended process may take; the processes share the CPUs."""


def texts() -> list[str]:
    """Different texts, as PubMed's sentences, and longer ones."""
    words, chance = " ".join(bundled_texts()).split(), random.Random(7)
    long = [" ".join(chance.choices(words, k=chance.randint(*WORDS))) for _ in range(LONG_TEXTS)]
    return [*pubmed_like_texts(SHORT_TEXTS), *long]


def prepare() -> list[str]:
    """Export the artifact, write the texts and their vectors; returns the worker's arguments."""
    artifact = minilm_artifact(WORK)
    (WORK / "texts.json").write_text(json.dumps(texts()), encoding="utf-8")
    (WORK / "texts.txt").write_text("".join(f"{text}\n" for text in pubmed_like_texts(20_000)), encoding="utf-8")
    with SentenceEncoder(artifact, threads=1) as encoder:
        np.save(WORK / "vectors.npy", np.concatenate([encoder.encode([text], long_texts="error") for text in texts()]))
    return [str(path) for path in (artifact, WORK / "texts.json", WORK / "vectors.npy")]


def sample(processes: Sequence[subprocess.Popen[str]], seconds: float) -> Sample:
    """What all processes together hold now; raises ValueError if one has ended."""
    if gone := [process.returncode for process in processes if process.poll() is not None]:
        raise ValueError(f"processes ended by themselves, with {gone}")
    rows = [_held(process.pid) for process in processes]
    resident, anonymous, threads, files = (sum(column) for column in zip(*rows, strict=True))
    return round(seconds, 1), resident, anonymous, threads, files


def _held(process: int) -> list[int]:
    return [*figures(process, "VmRSS", "RssAnon", "Threads"), sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())]


def terminated_command(number: int) -> float:
    """Seconds in which SIGTERM ended the command `encode` at work; raises ValueError if it did not, or left output."""
    output = WORK / f"ended-{number}.npy"
    command = [sys.executable, "-m", "biobert_onnx", "encode", str(WORK / "artifact"), str(WORK / "texts.txt")]
    with subprocess.Popen([*command, "-o", str(output)], stdout=subprocess.DEVNULL) as process:
        while not list(WORK.glob(f".{output.name}.*")):  # it appears with the first chunk
            time.sleep(0.1)
        time.sleep(random.Random(number).random())
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE_S)
    if code != -signal.SIGTERM or output.exists():
        raise ValueError(f"'{' '.join(command)}' ended with {code}, output {output.exists()}, on SIGTERM")
    return round(time.monotonic() - start, 3)


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a process did that SIGTERM was sent to; raises ValueError if it ended in another way."""
    start = time.monotonic()
    out, _ = process.communicate(timeout=PATIENCE_S)
    if process.returncode != TERMINATED:
        raise ValueError(f"a process ended with {process.returncode}, expected {TERMINATED}")
    report: dict[str, Any] = json.loads(out.splitlines()[-1])
    return report | {"seconds_to_end": round(time.monotonic() - start, 3)}


def run(seconds: float, *, processes: int, threads: int) -> dict[str, Any]:
    """The raw record of `processes` workers of `threads` threads under load for `seconds`."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.harness.load_worker", *prepare(), str(threads)]
    samples: list[Sample] = []
    commands: list[Future[float]] = []
    with at_work(command, processes) as workers, ThreadPoolExecutor(1) as beside:
        start = time.monotonic()
        while (elapsed := time.monotonic() - start) < seconds:
            samples.append(sample(workers, elapsed))
            if elapsed > MINUTE_S * (len(commands) + 0.5):
                commands.append(beside.submit(terminated_command, len(commands)))
            time.sleep(INTERVAL_S)
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        reports = [ended(worker) for worker in workers]
    return {"samples": samples, "processes": reports, "commands_ended_s": [future.result() for future in commands]}


@contextmanager
def at_work(command: Sequence[str], processes: int) -> Iterator[Sequence[subprocess.Popen[str]]]:
    """Processes of `command` that have all begun their work; none is left when the block ends."""
    variables = {**os.environ, "MALLOC_ARENA_MAX": MALLOC_ARENAS}
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) for _ in range(processes)]
    try:
        for worker in workers:
            next(iter(worker.stdout or ()), None)
        yield workers
    finally:
        for worker in workers:
            worker.kill()


def main() -> int:
    """Run what the command line asks for, write the record, say what came out; returns 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--threads", type=int, default=8, help="callers in each process")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the record")
    options = parser.parse_args()
    raw = run(options.seconds, processes=options.processes, threads=options.threads)
    found = verdict(raw)
    settings = {"seconds": options.seconds, "threads": options.threads}
    record = {"environment": environment(), **settings, **found, "by_minute": minutes(raw["samples"]), **raw}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "load.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    print(json.dumps(found | {"commands_ended_s": raw["commands_ended_s"]}, indent=1))
    shutil.rmtree(WORK)
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
