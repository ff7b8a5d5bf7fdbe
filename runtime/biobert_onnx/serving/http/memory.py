"""Giving memory back to the system after large requests."""

import asyncio
import ctypes
import gc
import sys
import time
from collections.abc import Callable
from typing import Any

LARGE_WEIGHT = 262_144
"""Texts of this weight, or a body of as many bytes, leave memory behind that is worth giving back."""

DELAY_S = 0.5
"""Seconds after a large request, so that those that end with it are covered."""

PAUSE_S = 2.0
"""Seconds between two times: it takes a few milliseconds."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""glibc's names of two of its settings (malloc.h)."""

TRIM_THRESHOLD, MMAP_THRESHOLD = 2**20, 2**22
"""Bytes that may stay free at the end of each of glibc's heaps, and those from which on a block has pages of its own.

By themselves these two grow with what is freed, to 64 and 32 MiB (mallopt(3)), and malloc_trim leaves the ends of the
heaps of threads alone: after eight large requests, 15 to 76 MiB stayed there, and at most 10 with these.
"""


class FreedMemory:
    """Returns what was freed to the system: glibc keeps it for the next allocations otherwise.

    Requests that ended in an error are still held by their tracebacks, until Python collects garbage. Where the C
    library is not glibc (musl, macOS, Windows), nothing is done.
    """

    def __init__(self) -> None:
        """Find glibc's function, and let it keep little at the ends of its heaps from now on."""
        self._trim: Callable[[int], Any] | None = None
        if sys.platform != "win32":
            library = ctypes.CDLL(None)
            self._trim = getattr(library, "malloc_trim", None)
            if self._trim is not None:
                library.mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD)
                library.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        self._last = 0.0
        self._planned: asyncio.TimerHandle | None = None

    def give_back_after(self, weight: int) -> None:
        """Give back soon, off the event loop, if texts of `weight` or a body of as many bytes are worth it."""
        if weight < LARGE_WEIGHT or self._trim is None or self._planned is not None:
            return
        loop = asyncio.get_running_loop()
        self._planned = loop.call_later(max(DELAY_S, self._last + PAUSE_S - time.monotonic()), self._start, loop)

    def cancel(self) -> None:
        """Give nothing back any more."""
        if self._planned is not None:
            self._planned.cancel()

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._planned, self._last = None, time.monotonic()
        if self._trim is not None:
            gc.collect()
            loop.run_in_executor(None, self._trim, 0)
