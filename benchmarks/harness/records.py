"""The records of a program that measures checkpoints: one file a subject, written when its measures are complete."""

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.bench import print_progress
from benchmarks.harness.subjects import Subject
from benchmarks.inputs.checkpoints import measured_checkpoints
from benchmarks.machine.environment import environment
from benchmarks.peers.contenders import CONTENDERS


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
) -> None:
    """Measure each subject that `options` (`add_subjects`) ask for; `name` names the file of its record."""
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for subject_name, checkpoint in measured_checkpoints(options.checkpoint, Path(scratch), quick=options.quick):
            subject = Subject.prepare(subject_name, checkpoint, Path(scratch) / f"work-{subject_name}")
            record = {"environment": environment(), "quick": options.quick, **subject.facts(), **measure(subject)}
            path = options.output / f"{name(record)}.json"
            path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8", newline="\n")
            print_progress(f"wrote {path}\n")
            shutil.rmtree(subject.work)
