"""The most integer products that this CPU can make: peak.c, compiled for its kernel and called from Python."""

import ctypes
import shlex
import subprocess
from pathlib import Path

from hatch_build import BASE_FLAGS, KERNEL_FLAGS, Compiler

SOURCE = Path(__file__).with_name("peak.c")

ROUNDS = 1000
"""Rounds of a trial call, which tells how many multiply-adds a round makes."""


def compile_peak(kernel: str, library: Path) -> None:
    """Compile the loop of `kernel` into the file `library`, with the compiler and the flags of the kernels.

    Raises BuildError without a compiler, ValueError if it fails.
    """
    compiler = Compiler.find()
    flags = [*BASE_FLAGS, *KERNEL_FLAGS[compiler.machine][kernel], "-shared"]
    command = [*compiler.command, *flags, str(SOURCE), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"'{shlex.join(command)}' failed: {done.stderr.strip()}")


class Peak:
    """The loop of one kernel."""

    def __init__(self, library: Path, kernel: str) -> None:
        """Load the loop of `kernel`, which must run here; a process has to ask for AMX first, as `kernel_name` does."""
        self._loop = ctypes.CDLL(str(library))[f"peak_{kernel}"]
        self._loop.argtypes, self._loop.restype = (ctypes.c_int64,), ctypes.c_int64
        self._per_round = self._loop(ROUNDS) / ROUNDS

    def run(self, multiply_adds: float) -> int:
        """Make at least `multiply_adds` multiply-adds on this thread, without Python's lock; returns how many."""
        return int(self._loop(-int(-multiply_adds // self._per_round)))
