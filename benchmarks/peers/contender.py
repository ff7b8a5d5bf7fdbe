"""A contender: two functions and a few facts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.subjects import Subject
from benchmarks.peers.padded import Encode

Prepare = Callable[[Subject, Path], None]
"""Subject, own folder -> nothing: writes the contender's files. Its seconds are the export time."""

Load = Callable[[Subject, Path, int, int], Encode]
"""Subject, own folder, threads, streams -> encode. Each of the `streams` batches that run at the same time has
threads / streams."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One encoder to compare.

    `precision` is float32, bfloat16, int8 or "CPU's default". `installs` are the distributions that its user installs,
    `imports` the modules whose import is part of its start. onnxruntime is among them wherever it is used: it must be
    imported before the process is held to its CPUs (harness/worker.py). `streams` says whether it can run several
    batches at the same time, `batched` whether a sweep chooses its batch size. `files_of` names the contender whose
    files it loads instead of its own. `lacks` says in the report what it cannot do here. `python` is that of an
    environment of its own, for versions that do not install beside the others' (harness/prepare.py).
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
    python: str | None = None


def prepare_nothing(subject: Subject, folder: Path) -> None:
    """Write nothing: the contender uses the checkpoint, or another contender's folder, as it is."""
