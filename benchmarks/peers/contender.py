"""What a contender is: two functions and a few facts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.subjects import Subject
from benchmarks.peers.padded import Encode

Prepare = Callable[[Subject, Path], None]
"""Writes the contender's files into its own folder; the time it takes is the export time."""

Load = Callable[[Subject, Path, int, int], Encode]
"""Subject, own folder, threads, streams -> encode; each of `streams` batches side by side has threads / streams."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One encoder to compare.

    `precision` is float32, bfloat16 or int8; `installs` are the distributions that its user installs; `imports` the
    modules that its start-up pays for. `streams`: it can run batches side by side; `batched`: its batch size is chosen
    by a sweep before it is measured. `files_of`: it loads the files of that contender instead of its own. `lacks`: what
    it cannot do here, for the report.
    """

    precision: str
    installs: tuple[str, ...]
    imports: tuple[str, ...]
    prepare: Prepare
    load: Load
    streams: bool = False
    batched: bool = True
    files_of: str | None = None
    lacks: str = ""


def nothing(subject: Subject, folder: Path) -> None:
    """The checkpoint, or another contender's folder, is used as it is."""
