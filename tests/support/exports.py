"""Exports in processes of their own, which a test can kill or give too little room."""

import multiprocessing
import sys
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from biobert_onnx_export import export

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["biobert_onnx_export.pipeline", "biobert_onnx_export.reference.conversion", "safetensors.torch"]
)
"""One process imports torch and the rest once; every export is forked from it."""


class Export:
    """A running export of `checkpoint` to `target`; `largest` limits the size of each of its files, in bytes."""

    def __init__(self, checkpoint: Path, target: Path, *, largest: int | None = None) -> None:
        self._messages, theirs = CONTEXT.Pipe(duplex=False)
        self.process: ForkServerProcess = CONTEXT.Process(target=_export, args=(checkpoint, target, largest, theirs))
        self.process.start()
        theirs.close()

    def step(self) -> str | None:
        """Return the next line of progress, or the error; None when the export has ended."""
        try:
            return str(self._messages.recv())
        except EOFError:
            return None

    def outcome(self) -> tuple[int | None, str | None]:
        """Return the exit code and the last message, which is the error if the export failed."""
        last = None
        while (message := self.step()) is not None:
            last = message
        self.process.join()
        return self.process.exitcode, last


def _export(checkpoint: Path, target: Path, largest: int | None, messages: Connection) -> None:
    if largest is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    try:
        export(checkpoint, target, progress=messages.send)
    except Exception as error:
        messages.send(f"{type(error).__name__}: {error}")
        sys.exit(1)
