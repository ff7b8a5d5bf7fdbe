"""Exports in processes of their own, that can be killed and given less than they need."""

import multiprocessing
import resource
import sys
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from biobert_onnx_export import export

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["biobert_onnx_export.pipeline", "biobert_onnx_export.reference.reference", "safetensors.torch"]
)
"""One process imports torch and the rest, once; every export is a fork of it."""


class Export:
    """An export of `checkpoint` to `target` that is under way; `largest` is what a file may have in bytes."""

    def __init__(self, checkpoint: Path, target: Path, *, largest: int | None = None) -> None:
        self._said, theirs = CONTEXT.Pipe(duplex=False)
        self.process: ForkServerProcess = CONTEXT.Process(target=_export, args=(checkpoint, target, largest, theirs))
        self.process.start()
        theirs.close()

    def step(self) -> str | None:
        """What the next step says at its start, or the error; None when the export has ended."""
        try:
            return str(self._said.recv())
        except EOFError:
            return None

    def outcome(self) -> tuple[int | None, str | None]:
        """The exit code, and what was said last: the error, if it failed."""
        last = None
        while (said := self.step()) is not None:
            last = said
        self.process.join()
        return self.process.exitcode, last


def _export(checkpoint: Path, target: Path, largest: int | None, said: Connection) -> None:
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    try:
        export(checkpoint, target, progress=said.send)
    except Exception as error:
        said.send(f"{type(error).__name__}: {error}")
        sys.exit(1)
