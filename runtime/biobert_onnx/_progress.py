"""A progress bar of one line on stderr."""

import sys
import time
from typing import Self

WIDTH = 30
"""Characters of the bar itself."""

REFRESH_S = 0.1
"""Seconds between two drawings."""


class ProgressBar:
    """Draws texts done, rate, and where the share done is known a bar and the remaining time; nothing if not `enabled`.

    The share comes from `total`, or from whoever calls `advance`. Use it as a context manager: entering it draws the
    first state, leaving it the last one and the line's end.
    """

    def __init__(self, total: int | None = None, *, enabled: bool) -> None:
        self._total = total
        self._done = 0.0
        self._share: float | None = None
        self._enabled = enabled and total != 0
        self._start = self._drawn = time.monotonic()

    def __enter__(self) -> Self:
        if self._enabled:
            self._draw("")
        return self

    def __exit__(self, *exception: object) -> None:
        if self._enabled:
            self._draw("\n")

    def advance(self, count: float, *, share: float | None = None) -> None:
        """Count `count` more texts as done, parts of one too; `share` is the part of the input that they complete."""
        self._done += count
        self._share = self._done / self._total if self._total else share
        if self._enabled and time.monotonic() - self._drawn > REFRESH_S:
            self._drawn = time.monotonic()
            self._draw("")

    def update(self, done: float, *, share: float | None = None) -> None:
        """Set the texts that are done so far, parts of one too."""
        self.advance(done - self._done, share=share)

    def _draw(self, end: str) -> None:
        sys.stderr.write(f"\r{self._line()} {end}")
        sys.stderr.flush()

    def _line(self) -> str:
        seconds = max(time.monotonic() - self._start, 1e-9)
        counted = f"{self._done:.0f}/{self._total}" if self._total else f"{self._done:.0f}"
        line = f"{counted} texts, {self._done / seconds:.0f} texts/s"
        if not self._share:
            return line
        filled = int(WIDTH * self._share)
        remaining = seconds * (1 - self._share) / self._share
        return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {line}, {remaining:.0f} s left"
