"""The records of a program that measures checkpoints: one file a subject, written when its measures are complete."""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.bench import print_progress
from benchmarks.harness.subjects import Subject
from benchmarks.inputs.checkpoints import measured_checkpoints
from benchmarks.machine.environment import environment
from benchmarks.peers.contenders import CONTENDERS
from benchmarks.results import write_record
from biobert_onnx._file_status import is_folder


def add_subjects(parser: argparse.ArgumentParser, *, quick: str, output: Path) -> None:
    """Add --quick, --checkpoint and --output; `quick` says what a quick run does, `output` is the default folder."""
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FOLDER", help="a checkpoint to measure in place of the three"
    )
    parser.add_argument("--output", type=Path, default=output, metavar="FOLDER", help="default: %(default)s")


def add_only(parser: argparse.ArgumentParser, what: str) -> None:
    """Add --only, the names of contenders; `what` says what they are named for."""
    names = list(CONTENDERS)
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="NAME", help=f"{what} (default: all)"
    )


def write_records(
    options: argparse.Namespace,
    measure: Callable[[Subject], dict[str, Any]],
    *,
    name: Callable[[dict[str, Any]], str],
    work: Path,
) -> None:
    """Measure each subject that `options` (`add_subjects`) ask for; `name` names the file of its record.

    `work`: the folder of the subjects' files. After an interruption it has what `Parts` kept; at the end it is removed.
    """
    options.output.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    for subject_name, checkpoint in measured_checkpoints(options.checkpoint, work.absolute(), quick=options.quick):
        subject = Subject.prepare(subject_name, checkpoint, work / f"work-{subject_name}")
        record = {"environment": environment(), "quick": options.quick, **subject.facts(), **measure(subject)}
        path = options.output / f"{name(record)}.json"
        write_record(path, record)
        print_progress(f"wrote {path}\n")
        remove_files(subject)
    shutil.rmtree(work)


def remove_files(subject: Subject) -> None:
    """Remove the files of a subject that is measured, but the one that says so."""
    for path in Path(subject.work).iterdir():
        if is_folder(path):
            shutil.rmtree(path)
        elif path != subject.parts_file:
            path.unlink()
