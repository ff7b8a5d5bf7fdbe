"""The progress bar: what it shows in how many columns, and when nothing is drawn."""

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from biobert_onnx import _progress
from biobert_onnx._progress import ProgressBar, ProgressLines, can_show_progress, command_progress, progress_line
from tests.support.systems import NO_TERMINALS


@pytest.mark.parametrize("share", [None, 0.0, 0.004, 0.5, 1.0])
@pytest.mark.parametrize("total", [None, 7, 123_456_789])
def test_a_line_fits_any_width_and_has_the_share_in_any_of_four_columns(share: float | None, total: int | None) -> None:
    for columns in range(200):
        line = progress_line(3.5, total, share=share, seconds=1234.5, columns=columns)
        assert len(line) <= columns
        if share is not None:
            assert line.startswith(f"{share:4.0%}"[:columns])
            assert columns >= 19 or line == f"{share:4.0%}"[:columns]


def test_a_wide_line_has_everything() -> None:
    line = progress_line(1234, 5000, share=0.25, seconds=100, columns=100)
    assert line == " 25% [#######.......................] 1,234/5,000 texts, 12 texts/s, 5 min 0 s left"


def test_figures_give_way_before_the_share() -> None:
    lines = {progress_line(1234, 5000, share=0.25, seconds=100, columns=columns) for columns in range(4, 100)}
    shown = sorted((line for line in lines if "#" not in line), key=len)
    assert shown == [" 25%", " 25% 5 min 0 s left", " 25% 1,234/5,000 texts, 12 texts/s, 5 min 0 s left"]


class Terminal(io.StringIO):
    """A stderr that is a terminal, or is not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "kind", "shown"),
    [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False), (True, None, True)],
)
def test_progress_is_shown_on_terminals_that_can(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: str | None, shown: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal(terminal))
    if kind is None:
        monkeypatch.delenv("TERM", raising=False)
    else:
        monkeypatch.setenv("TERM", kind)
    assert can_show_progress() is shown


def test_progress_is_not_shown_where_there_is_no_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert not can_show_progress()


@contextmanager
def stderr_on_a_terminal(columns: int) -> Iterator[int]:
    """sys.stderr is a terminal of that width; yields its other end."""
    pty = pytest.importorskip("pty", reason=NO_TERMINALS)
    ours, theirs = pty.openpty()
    set_width(theirs, columns)
    before, sys.stderr = sys.stderr, os.fdopen(theirs, "w")
    try:
        yield ours
    finally:
        sys.stderr.close()
        sys.stderr = before
        os.close(ours)


def drawn(terminal: int) -> str:
    """What was drawn on the terminal since it was last read."""
    parts = []
    while select.select([terminal], [], [], 0.1)[0]:
        parts.append(os.read(terminal, 4096).decode())
    return "".join(parts)


def set_width(terminal: int, columns: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@pytest.mark.parametrize(("columns", "usable"), [(30, 29), (19, 18), (120, 119), (0, 79)])
def test_the_bar_is_as_wide_as_the_terminal(columns: int, usable: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "REFRESH_S", 0.0)
    with stderr_on_a_terminal(columns) as terminal:
        with ProgressBar(100_000) as bar:
            for done in range(0, 100_001, 10_000):
                bar.update(done)
        states = drawn(terminal).rstrip().split("\r")[1:]
    assert max(map(len, states)) <= usable
    assert states[-1].startswith("100%")
    assert ("texts" in states[-1]) == (usable > 60)


def test_the_width_is_read_again_while_the_bar_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "REFRESH_S", 0.0)
    with stderr_on_a_terminal(100) as terminal, ProgressBar(10) as bar:
        bar.update(1)
        assert max(map(len, drawn(terminal).split("\r"))) > 60
        set_width(terminal, 25)
        bar.update(2)
        assert 4 <= max(map(len, drawn(terminal).split("\r"))) <= 24


def test_a_shorter_line_hides_the_longer_one_before(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar(waiting="reading standard input, which is a long story") as bar:
        bar.start(None)
    states = capsys.readouterr().err.split("\r")[1:]
    assert states[0] == "reading standard input, which is a long story"
    assert states[1] == "0 texts, 0.0 texts/s".ljust(len(states[0]))


def test_what_is_waited_for_shows_its_share(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "REFRESH_S", 0.0)
    with ProgressBar(waiting="checking the input") as bar:
        bar.update(0, share=0.34)
        bar.start(10)
        bar.update(5)
    states = [state.rstrip() for state in capsys.readouterr().err.split("\r")[1:]]
    assert states[:2] == ["checking the input", "checking the input, 34%"]
    assert states[2].startswith("  0% [..") and states[3].startswith(" 50% [##")


@pytest.mark.parametrize("enabled", [True, False])
def test_a_bar_of_no_texts_or_that_is_off_draws_nothing(enabled: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar(0 if enabled else 5, enabled) as bar:
        bar.update(0)
    assert capsys.readouterr().err == ""


def test_the_share_given_goes_before_that_of_the_texts(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar(100) as bar:
        bar.update(10, share=0.5)
    assert capsys.readouterr().err.split("\r")[-1].startswith(" 50% [")


class Clock:
    """A clock that stands still until it is set on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr(_progress, "time", SimpleNamespace(monotonic=lambda: self.seconds))


@pytest.mark.parametrize(
    ("terminal", "kind", "expected"),
    [(True, "xterm", ProgressBar), (True, "dumb", ProgressLines), (False, "xterm", ProgressLines)],
)
def test_a_command_draws_on_terminals_and_writes_lines_elsewhere(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: str, expected: type[ProgressBar]
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal(terminal))
    monkeypatch.setenv("TERM", kind)
    assert type(command_progress(enabled=True)) is expected


def test_a_job_of_an_hour_writes_a_line_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with ProgressLines(waiting="checking the input") as progress:
        clock.seconds += 90
        progress.update(0, share=0.34)
        progress.start(36_000)
        for second in range(1, 3601):
            clock.seconds += 1
            progress.update(10 * second)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "biobert-onnx: progress: checking the input, 34%"
    assert lines[1] == "biobert-onnx: progress: 2%, 610/36,000 texts, 10 texts/s, 58 min 59 s left"
    assert 55 <= len(lines) - 1 <= 60
    assert all(line.isprintable() for line in lines)


def test_a_short_job_and_one_that_is_quiet_write_no_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    for enabled, seconds in ((True, 59), (False, 5000)):
        with ProgressLines(enabled=enabled, waiting="checking the input") as progress:
            progress.start(10, done=1 - enabled)
            clock.seconds += seconds
            progress.update(5)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("total", "of"), [(5000, " of 5,000"), (None, "")])
def test_a_job_that_is_resumed_says_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, total: int | None, of: str
) -> None:
    clock = Clock(monkeypatch)
    with ProgressLines() as progress:
        progress.start(total, done=2048)
        clock.seconds += 61
        progress.update(2658)
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"biobert-onnx: progress: going on at text 2,049{of}"
    assert second.partition("texts, ")[2].startswith("10 texts/s")


def test_a_log_without_room_ends_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    clock = Clock(monkeypatch)
    for stderr in (Full(), None):
        monkeypatch.setattr(sys, "stderr", stderr)
        with ProgressLines(5) as progress:
            clock.seconds += 61
            progress.update(1)
