"""Files and folders that get their name only when they are whole.

Until then the work lies beside it, in a file or folder `.NAME.` and 8 hexadecimal digits. An error, Ctrl-C or any other
exception removes it. A process that is killed outright leaves it there: `leftovers` finds it.
"""

import errno
import os
import re
import shutil
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import IO

from biobert_onnx._file_status import exists, file_mode, is_folder, is_link

WRITE_ERRORS = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""Errors that can only come from writing; any other one in a block may be the caller's."""

NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
RANDOM_BYTES = 4


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file beside `path`; it takes that name if the block ends well, and is removed if not.

    It gets the permissions of the file it replaces, or those of any new file. Raises ValueError if `path` is anything
    else than a file, such as a FIFO or a device, or a link that leads to one or in a circle.
    """
    target, mode = _file_to_write(path)
    work = _work_name(target)
    try:
        with naming(path):
            descriptor = os.open(work, NEW_FILE, 0o666 if mode is None else mode & 0o777)
        with naming(path, WRITE_ERRORS), os.fdopen(descriptor, "wb") as file:
            _mark_as_used(descriptor)
            yield file
        if mode is not None:  # the umask may have taken some of it
            work.chmod(mode & 0o777)
        with naming(path):
            work.replace(target)
    except BaseException:
        with suppress(OSError):  # on a read-only file system there is nothing to remove, and no removing
            work.unlink()
        raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Make a new folder beside `path`; it takes its place if the block ends well, and is removed if not.

    A folder that is there gives way by one rename and comes back if the new one cannot take its place. So it is never
    half removed, not even on Windows, where a folder with an open or mapped file cannot be moved or removed.

    Raises FileNotFoundError if there is no folder to put it into.
    """
    with work_folder(path) as work:
        yield work
        with naming(path):
            _exchange(path.absolute(), work)


def _exchange(path: Path, new: Path) -> None:
    """Rename `new` to `path`, after what is there, if anything, was renamed; that is removed, or comes back if not."""
    old = _work_name(path)
    try:
        if exists(path, follow_links=False):
            path.rename(old)
        new.rename(path)
    finally:
        if not exists(path, follow_links=False) and exists(old, follow_links=False):
            old.rename(path)
        if is_link(old):
            old.unlink()
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def work_folder(path: Path) -> Iterator[Path]:
    """Make a new folder beside `path`, to make `path` in; what is left of it at the end is removed.

    Raises FileNotFoundError if there is no folder to put it into, ValueError if `path` is a link in a circle.
    """
    _check_parent_folder(path)
    _followed(path)
    work = _work_name(path.absolute())
    try:
        with naming(path):
            work.mkdir()
        with naming(path, WRITE_ERRORS), _marked_folder(work):
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def leftovers(path: Path) -> list[Path]:
    """Return the work files and folders of `path` whose process was killed, sorted by name.

    Those of a run that is still alive are not among them: it holds a lock, which the system gives back when it ends.
    Where there are no such locks (Windows, some network file systems) none is found.
    """
    target = Path(os.path.realpath(path))
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{{2 * RANDOM_BYTES}}}")
    with suppress(OSError):
        return sorted(found for found in target.parent.iterdir() if name.fullmatch(found.name) and _is_unused(found))
    return []


def check_output_file(path: Path) -> None:
    """Raise for a `path` that `atomic_file` could not write, before there is any work to lose.

    Raises FileNotFoundError if there is no folder to put it into, ValueError as `atomic_file` does.
    """
    _check_parent_folder(path)
    _file_to_write(path)


def _file_to_write(path: Path) -> tuple[Path, int | None]:
    """Return the file that `path` is or leads to, and its mode, None for a new file; raises as `atomic_file` does."""
    target = _followed(path)
    mode = file_mode(target)
    if mode is not None and not S_ISREG(mode):
        found = "a folder" if S_ISDIR(mode) else "no regular file"
        raise ValueError(f"'{path}' is {found}, expected a file to write or to replace: choose another name")
    return target, mode


def _followed(path: Path) -> Path:
    """Return where `path` leads by its links; raises ValueError if they lead in a circle."""
    target = Path(os.path.realpath(path))  # resolve() has another error for a circle on each Python, or none
    if is_link(target):
        raise ValueError(f"'{path}' is a link that leads in a circle: remove it, or choose another name")
    return target


def _check_parent_folder(path: Path) -> None:
    """Raise FileNotFoundError unless there is a folder for `path` to be written into."""
    if not is_folder(path.absolute().parent):
        raise FileNotFoundError(f"no such folder: '{path.parent}', where '{path.name}' should be written")


@contextmanager
def naming(path: Path, errors: Container[int | None] | None = None) -> Iterator[None]:
    """Make an OSError in the block, or one of `errors`, say that `path` cannot be written, not the work file."""
    try:
        yield
    except OSError as error:
        if errors is not None and error.errno not in errors:
            raise
        raise type(error)(
            f"'{path}' cannot be written ({error.strerror}): make room or get permission there, or choose another"
        ) from error


def _work_name(path: Path) -> Path:
    """Return a new name beside `path`, before anything is made under it, so that Ctrl-C leaves nothing."""
    return path.with_name(f".{path.name}.{os.urandom(RANDOM_BYTES).hex()}")


@contextmanager
def _marked_folder(folder: Path) -> Iterator[None]:
    """Keep `folder` locked in the block, so that `leftovers` does not take it for that of a killed run."""
    if sys.platform == "win32":  # a folder cannot be opened there
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _mark_as_used(descriptor)
        yield
    finally:
        os.close(descriptor)


def _mark_as_used(descriptor: int) -> None:
    """Lock what `descriptor` is open on until it is closed; nothing happens on a file system that has no locks."""
    if sys.platform != "win32":
        import fcntl

        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def locked(descriptor: int) -> bool:
    """Lock what `descriptor` is open on until it is closed; return False if another process holds the lock.

    True where there are no such locks: Windows, some network file systems.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _is_unused(path: Path) -> bool:
    """Whether no process holds the lock on `path`; False where that cannot be known."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
