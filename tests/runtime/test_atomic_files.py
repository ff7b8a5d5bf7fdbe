"""Files and folders that get their name only when they are whole: an interrupt leaves nothing, a kill what is told."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from mmap import ACCESS_READ, mmap
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from biobert_onnx import _atomic_files
from biobert_onnx._atomic_files import atomic_file, atomic_folder, check_output_file, leftovers
from tests.support.systems import needs_pipes

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


def test_an_interrupt_at_any_line_leaves_the_old_folder_or_the_new_one_whole(tmp_path: Path) -> None:
    outcomes = []
    for step in count(1):
        folder = tmp_path / str(step)
        (folder / "out").mkdir(parents=True)
        (folder / "out" / "part").write_bytes(b"old")
        with interrupted_at(step) as interrupt, suppress(KeyboardInterrupt):
            write_folder(folder / "out")
        outcomes.append((folder / "out" / "part").read_bytes())
        left = {path.name for path in folder.iterdir()} - {"out"}
        assert outcomes[-1] == b"new" or not left  # only the old folder may stay, when its removal is interrupted
        if not interrupt:
            break
    assert outcomes == sorted(outcomes, reverse=True)
    assert {outcomes[0], outcomes[-1]} == {b"old", b"new"}


@pytest.mark.parametrize("refused", [1, 2])
def test_a_folder_that_cannot_be_moved_as_on_windows_while_it_is_mapped_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part").write_bytes(b"old")
    (tmp_path / "out" / "other").write_bytes(b"old")
    rename, calls = Path.rename, count(1)

    def refusing(path: Path, target: Path) -> Path:
        if next(calls) == refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refusing)
    with pytest.raises(PermissionError, match=r"out' cannot be written \(.*\): make room or get permission there"):
        write_folder(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {"part": b"old", "other": b"old"}


def test_a_link_to_a_folder_gives_way_to_the_new_folder_and_its_target_stays(tmp_path: Path) -> None:
    write_folder(tmp_path / "far")
    (tmp_path / "out").symlink_to("far")
    write_folder(tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["far", "out"]
    assert not (tmp_path / "out").is_symlink()


def test_what_is_mapped_of_a_folder_that_is_replaced_keeps_its_bytes(tmp_path: Path) -> None:
    write_folder(tmp_path / "out")
    with (tmp_path / "out" / "part").open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as mapped:
        with atomic_folder(tmp_path / "out") as work:
            (work / "part").write_bytes(b"newer")
        assert mapped[:] == b"new"
    assert (tmp_path / "out" / "part").read_bytes() == b"newer"


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


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    with atomic_file(tmp_path / "out") as file:
        file.write(b"new")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_replaced_file_keeps_its_permissions_and_links_to_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("file")
    with atomic_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@needs_pipes
@pytest.mark.parametrize("name", ["pipe", "link"])
@pytest.mark.parametrize("refuse", [write_file, check_output_file])
def test_what_is_no_file_is_never_replaced_by_one(refuse: Callable[[Path], None], name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(ValueError, match=rf"{name}' is no regular file, expected a file to write or to replace"):
        refuse(tmp_path / name)
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("refuse", [write_file, check_output_file])
def test_a_file_does_not_take_the_place_of_a_folder(refuse: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="out' is a folder, expected a file to write"):
        refuse(tmp_path / "out")


@pytest.mark.parametrize("refuse", [write_file, check_output_file, write_folder])
def test_links_in_a_circle_are_named_and_stay(refuse: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert leftovers(tmp_path / "one") == []
    with pytest.raises(ValueError, match="one' is a link that leads in a circle: remove it"):
        refuse(tmp_path / "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


WRITING = """
import sys, time
from pathlib import Path
from biobert_onnx import _atomic_files
with getattr(_atomic_files, sys.argv[1])(Path(sys.argv[2])):
    print("writing", flush=True)
    time.sleep(600)
"""


@contextmanager
def writing(kind: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes `path` and does not end."""
    arguments = [sys.executable, "-c", WRITING, kind, str(path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks of this kind")
@pytest.mark.parametrize("kind", ["atomic_file", "atomic_folder", "work_folder"])
def test_work_is_a_leftover_once_its_process_was_killed_and_not_before(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "out.npy"
    with writing(kind, out) as process:
        assert len(list(tmp_path.iterdir())) == 1
        assert leftovers(out) == []
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert leftovers(out) == list(tmp_path.iterdir())
    assert leftovers(tmp_path / "out") == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks of this kind")
@pytest.mark.parametrize("kind", ["atomic_file", "atomic_folder", "work_folder"])
def test_own_work_is_no_leftover_while_it_is_written_nor_after(kind: str, tmp_path: Path) -> None:
    with getattr(_atomic_files, kind)(tmp_path / "out"):
        assert leftovers(tmp_path / "out") == []
    assert leftovers(tmp_path / "out") == []


def test_other_files_are_no_leftovers(tmp_path: Path) -> None:
    for name in (
        ".out.npy",
        ".out.npy.1234567",
        ".out.npy.12345678.x",
        "out.npy.12345678",
        ".out.12345678",
        ".out.npy.x2345678",
    ):
        (tmp_path / name).touch()
    (tmp_path / ".out.npy.1234abcd").symlink_to(tmp_path / "absent")
    assert leftovers(tmp_path / "out.npy") == []
    assert leftovers(tmp_path / "absent" / "out.npy") == []
    (tmp_path / ".out.npy.0123abcd").touch()
    assert leftovers(tmp_path / "out.npy") == [tmp_path / ".out.npy.0123abcd"]


def test_the_leftovers_of_a_link_lie_beside_its_target(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "out")
    (tmp_path / "far" / ".out.0123abcd").touch()
    assert leftovers(tmp_path / "link") == [tmp_path / "far" / ".out.0123abcd"]


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that cannot be written."""
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(tmp_path)]
    if not hasattr(os, "getuid") or os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system can be mounted by root alone, and not everywhere")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("write", [write_file, write_folder])
def test_an_output_on_a_read_only_file_system_is_named_and_not_its_work_file(
    write: Callable[[Path], None], read_only: Path
) -> None:
    with pytest.raises(OSError) as error:
        write(read_only / "out")
    expected = (
        f"'{read_only / 'out'}' cannot be written ({os.strerror(errno.EROFS)}): make room or get permission there"
    )
    assert str(error.value).startswith(expected)
