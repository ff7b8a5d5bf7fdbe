"""A progress bar of one line on stderr."""

import sys
import time
from typing import Self

WIDTH = 30
"""Characters of the bar itself."""

REFRESH_S = 0.1
"""Seconds between two drawings."""


class ProgressBar:
    """Draws done/total texts, rate and remaining time; nothing at all when not `enabled`.

    Use it as a context manager: leaving it draws the last state and ends the line.
    """

    def __init__(self, total: int, *, enabled: bool) -> None:
        self._total = total
        self._done = 0.0
        self._enabled = enabled and total > 0
        self._start = self._drawn = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._enabled:
            self._draw("\n")

    def advance(self, count: float) -> None:
        """Count `count` more texts as done; a part of a text may be done too."""
        self._done += count
        if self._enabled and time.monotonic() - self._drawn > REFRESH_S:
            self._drawn = time.monotonic()
            self._draw("")

    def _draw(self, end: str) -> None:
        sys.stderr.write(self._line() + end)
        sys.stderr.flush()

    def _line(self) -> str:
        done = round(self._done)
        filled = WIDTH * done // self._total
        rate = self._done / max(time.monotonic() - self._start, 1e-9)
        remaining = (self._total - done) / rate if rate else float("inf")
        bar = "#" * filled + "." * (WIDTH - filled)
        return f"\r[{bar}] {done}/{self._total} texts, {rate:.0f} texts/s, {remaining:.0f} s left "
