"""Giving memory back to the system after large requests."""

import asyncio
import ctypes
import gc
import sys
import time
from collections.abc import Callable
from typing import Any

LARGE_WEIGHT = 262_144
"""Requests of this weight leave memory behind that is worth giving back."""

DELAY_S = 0.5
"""Seconds after a large request, so that those that end with it are covered."""

PAUSE_S = 2.0
"""Seconds between two times: it takes a few milliseconds."""


class FreedMemory:
    """Returns what was freed to the system: glibc keeps it for the next allocations otherwise.

    Requests that ended in an error are still held by their tracebacks, until Python collects garbage. Where the C
    library has no malloc_trim (musl, macOS, Windows), nothing is done.
    """

    def __init__(self) -> None:
        self._trim: Callable[[int], Any] | None = None
        if sys.platform != "win32":
            self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._last = 0.0
        self._planned: asyncio.TimerHandle | None = None

    def give_back_after(self, weight: int) -> None:
        """Give back soon, off the event loop, if a request of `weight` is worth it."""
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
