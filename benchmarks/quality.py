"""Compare every contender's vectors of your own texts with those of PyTorch float32.

FILE holds one text a line, in UTF-8; blank lines are left out. The table tells how far the vectors move and how much of
a search among these texts stays. It needs no judgement of people: whether the checkpoint itself is good at your task,
python -m benchmarks.judged_pairs tells. Without --checkpoint, all-MiniLM-L6-v2 is compared.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.agreement import record_agreement
from benchmarks.harness.bench import Bench, Record, print_progress
from benchmarks.harness.prepare import prepare_all
from benchmarks.harness.program import program_parser, run_program
from benchmarks.harness.records import add_only
from benchmarks.harness.subjects import Subject
from benchmarks.inputs.checkpoints import measured_checkpoints
from benchmarks.inputs.user_texts import read_texts
from benchmarks.machine.environment import environment
from benchmarks.peers.contenders import REFERENCE, with_owners
from benchmarks.report.agreement import printed_agreement
from benchmarks.results import write_record
from biobert_onnx._file_status import is_folder
from biobert_onnx.encoding.cpus import usable_cpus


def main() -> None:
    """Print the table of the texts that the command line names, and write its record if one is asked for."""
    options = _options()
    texts = read_texts(options.texts)
    if options.record and (is_folder(options.record) or not is_folder(options.record.absolute().parent)):
        raise ValueError(f"--record '{options.record}' is no path of a file in an existing folder")
    names = with_owners([REFERENCE, *options.only])
    with tempfile.TemporaryDirectory() as scratch:
        ((name, checkpoint),) = measured_checkpoints(options.checkpoint, Path(scratch), quick=True)
        subject = Subject.prepare(name, checkpoint, Path(scratch) / "work")
        record = {"environment": environment(), **subject.facts(), **compare(subject, names, texts)}
    if options.record:
        write_record(options.record, record)
    print(*printed_agreement(record, source=f"'{options.texts}'"), sep="\n")


def compare(subject: Subject, names: Sequence[str], texts: Sequence[str]) -> Record:
    """Return what the record holds: the agreement of every contender of `names`, or why it has none."""
    subject.write_reference_graph()
    with Bench(subject, names, threads=usable_cpus()) as bench:
        prepare_all(bench)
        record_agreement(bench, texts, names)
    print_progress(f"{subject.name}: compared on {len(texts)} texts\n")
    return {
        "threads": bench.threads,
        "corpus": {"texts": len(texts), "tokens": subject.count_tokens(texts)},
        "contenders": bench.records,
    }


def _options() -> argparse.Namespace:
    parser = program_parser(__doc__)
    parser.add_argument("--texts", type=Path, required=True, metavar="FILE", help="your texts, one a line")
    parser.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="a checkpoint (default: all-MiniLM-L6-v2)")
    add_only(parser, "contenders to compare with PyTorch float32")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write all figures to this file, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    run_program(main)
