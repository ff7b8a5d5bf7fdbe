"""Measure both engines and their peers on 1, 2, 4, 8, ... CPUs, and write results/threads/SUBJECT-KERNEL.json.

Each sample is of a new process, with as many threads as CPUs; contenders and numbers of CPUs take turns in random
order. The record has the tokens a second of a corpus, the seconds of one text, the memory, and the CPU's peak. A record
is of one kind of CPU, named by the kernel that it takes. benchmarks.render puts all of them into the report.
"""

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.bench import SEED, Bench, Record
from benchmarks.harness.prepare import prepare_all
from benchmarks.harness.program import program_parser, run_program
from benchmarks.harness.records import add_subjects, write_records
from benchmarks.harness.subjects import Subject
from benchmarks.harness.timings import choose_settings, time_calls
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.peers.bounds import PRODUCTS
from benchmarks.peers.contenders import (
    CTRANSLATE2_INT8,
    OPENVINO_INT8,
    OURS,
    OURS_ONNXRUNTIME,
    REFERENCE,
    USUAL_INT8,
    with_owners,
)
from benchmarks.report.cpu_sweep import sweep_name
from benchmarks.results import RESULTS
from biobert_onnx.encoding.cpus import usable_cpus

COMPARED = (REFERENCE, USUAL_INT8, OPENVINO_INT8, CTRANSLATE2_INT8, OURS, OURS_ONNXRUNTIME)
"""Both engines, and the peers."""

LENGTHS = (32, 128)
"""Tokens of the texts whose latency is measured."""

LEAST_TEXTS = 240
TEXTS_PER_CPU = 60
"""The corpus grows with the CPUs, so that each has work for a while."""

WARM_UP_DIVISOR = 8
"""A process encodes 1/8 of the corpus before its first sample."""

ROUNDS = 3


def cpu_counts(most: int) -> tuple[int, ...]:
    """Return 1, 2, 4, 8, ... up to `most`, which is always there.

    >>> cpu_counts(12)
    (1, 2, 4, 8, 12)
    """
    return (*(1 << power for power in range(most.bit_length()) if 1 << power < most), most)


def measure(subject: Subject, names: Sequence[str], corpus: Sequence[str], rounds: int) -> dict[str, Any]:
    """Measure one subject, and return what its record holds: the samples of every contender by the number of CPUs."""
    subject.write_reference_graph()
    benches = {count: Bench(subject, [*names, PRODUCTS], threads=count) for count in cpu_counts(usable_cpus())}
    prepared, *others = benches.values()
    prepare_all(prepared)
    for bench in others:
        bench.records = {name: dict(record) for name, record in prepared.records.items()}
    for bench in benches.values():
        with bench:
            choose_settings(bench, [*names, PRODUCTS], corpus, 1)
    for count in _turns(list(benches), rounds):
        _take_samples(benches[count], corpus)
    return {
        "threads": usable_cpus(),
        "corpus": {"texts": len(corpus), "tokens": subject.count_tokens(corpus)},
        "by_cpus": {str(count): bench.records for count, bench in benches.items()},
    }


def _turns(counts: Sequence[int], rounds: int) -> list[int]:
    chance = random.Random(SEED)
    return [count for _ in range(rounds) for count in chance.sample(counts, len(counts))]


def _take_samples(bench: Bench, corpus: Sequence[str]) -> None:
    """Add one sample of everything to the record of each contender."""
    texts = {length: bench.subject.texts_of_length(length, 1, corpus) for length in LENGTHS}

    def encode(name: str, record: Record) -> None:
        setting = record["setting"]
        with bench.new_worker(name, streams=setting["streams"]) as worker:
            worker.seconds(corpus[: len(corpus) // WARM_UP_DIVISOR], batch=setting["batch"])
            record.setdefault("throughput_seconds", []).extend(worker.seconds(corpus, batch=setting["batch"]))
            record.setdefault("memory", []).append(worker.memory())
        latency = record.setdefault("latency_seconds", {str(length): [] for length in LENGTHS})
        with bench.new_worker(name) as worker:
            for length in LENGTHS:
                latency[str(length)] += time_calls(worker, texts[length])

    bench.each(encode, list(bench.records), title=f"{bench.threads} CPUs")


def main() -> None:
    """Measure with the arguments of the command line, and write one record a subject."""
    options = _options()
    names = with_owners(options.only)
    corpus = pubmed_like_texts(max(LEAST_TEXTS, TEXTS_PER_CPU * usable_cpus()))
    rounds = 1 if options.quick else ROUNDS
    with tempfile.TemporaryDirectory() as work:
        write_records(
            options, lambda subject: measure(subject, names, corpus, rounds), name=sweep_name, work=Path(work) / "work"
        )


def _options() -> argparse.Namespace:
    parser = program_parser(__doc__)
    add_subjects(parser, quick="take all-MiniLM-L6-v2 and one round", output=RESULTS / "threads")
    parser.add_argument(
        "--only", nargs="+", choices=COMPARED, default=COMPARED, metavar="NAME", help="contenders (default: all)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_program(main)
