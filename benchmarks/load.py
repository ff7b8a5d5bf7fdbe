"""Run eight processes of eight threads on one artifact, and write results/load/load-ENGINE.json.

In each process (benchmarks.harness.load_worker) the threads share one encoder and call it in every way there is, while
the main thread opens, uses and closes encoders of its own, and forks. Every vector is compared bit by bit. Every minute
the command `encode` gets SIGTERM, and at the end all processes get it while they work. The run lasts ten minutes, or
until a thousand encoders were opened, if that takes longer: a slow CPU opens fewer.

Nothing leaks if each process has no more threads and file descriptors after its last encoder is closed than before the
first, and if the median of the anonymous memory in the last tenth of the time is at most 5 %, and at most 10 MiB a
process, above the median in the second tenth. glibc's malloc gives freed memory back to the system here (MALLOC): what
it keeps by default grows for minutes and hides a leak.
"""

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

from benchmarks.harness.program import TERMINATED, add_engine, program_parser, run_program
from benchmarks.inputs.corpus import bundled_texts, pubmed_like_texts
from benchmarks.inputs.minilm import minilm_artifact
from benchmarks.machine.environment import environment
from benchmarks.machine.memory import proc_numbers
from benchmarks.report.load_verdict import MIN_OPENED, MINUTE_S, Sample, minutes, verdict
from benchmarks.results import RESULTS, write_record
from biobert_onnx import SentenceEncoder
from biobert_onnx._file_status import exists

WORK = Path("build/load")
"""The folder of the artifact and the texts; a run empties it first and removes it at the end."""

OPENED = WORK / "opened"
"""A file with one byte for each encoder that a process has opened and closed."""

SHORT_TEXTS = 300
LONG_TEXTS = 20
WORDS = (50, 110)
"""Least and most words of a long text, which has fewer than MiniLM's 256 tokens."""

MALLOC = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "65536"}
"""Variables of glibc's malloc (mallopt(3)). By default it has eight arenas a core, and soon keeps freed blocks of up to
32 MiB. With these it has two arenas, and gives every block of 64 KiB or more back: most of an encoder's memory."""

SAMPLE_INTERVAL_S = 1.0

MOST_TIMES = 6
"""A run ends at the latest after so many times its seconds, however few encoders were opened by then."""

EXIT_TIMEOUT_S = 120
"""Seconds that a process may take to end after SIGTERM; all processes share the CPUs."""


def texts() -> list[str]:
    """Make different texts as long as PubMed's sentences, and longer ones."""
    words, chance = " ".join(bundled_texts()).split(), random.Random(7)
    long = [" ".join(chance.choices(words, k=chance.randint(*WORDS))) for _ in range(LONG_TEXTS)]
    return [*pubmed_like_texts(SHORT_TEXTS), *long]


def prepare(engine: str) -> list[str]:
    """Export the artifact, write the texts and their vectors; returns the worker's arguments."""
    artifact = minilm_artifact(WORK)
    OPENED.touch()
    (WORK / "texts.json").write_text(json.dumps(texts()), encoding="utf-8", newline="\n")
    (WORK / "texts.txt").write_text(
        "".join(f"{text}\n" for text in pubmed_like_texts(20_000)), encoding="utf-8", newline="\n"
    )
    with SentenceEncoder(artifact, threads=1, engine=engine) as encoder:
        np.save(WORK / "vectors.npy", np.concatenate([encoder.encode([text], long_texts="error") for text in texts()]))
    return [*(str(path) for path in (artifact, WORK / "texts.json", WORK / "vectors.npy", OPENED)), engine]


def sample(processes: Sequence[subprocess.Popen[str]], seconds: float) -> Sample:
    """Return what all processes together hold now; raises ValueError if a process has ended."""
    if gone := [process.returncode for process in processes if process.poll() is not None]:
        raise ValueError(f"processes ended before SIGTERM, with the exit codes {gone}")
    rows = [_held(process.pid) for process in processes]
    resident, anonymous, threads, files = (sum(column) for column in zip(*rows, strict=True))
    return round(seconds, 1), resident, anonymous, threads, files


def _held(process: int) -> list[int]:
    return [
        *proc_numbers(process, "VmRSS", "RssAnon", "Threads"),
        sum(1 for _ in Path(f"/proc/{process}/fd").iterdir()),
    ]


def terminated_command(number: int, engine: str) -> float:
    """End the command `encode` at work by SIGTERM, and return the seconds it took.

    Raises ValueError if the command ended in another way, or left an output.
    """
    output = WORK / f"ended-{number}.npy"
    command = [sys.executable, "-m", "biobert_onnx", "encode", str(WORK / "artifact"), str(WORK / "texts.txt")]
    with subprocess.Popen([*command, "-o", str(output), "--engine", engine], stdout=subprocess.DEVNULL) as process:
        while not list(WORK.glob(f".{output.name}.*")):  # it appears with the first chunk
            time.sleep(0.1)
        time.sleep(random.Random(number).random())
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(EXIT_TIMEOUT_S)
    if code != TERMINATED or exists(output):
        raise ValueError(f"'{' '.join(command)}' ended with {code}, output {exists(output)}, on SIGTERM")
    return round(time.monotonic() - start, 3)


def report_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a process that got SIGTERM, and return its report; raises ValueError if it ended in another way."""
    start = time.monotonic()
    out, _ = process.communicate(timeout=EXIT_TIMEOUT_S)
    if process.returncode != TERMINATED:
        raise ValueError(f"a process ended with {process.returncode}, expected {TERMINATED}")
    report: dict[str, Any] = json.loads(out.splitlines()[-1])
    return report | {"seconds_to_end": round(time.monotonic() - start, 3)}


def is_enough(elapsed: float, seconds: float, opened: int) -> bool:
    """Whether a run of `elapsed` seconds may end: after `seconds` with enough encoders, or at the latest."""
    return elapsed >= seconds and (opened >= MIN_OPENED or elapsed >= MOST_TIMES * seconds)


def run(seconds: float, *, engine: str, processes: int, threads: int) -> dict[str, Any]:
    """Keep `processes` workers of `threads` threads at work until it is enough, and return the raw record."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.harness.load_worker", *prepare(engine), str(threads)]
    samples: list[Sample] = []
    commands: list[Future[float]] = []
    with at_work(command, processes) as workers, ThreadPoolExecutor(1) as beside:
        start = time.monotonic()
        while not is_enough(elapsed := time.monotonic() - start, seconds, OPENED.stat().st_size):
            samples.append(sample(workers, elapsed))
            if elapsed > MINUTE_S * (len(commands) + 0.5):
                commands.append(beside.submit(terminated_command, len(commands), engine))
            time.sleep(SAMPLE_INTERVAL_S)
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        reports = [report_of(worker) for worker in workers]
    return {
        "seconds": round(elapsed, 1),
        "samples": samples,
        "processes": reports,
        "commands_ended_s": [future.result() for future in commands],
    }


@contextmanager
def at_work(command: Sequence[str], processes: int) -> Iterator[Sequence[subprocess.Popen[str]]]:
    """Start processes of `command` and wait until all have begun their work; they are killed when the block ends."""
    variables = {**os.environ, **MALLOC}
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) for _ in range(processes)]
    try:
        for worker in workers:
            next(iter(worker.stdout or ()), None)
        yield workers
    finally:
        for worker in workers:
            worker.kill()


def main() -> int:
    """Run with the arguments of the command line, write the record, print the verdict; returns 1 for a fault."""
    parser = program_parser(__doc__)
    add_engine(parser)
    parser.add_argument("--seconds", type=float, default=600, help="at least (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=8, help="callers in each process (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS / "load", metavar="FOLDER", help="default: %(default)s")
    options = parser.parse_args()
    raw = run(options.seconds, engine=options.engine, processes=options.processes, threads=options.threads)
    found = verdict(raw)
    settings = {"engine": options.engine, "threads": options.threads}
    record = {"environment": environment(), **settings, **found, "by_minute": minutes(raw["samples"]), **raw}
    write_record(options.output / f"load-{options.engine}.json", record, indent=None)
    print(json.dumps(found | {"commands_ended_s": raw["commands_ended_s"]}, indent=1))
    shutil.rmtree(WORK)
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    run_program(main)
