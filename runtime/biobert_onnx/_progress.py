"""Progress on stderr: a bar of one line, as wide as the terminal, or a plain line a minute where it is none."""

import os
import sys
import time
from contextlib import suppress
from typing import Self

BAR = 30
"""Most characters of the bar itself, its brackets left out."""

SHORTEST_BAR = 10
"""Fewest characters of the bar; a terminal with room for fewer gets none."""

NARROW = 20
"""Columns below which only the share is shown."""

USUAL_COLUMNS = 80
"""Width where stderr is no terminal, or one that does not say how wide it is."""

REFRESH_S = 0.1
"""Seconds between two drawings."""

LINE_EVERY_S = 60.0
"""Seconds between two plain lines: a job of a day has 1,440 of them."""


def can_show_progress() -> bool:
    """Whether stderr is a terminal on which a line can be drawn again."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def command_progress(*, enabled: bool, waiting: str = "") -> "ProgressBar":
    """Return what shows how far a command is: a bar on a terminal, else a line a minute, as for the log of a job."""
    return (ProgressBar if can_show_progress() else ProgressLines)(enabled=enabled, waiting=waiting)


class ProgressBar:
    """Draws the share done, the texts done, the texts per second and the time left; nothing if not `enabled`.

    `total` is the number of texts, None if it is not known. `waiting` says what is done before the first text is. Use
    the bar as a context manager: entering it starts the clock, leaving it draws the last state and ends the line.
    """

    def __init__(self, total: int | None = None, enabled: bool = True, *, waiting: str = "") -> None:
        self._enabled = enabled and total != 0
        self._waiting = waiting
        self._drawn = ""
        self._share: float | None
        self._set_to_start(total)

    def __enter__(self) -> Self:
        self._set_to_start(self._total)
        self._show_start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._show_end()

    def start(self, total: int | None, *, done: float = 0.0, share: float | None = None) -> None:
        """End the waiting: `total` texts are begun with now, of which so many, and this `share`, were done before."""
        self._waiting = ""
        self._set_to_start(total)
        self._before = done, share or 0.0
        self._done, self._share = done, share or self._share
        self._show_start()

    def update(self, done: float, *, share: float | None = None) -> None:
        """Set the texts `done` so far, parts of one too, and the `share` of the input (0 to 1), by default of `total`.

        Draws at most ten times a second, a plain line at most once a minute.
        """
        self._done = done
        self._share = done / self._total if share is None and self._total else share
        if time.monotonic() - self._drawn_at > self._pause_s():
            self._draw()

    def _set_to_start(self, total: int | None) -> None:
        self._total = total
        self._before = 0.0, 0.0
        self._done = 0.0
        self._share = 0.0 if total else None
        self._started = self._drawn_at = time.monotonic()

    def _pause_s(self) -> float:
        return REFRESH_S

    def _show_start(self) -> None:
        self._draw()

    def _show_end(self) -> None:
        self._draw(end="\n")

    def _draw(self, end: str = "") -> None:
        """Draw the line over the one that is there; a character in the terminal's last column would start a new one."""
        if self._enabled:
            columns = terminal_columns() - 1
            line = self._line(columns)
            sys.stderr.write("\r" + line.ljust(min(len(self._drawn), columns)) + end)
            sys.stderr.flush()
            self._drawn, self._drawn_at = line, time.monotonic()

    def _line(self, columns: int) -> str:
        if self._waiting:
            return (self._waiting if self._share is None else f"{self._waiting}, {self._share:.0%}")[:columns]
        seconds = time.monotonic() - self._started
        return progress_line(
            self._done, self._total, share=self._share, seconds=seconds, columns=columns, before=self._before
        )


class ProgressLines(ProgressBar):
    """Writes the same figures in a plain line once a minute, and first at which text a run goes on, if it does."""

    def _pause_s(self) -> float:
        return LINE_EVERY_S

    def _show_start(self) -> None:
        if self._done:
            self._write(f"going on at text {self._done + 1:,.0f}{f' of {self._total:,}' if self._total else ''}")

    def _show_end(self) -> None:
        """Nothing: the command says how it ended."""

    def _draw(self, end: str = "") -> None:
        self._drawn_at = time.monotonic()
        if self._waiting:
            self._write(self._waiting if self._share is None else f"{self._waiting}, {self._share:.0%}")
            return
        seconds = self._drawn_at - self._started
        figures = _figures(self._done, self._total, share=self._share, seconds=seconds, before=self._before)
        self._write(", ".join(figures if self._share is None else [f"{self._share:.0%}", *figures]))

    def _write(self, message: str) -> None:
        if self._enabled and sys.stderr is not None:
            with suppress(OSError):  # the log has no room, or its reader has left: no reason to end a run of hours
                sys.stderr.write(f"biobert-onnx: progress: {message}\n")
                sys.stderr.flush()


def terminal_columns() -> int:
    """Return the width of the terminal that stderr is now; 80 if it is none, or does not say."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or USUAL_COLUMNS
    except (OSError, ValueError, AttributeError):
        return USUAL_COLUMNS


def progress_line(
    done: float,
    total: int | None,
    *,
    share: float | None,
    seconds: float,
    columns: int,
    before: tuple[float, float] = (0.0, 0.0),
) -> str:
    """Return the bar in at most `columns` characters, with as many of its figures as there is room for.

    `before`: the texts, and the share, that were done before the `seconds` began.

    >>> progress_line(50, 200, share=0.25, seconds=10, columns=79)
    ' 25% [#######.......................] 50/200 texts, 5.0 texts/s, 30 s left'
    >>> progress_line(50, 200, share=0.25, seconds=10, columns=50)
    ' 25% 50/200 texts, 5.0 texts/s, 30 s left'
    >>> progress_line(50, 200, share=0.25, seconds=10, columns=18)
    ' 25%'
    >>> progress_line(1500, None, share=None, seconds=10, columns=79)
    '1,500 texts, 150 texts/s'
    >>> progress_line(150, 200, share=0.75, seconds=10, columns=50, before=(50, 0.25))
    ' 75% 150/200 texts, 10 texts/s, 5 s left'
    """
    figures = _figures(done, total, share=share, seconds=seconds, before=before)
    if share is None:
        return _fitting([[", ".join(figures)], [figures[0]], [figures[0].removesuffix(" texts")]], columns)
    percent = f"{share:4.0%}"
    if columns < NARROW - 1:
        return percent[:columns]
    room = columns - len(percent) - len(", ".join(figures)) - len(" [] ")
    bar = [f"[{'#' * int(min(room, BAR) * share):.<{min(room, BAR)}}]"] if room >= SHORTEST_BAR else []
    return _fitting([[percent, *bar, ", ".join(figures)], [percent, figures[-1]], [percent]], columns)


def _figures(
    done: float, total: int | None, *, share: float | None, seconds: float, before: tuple[float, float]
) -> list[str]:
    """Return the texts done, the texts per second and, if it can be told, the time left, each in words."""
    texts_before, share_before = before
    rate = (done - texts_before) / seconds if seconds > 0 else 0.0
    counted = f"{done:,.0f}" if total is None else f"{done:,.0f}/{total:,}"
    figures = [f"{counted} texts", f"{rate:.1f} texts/s" if rate < 10 else f"{rate:,.0f} texts/s"]
    if share is not None and share > share_before:
        figures.append(f"{_duration(seconds * (1 - share) / (share - share_before))} left")
    return figures


def _fitting(lines: list[list[str]], columns: int) -> str:
    """Return the first of `lines`, given as words, of at most `columns` characters, or else a part of the last."""
    joined = [" ".join(words) for words in lines]
    return next((line for line in joined if len(line) <= columns), joined[-1][:columns])


def _duration(seconds: float) -> str:
    """Return `seconds` in the unit that people would name.

    >>> _duration(59.7), _duration(150), _duration(9000)
    ('60 s', '2 min 30 s', '2 h 30 min')
    """
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes, hours = whole // 60, whole // 3600
    return f"{minutes} min {whole % 60} s" if hours == 0 else f"{hours} h {minutes % 60} min"
