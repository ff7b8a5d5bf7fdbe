"""Files and folders that get their name only when they are whole: an interrupt leaves nothing behind."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from biobert_onnx import _atomic_files
from biobert_onnx._atomic_files import atomic_file, atomic_folder

TRACES = {_atomic_files.__file__, __file__}
"""The code whose lines are interrupted."""


def write_file(path: Path) -> None:
    with atomic_file(path) as file:
        file.write(b"new")


def write_folder(path: Path) -> None:
    with atomic_folder(path) as work:
        (work / "part").write_bytes(b"new")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file may be closed late
@pytest.mark.parametrize("write", [write_file, write_folder])
def test_an_interrupt_at_any_line_leaves_nothing_but_what_is_whole(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    outcomes = []
    for step in count(1):
        folder = tmp_path / str(step)
        folder.mkdir()
        with interrupted_at(step) as interrupt, suppress(KeyboardInterrupt):
            write(folder / "out")
        names = [path.name for path in folder.iterdir()]
        assert names in ([], ["out"])
        outcomes.append(names)
        if not interrupt:
            break
    assert outcomes[0] == []
    assert outcomes[-1] == ["out"]


@contextmanager
def interrupted_at(step: int) -> Iterator[list[int]]:
    """Ctrl-C at the `step`th line that is run; what is yielded then holds the line."""
    lines: list[int] = []
    interrupt: list[int] = []

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in TRACES or frame.f_code.co_name == "interrupted_at":
            return None
        if event == "line" and not interrupt:
            lines.append(frame.f_lineno)
            if len(lines) == step:
                interrupt.append(frame.f_lineno)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield interrupt
    finally:
        sys.settrace(before)
