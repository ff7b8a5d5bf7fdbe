"""Files and folders that get their name only when they are whole.

A process that is killed leaves its work behind under another name, .NAME.*, and nothing under the name itself.
"""

import errno
import os
import shutil
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""What only writing can give: of any other error in a block it is not known whose it is."""

NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
RANDOM_BYTES = 4


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside `path` that takes its name if the block ends well, and is removed if not.

    It gets the permissions of the file it replaces, or those of any new file.
    """
    target = path.resolve()
    work, mode = _hidden(target), target.stat().st_mode & 0o777 if target.exists() else None
    try:
        with naming(path):
            descriptor = os.open(work, NEW_FILE, 0o666 if mode is None else mode)
        with naming(path, NO_ROOM), os.fdopen(descriptor, "wb") as file:
            yield file
        if mode is not None:  # the umask may have taken some of it
            work.chmod(mode)
        work.replace(target)
    except BaseException:
        work.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path` that takes its place if the block ends well, and is removed if not.

    Raises FileNotFoundError if there is no folder to put it into.
    """
    with work_folder(path) as work:
        yield work
        if path.exists():
            shutil.rmtree(path)
        work.rename(path)


@contextmanager
def work_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path`, which is to be made in it; at the end what is left of it is removed.

    Raises FileNotFoundError if there is no folder to put it into.
    """
    check_parent_folder(path)
    work = _hidden(path.absolute())
    try:
        with naming(path):
            work.mkdir()
        with naming(path, NO_ROOM):
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_parent_folder(path: Path) -> None:
    """Raise FileNotFoundError unless there is a folder for `path` to be written into."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"no such folder: '{path.parent}', where '{path.name}' should be written")


@contextmanager
def naming(path: Path, errors: Container[int | None] | None = None) -> Iterator[None]:
    """An OSError in the block, or one of `errors`, says that `path` cannot be written, not the work file beside it."""
    try:
        yield
    except OSError as error:
        if errors is not None and error.errno not in errors:
            raise
        raise type(error)(
            f"'{path}' cannot be written ({error.strerror}): make room or get permission there, or choose another"
        ) from error


def _hidden(path: Path) -> Path:
    """A name beside `path` that nothing has yet: known before anything is made, so that Ctrl-C leaves nothing."""
    return path.with_name(f".{path.name}.{os.urandom(RANDOM_BYTES).hex()}")
