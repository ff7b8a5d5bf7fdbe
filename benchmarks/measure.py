"""Measure every contender on each subject, and write results/peers/SUBJECT.json; benchmarks.render makes the report.

Without --checkpoint the subjects are the trained all-MiniLM-L6-v2, the trained all-mpnet-base-v2, which has BioBERT's
size, and the stand-in: a network of BioBERT's size with random weights and planted outliers. Contenders take turns in
random order, each in a process of its own. The record keeps all raw samples. A contender with wrong vectors gets no
speed figures.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.agreement import record_agreement
from benchmarks.harness.bench import Bench, Effort, Record
from benchmarks.harness.correctness import check_vectors
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
from benchmarks.inputs.checkpoints import held_out_texts
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.minilm import MINILM
from benchmarks.inputs.mpnet import MPNET
from benchmarks.inputs.user_texts import read_texts
from benchmarks.peers.bounds import BOUNDS, PRODUCTS
from benchmarks.peers.contenders import REFERENCE, with_owners
from benchmarks.results import RESULTS
from biobert_onnx.encoding.cpus import usable_cpus

CORPUS_SIZES = (1000, 10_000, 100_000)

FULL = {
    MINILM: Effort(corpus=1000, fidelity=100, length_tokens=2048, rounds=3, starts=3, corpus_sizes=CORPUS_SIZES),
    MPNET: Effort(corpus=120, fidelity=60, length_tokens=512, rounds=2, starts=2, corpus_sizes=CORPUS_SIZES[:1]),
}
FULL_DEFAULT = Effort(corpus=400, fidelity=60, length_tokens=1024, rounds=3, starts=3, corpus_sizes=CORPUS_SIZES[:2])
QUICK = Effort(corpus=150, fidelity=20, length_tokens=512, rounds=1, starts=1, corpus_sizes=CORPUS_SIZES[:1])


def measure(subject: Subject, names: Sequence[str], corpus: Sequence[str], effort: Effort) -> Record:
    """Measure one subject, and return what its record holds: every contender's samples, or why it has none."""
    subject.write_reference_graph()
    rounds = effort.rounds
    with Bench(subject, [*names, *BOUNDS], threads=usable_cpus()) as bench:
        prepare_all(bench)
        time_starts(bench, [*names, *BOUNDS], effort.starts)
        check_vectors(bench, held_out_texts()[: effort.fidelity], names)
        record_agreement(bench, corpus, names)
        timed = [*names, PRODUCTS]
        choose_settings(bench, timed, corpus, rounds)
        time_corpus(bench, timed, corpus, rounds)
        take_memory(bench, names, corpus)
        time_lengths(bench, timed, corpus, effort.length_tokens, rounds)
        time_latency(bench, names, corpus, rounds)
        time_corpus_sizes(bench, effort.corpus_sizes)
    return {
        "threads": bench.threads,
        "corpus": {"texts": len(corpus), "tokens": subject.count_tokens(corpus)},
        "length_tokens": effort.length_tokens,
        "bounds": {name: bench.records.pop(name) for name in BOUNDS},
        "contenders": bench.records,
    }


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

    write_records(options, measured, name=lambda record: str(record["subject"]))


def _options() -> argparse.Namespace:
    parser = program_parser(__doc__)
    quick = "take all-MiniLM-L6-v2, a few texts and one round, to see that everything runs"
    add_subjects(parser, quick=quick, output=RESULTS / "peers")
    parser.add_argument(
        "--corpus", type=Path, metavar="FILE", help="your texts, one a line (default: made from bundled text)"
    )
    add_only(parser, "contenders to measure beside PyTorch float32")
    return parser.parse_args()


if __name__ == "__main__":
    run_program(main)
