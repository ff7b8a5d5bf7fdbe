"""Measure every contender on each subject, and write results/peers/SUBJECT.json; benchmarks.render makes the report.

Without --checkpoint the subjects are the trained all-MiniLM-L6-v2, and the stand-in: a network of BioBERT's size with
random weights and planted outliers. Contenders take turns in random order, each in a process of its own. The record
keeps all raw samples. A contender with wrong vectors gets no speed figures.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.bench import Bench, Effort, Record, print_progress
from benchmarks.harness.correctness import check_vectors
from benchmarks.harness.prepare import prepare_all
from benchmarks.harness.program import program_parser, run_program
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
from benchmarks.inputs.checkpoints import held_out_texts, measured_checkpoints
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.minilm import MINILM
from benchmarks.machine.environment import environment
from benchmarks.peers.bounds import BOUNDS, PRODUCTS
from benchmarks.peers.contenders import CONTENDERS, REFERENCE, with_owners
from benchmarks.results import RESULTS
from biobert_onnx.encoding.cpus import usable_cpus

CORPUS_SIZES = (1000, 10_000, 100_000)

FULL = {MINILM: Effort(corpus=1000, fidelity=100, length_tokens=2048, rounds=3, starts=3, corpus_sizes=CORPUS_SIZES)}
FULL_DEFAULT = Effort(corpus=400, fidelity=60, length_tokens=1024, rounds=3, starts=3, corpus_sizes=CORPUS_SIZES[:2])
QUICK = Effort(corpus=150, fidelity=20, length_tokens=512, rounds=1, starts=1, corpus_sizes=CORPUS_SIZES[:1])


def measure(subject: Subject, names: Sequence[str], corpus: Sequence[str], effort: Effort) -> Record:
    """Measure one subject, and return its record: every contender's samples, or why it has none."""
    subject.write_reference_graph()
    rounds = effort.rounds
    with Bench(subject, [*names, *BOUNDS], threads=usable_cpus()) as bench:
        prepare_all(bench)
        time_starts(bench, [*names, *BOUNDS], effort.starts)
        check_vectors(bench, held_out_texts()[: effort.fidelity], names)
        timed = [*names, PRODUCTS]
        choose_settings(bench, timed, corpus, rounds)
        time_corpus(bench, timed, corpus, rounds)
        take_memory(bench, names, corpus)
        time_lengths(bench, timed, corpus, effort.length_tokens, rounds)
        time_latency(bench, names, corpus, rounds)
        time_corpus_sizes(bench, effort.corpus_sizes)
    tokens = sum(len(encoding.ids) for encoding in subject.tokenizer().encode_batch(list(corpus)))
    return {
        "subject": subject.name,
        "geometry": {"layers": subject.layers, "dim": subject.dim, "heads": subject.heads},
        "threads": bench.threads,
        "multiply_adds": subject.multiply_adds,
        "corpus": {"texts": len(corpus), "tokens": tokens},
        "length_tokens": effort.length_tokens,
        "bounds": {name: bench.records.pop(name) for name in BOUNDS},
        "contenders": bench.records,
    }


def main() -> None:
    """Measure with the arguments of the command line, and write one record a subject."""
    options = _options()
    names = with_owners([REFERENCE, *options.only])
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, checkpoint in measured_checkpoints(options.checkpoint, Path(scratch), quick=options.quick):
            effort = QUICK if options.quick else FULL.get(name, FULL_DEFAULT)
            texts = options.corpus.read_text(encoding="utf-8").splitlines() if options.corpus else None
            corpus = (texts or pubmed_like_texts(effort.corpus))[: effort.corpus]
            subject = Subject.prepare(name, checkpoint, Path(scratch) / f"work-{name}")
            record = {"environment": environment(), "quick": options.quick}
            record |= measure(subject, names, corpus, effort)
            path = options.output / f"{name}.json"
            path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            print_progress(f"wrote {path}\n")
            shutil.rmtree(subject.work)


def _options() -> argparse.Namespace:
    parser = program_parser(__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="take all-MiniLM-L6-v2, a few texts and one round, to see that everything runs",
    )
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FOLDER", help="a BERT checkpoint to measure in place of the two"
    )
    parser.add_argument(
        "--corpus", type=Path, metavar="FILE", help="your texts, one a line (default: made from bundled text)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=list(CONTENDERS),
        default=list(CONTENDERS),
        metavar="NAME",
        help="contenders to measure beside PyTorch float32 (default: all)",
    )
    parser.add_argument("--output", type=Path, default=RESULTS / "peers", metavar="FOLDER", help="default: %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    run_program(main)
