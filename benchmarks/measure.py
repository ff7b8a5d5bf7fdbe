"""Measures every contender on a subject and writes benchmarks/results/NAME.json; rendering is another program.

    python -m benchmarks.measure [--quick] [--checkpoint FOLDER] [--corpus FILE] [--only NAME ...]

Without --checkpoint: the real all-MiniLM-L6-v2 and the stand-in of BioBERT's geometry. Contenders take turns in random
order, one process each; raw samples are kept. A contender whose vectors are not the reference's gets no speed figures.
"""

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import CONTENDERS, REFERENCE, Contender
from benchmarks.corpus import pubmed_like_texts
from benchmarks.demo import minilm_checkpoint
from benchmarks.environment import environment
from benchmarks.standin import write_standin
from benchmarks.subjects import Subject
from benchmarks.worker import Worker, WorkerError, contender_folder
from biobert_onnx.cpus import usable_cpus
from biobert_onnx_export.fidelity import cosines
from biobert_onnx_export.texts import TextSets

RESULTS = Path(__file__).parent / "results"

LEAST_COSINE = {"float32": 0.9999, "bfloat16": 0.99, "int8": 0.8}
"""Least mean cosine to the reference, by precision, below which a contender's vectors are wrong."""

BATCHES = (4, 8, 16, 32)
LENGTHS = (16, 32, 64, 128, 256, 512)
SEED = 3

Vectors = NDArray[np.float32]
Record = dict[str, Any]
Records = dict[str, Record]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured: texts of the corpus and of the fidelity check, rounds, repeats of one text."""

    corpus: int
    fidelity: int
    rounds: int
    repeats: int
    starts: int


FULL = {"all-MiniLM-L6-v2": Effort(corpus=200, fidelity=100, rounds=5, repeats=3, starts=2)}
FULL_DEFAULT = Effort(corpus=80, fidelity=60, rounds=3, repeats=2, starts=2)
QUICK = Effort(corpus=24, fidelity=20, rounds=2, repeats=2, starts=1)


def measure(subject: Subject, names: Sequence[str], corpus: Sequence[str], effort: Effort) -> Record:
    """The record of one subject: every contender's figures, or why it has none."""
    threads, chance = usable_cpus(), random.Random(SEED)
    records: Records = {name: {"precision": CONTENDERS[name].precision} for name in names}
    say(f"{subject.name}: preparing {len(names)} contenders")
    for name in names:
        attempt(records[name], prepare, subject, name)
    say(f"{subject.name}: checking vectors")
    expected: dict[str, Vectors] = {}
    for name in names:
        attempt(records[name], check_vectors, subject, name, threads, fidelity_texts(effort.fidelity), expected)
    say(f"{subject.name}: cold starts")
    for name in turns(records, effort.starts, chance):
        attempt(records[name], cold_start, subject, name, threads)
    say(f"{subject.name}: throughput on {len(corpus)} texts")
    measure_throughput(subject, records, corpus, effort.rounds, threads, chance)
    say(f"{subject.name}: latency")
    measure_latency(subject, records, corpus, effort.repeats, threads, chance)
    tokens = sum(len(encoding.ids) for encoding in subject.tokenizer().encode_batch(list(corpus)))
    return {
        "subject": subject.name,
        "geometry": {"layers": subject.layers, "dim": subject.dim, "heads": subject.heads},
        "threads": threads,
        "corpus": {"texts": len(corpus), "tokens": tokens},
        "contenders": records,
    }


def attempt(record: Record, step: Any, *arguments: Any) -> None:
    """Run `step` for a contender that has not failed yet; a failure is recorded, and the others go on."""
    if "failure" in record or "refusal" in record:
        return
    try:
        step(record, *arguments)
    except WorkerError as error:
        record["failure"] = str(error)[:300]


def prepare(record: Record, subject: Subject, name: str) -> None:
    """Make the contender's files in a process of its own; records seconds and bytes."""
    folder = contender_folder(subject, name)
    folder.mkdir()
    begin = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.prepare", name, subject.work]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise WorkerError(f"prepare: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    record["export_seconds"] = time.perf_counter() - begin
    files = [path for path in folder.rglob("*") if path.is_file()]
    files = files or list(Path(subject.checkpoint).glob("*.safetensors"))
    record["artifact_bytes"] = sum(path.stat().st_size for path in files)


def check_vectors(
    record: Record, subject: Subject, name: str, threads: int, texts: Sequence[str], expected: dict[str, Vectors]
) -> None:
    """Record the fidelity of the contender's vectors, and whether a text's vector changes with its batch."""
    with worker_of(subject, name, threads) as worker:
        together = worker.vectors(texts, batch=16)
        alone = np.vstack([worker.vectors([text], batch=1) for text in texts])
    judge(record, together, alone, expected.setdefault(REFERENCE, alone))


def judge(record: Record, together: Vectors, alone: Vectors, reference: Vectors) -> None:
    """Record the fidelity of the vectors that a contender gave texts `together`, and refuse it if they are wrong."""
    cosine, self_cosine = cosines(together, reference), cosines(together, alone)
    record["fidelity"] = {
        "texts": len(reference),
        "cosine_mean": float(cosine.mean()),
        "cosine_p1": float(np.percentile(cosine, 1)),
        "cosine_min": float(cosine.min()),
        "changed_by_batch": int((together != alone).any(axis=1).sum()),
        "batch_cosine_min": float(self_cosine.min()),
    }
    least = LEAST_COSINE[record["precision"]]
    if not cosine.mean() >= least:
        record["refusal"] = f"mean cosine {cosine.mean():.4f} to the reference, its precision needs at least {least}"


def cold_start(record: Record, subject: Subject, name: str, threads: int) -> None:
    """Record one start-up, and the memory of a second process beside the first."""
    with worker_of(subject, name, threads) as worker, worker_of(subject, name, threads) as second:
        record.setdefault("cold_starts", []).append(worker.start)
        record.setdefault("second_process", []).append(second.memory())


def measure_throughput(
    subject: Subject, records: Records, corpus: Sequence[str], rounds: int, threads: int, chance: random.Random
) -> None:
    """Seconds of the whole corpus, in rounds of random order, each contender at its best batch size; then memory."""
    sound = [name for name, record in records.items() if "failure" not in record and "refusal" not in record]
    workers = {name: worker_of(subject, name, threads) for name in sound}
    for name, worker in workers.items():
        records[name]["setting"] = {
            "threads": threads,
            "streams": streams_of(CONTENDERS[name], threads),
            "batch": best_batch(worker, CONTENDERS[name], corpus),
        }
    for name in turns(records, rounds, chance):
        if name in workers:
            batch = records[name]["setting"]["batch"] or 1
            records[name].setdefault("throughput_seconds", []).extend(workers[name].seconds(corpus, batch=batch))
    for name, worker in workers.items():
        records[name]["memory"] = worker.memory()
        worker.close()


def best_batch(worker: Worker, contender: Contender, corpus: Sequence[str]) -> int | None:
    """The batch size of BATCHES that encodes the start of the corpus fastest; None if the contender chooses itself."""
    if not contender.batched:
        return None
    sample = corpus[: max(BATCHES) * 2]
    return min(BATCHES, key=lambda batch: statistics.median(worker.seconds(sample, batch=batch, repeats=2)))


def measure_latency(
    subject: Subject, records: Records, corpus: Sequence[str], repeats: int, threads: int, chance: random.Random
) -> None:
    """Seconds of one text alone, by its number of tokens, in rounds of random order."""
    texts = {length: subject.text_of(length, corpus) for length in LENGTHS}
    sound = [name for name, record in records.items() if "throughput_seconds" in record]
    workers = {name: Worker(name, Path(subject.work), threads=threads, streams=1) for name in sound}
    for name in sound:
        records[name]["latency_seconds"] = {str(length): [] for length in LENGTHS}
        for text in texts.values():
            workers[name].seconds([text], batch=1)
    for _ in range(repeats):
        for length, text in texts.items():
            for name in chance.sample(sound, len(sound)):
                samples = workers[name].seconds([text], batch=1, repeats=3)
                records[name]["latency_seconds"][str(length)] += samples
    for worker in workers.values():
        worker.close()


def worker_of(subject: Subject, name: str, threads: int) -> Worker:
    """A process of the contender, set up for throughput."""
    return Worker(name, Path(subject.work), threads=threads, streams=streams_of(CONTENDERS[name], threads))


def streams_of(contender: Contender, threads: int) -> int:
    """As many streams as threads for who can, else one."""
    return threads if contender.streams else 1


def turns(records: Records, rounds: int, chance: random.Random) -> list[str]:
    """Every contender once a round, in a new random order each round."""
    return [name for _ in range(rounds) for name in chance.sample(list(records), len(records))]


def fidelity_texts(count: int) -> list[str]:
    """Texts that no calibration has seen."""
    reports = TextSets.read(None).reports
    return [*reports["general"][: count // 4], *reports["report"][: count - count // 4]]


def say(message: str) -> None:
    """Show progress."""
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure what the command line asks for and write one record a subject."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few texts and rounds: does everything run?")
    parser.add_argument("--checkpoint", type=Path, help="a BERT checkpoint's folder, in place of the two subjects")
    parser.add_argument("--corpus", type=Path, help="texts to encode, one a line (default: made from bundled text)")
    parser.add_argument("--only", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the records")
    options = parser.parse_args()
    names = list(dict.fromkeys([REFERENCE, *options.only]))
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, checkpoint in subjects(options.checkpoint, Path(scratch)):
            effort = QUICK if options.quick else FULL.get(name, FULL_DEFAULT)
            texts = options.corpus.read_text(encoding="utf-8").splitlines() if options.corpus else None
            corpus = (texts or pubmed_like_texts(effort.corpus))[: effort.corpus]
            subject = Subject.prepare(name, checkpoint, Path(scratch) / f"work-{name}")
            record = {"environment": environment(), "quick": options.quick}
            record |= measure(subject, names, corpus, effort)
            path = options.output / f"{name}.json"
            path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            say(f"wrote {path}")
            shutil.rmtree(subject.work)


def subjects(checkpoint: Path | None, scratch: Path) -> list[tuple[str, Path]]:
    """Name and folder of each checkpoint to measure."""
    if checkpoint is not None:
        return [(checkpoint.absolute().name, checkpoint.absolute())]
    write_standin(scratch / "standin")
    return [("all-MiniLM-L6-v2", minilm_checkpoint(scratch).resolve()), ("standin", scratch / "standin")]


if __name__ == "__main__":
    main()
