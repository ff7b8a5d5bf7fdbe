"""Measure every contender on each subject, and write results/peers/SUBJECT.json; benchmarks.render makes the report.

Without --checkpoint the subjects are the trained all-MiniLM-L6-v2, the trained all-mpnet-base-v2, which has BioBERT's
size, and the stand-in: a network of BioBERT's size with random weights and planted outliers. Contenders take turns in
random order, each in a process of its own. The record keeps all raw samples. A contender with wrong vectors gets no
speed figures.

A subject is measured in parts, such as throughput and latency. After an interruption the same command goes on behind
the last complete part, as long as the revision, the versions and the machine are the same.
"""

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.harness.agreement import record_agreement
from benchmarks.harness.bench import Bench, Effort, Record
from benchmarks.harness.correctness import check_vectors
from benchmarks.harness.parts import Parts
from benchmarks.harness.prepare import prepare_all
from benchmarks.harness.program import program_parser, run_program
from benchmarks.harness.records import add_only, add_subjects, write_records
from benchmarks.harness.subjects import Subject
from benchmarks.harness.timings import (
    choose_settings,
    take_memory,
    time_corpus,
    time_corpus_sizes,
    time_latency,
    time_lengths,
    time_starts,
)
from benchmarks.inputs.checkpoints import STANDIN, held_out_texts
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.minilm import MINILM
from benchmarks.inputs.mpnet import MPNET
from benchmarks.inputs.user_texts import read_texts
from benchmarks.machine.environment import environment
from benchmarks.peers.bounds import BOUNDS, PRODUCTS
from benchmarks.peers.contenders import REFERENCE, with_owners
from benchmarks.results import RESULTS
from biobert_onnx.encoding.cpus import usable_cpus

WORK = Path("build/measure")
"""The folder of the subjects' files, and of the parts that are complete."""

CORPUS_SIZES = (1000, 10_000, 100_000)

BIOBERT_SIZE = Effort(corpus=120, fidelity=60, length_tokens=512, rounds=2, starts=2, corpus_sizes=CORPUS_SIZES[:1])
FULL = {
    MINILM: Effort(corpus=1000, fidelity=100, length_tokens=2048, rounds=3, starts=3, corpus_sizes=CORPUS_SIZES),
    MPNET: BIOBERT_SIZE,
    STANDIN: BIOBERT_SIZE,
}
FULL_DEFAULT = Effort(corpus=400, fidelity=60, length_tokens=1024, rounds=3, starts=3, corpus_sizes=CORPUS_SIZES[:2])
QUICK = Effort(corpus=150, fidelity=20, length_tokens=512, rounds=1, starts=1, corpus_sizes=CORPUS_SIZES[:1])


def measure(subject: Subject, names: Sequence[str], corpus: Sequence[str], effort: Effort) -> Record:
    """Measure one subject in parts, and return its record: every contender's samples, or why it has none.

    Parts that an earlier run completed are not done again.
    """
    everyone, timed, rounds = [*names, *BOUNDS], [*names, PRODUCTS], effort.rounds
    with Bench(subject, everyone, threads=usable_cpus()) as bench:
        parts = Parts(subject.parts_file, _conditions(bench, corpus, effort), bench.records)
        bench.records = parts.records
        parts.do("files", lambda: _make_files(bench))
        parts.do("cold starts", lambda: time_starts(bench, everyone, effort.starts))
        parts.do("vectors", lambda: check_vectors(bench, held_out_texts()[: effort.fidelity], names))
        parts.do("neighbours", lambda: record_agreement(bench, corpus, names))
        parts.do("settings", lambda: choose_settings(bench, timed, corpus, rounds))
        parts.do("throughput", lambda: time_corpus(bench, timed, corpus, rounds))
        parts.do("memory", lambda: take_memory(bench, names, corpus))
        parts.do("lengths", lambda: time_lengths(bench, timed, corpus, effort.length_tokens, rounds))
        parts.do("latency", lambda: time_latency(bench, names, corpus, rounds))
        parts.do("corpus sizes", lambda: time_corpus_sizes(bench, effort.corpus_sizes))
    return {
        "parts": parts.complete,
        "threads": bench.threads,
        "corpus": {"texts": len(corpus), "tokens": subject.count_tokens(corpus)},
        "length_tokens": effort.length_tokens,
        "bounds": {name: bench.records.pop(name) for name in BOUNDS},
        "contenders": bench.records,
    }


def _make_files(bench: Bench) -> None:
    bench.subject.write_reference_graph()
    prepare_all(bench)


def _conditions(bench: Bench, corpus: Sequence[str], effort: Effort) -> Record:
    """Return what must be equal for all parts of a record."""
    found = environment()
    texts = hashlib.sha256("\n".join(corpus).encode()).hexdigest()
    machine = {key: found[key] for key in ("cpu", "cpu_family_model", "flags", "versions", "revision")}
    return {**machine, "threads": bench.threads, "contenders": list(bench.records), "texts": texts, **asdict(effort)}


def main() -> None:
    """Measure with the arguments of the command line, and write one record a subject."""
    options = _options()
    names = with_owners([REFERENCE, *options.only])
    own_texts = read_texts(options.corpus) if options.corpus else []

    def measured(subject: Subject) -> Record:
        effort = QUICK if options.quick else FULL.get(subject.name, FULL_DEFAULT)
        texts = own_texts if options.corpus else pubmed_like_texts(effort.corpus)
        corpus = texts[: effort.corpus]
        return measure(subject, names, corpus, effort)

    write_records(options, measured, name=lambda record: str(record["subject"]), work=options.work)


def _options() -> argparse.Namespace:
    parser = program_parser(__doc__)
    quick = "take all-MiniLM-L6-v2, a few texts and one round, to see that everything runs"
    add_subjects(parser, quick=quick, output=RESULTS / "peers")
    parser.add_argument(
        "--corpus", type=Path, metavar="FILE", help="your texts, one a line (default: made from bundled text)"
    )
    add_only(parser, "contenders to measure beside PyTorch float32")
    parser.add_argument(
        "--work", type=Path, default=WORK, metavar="FOLDER", help="keeps what is complete (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_program(main)
