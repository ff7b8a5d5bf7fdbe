"""Files and folders that get their name only when they are whole.

A process that is killed leaves its work behind under another name, .NAME.*, and nothing under the name itself.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""What only writing can give: of any other error in a block it is not known whose it is."""


@contextmanager
def replaced_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside `path` that takes its name if the block ends well, and is removed if not.

    It gets the permissions of the file it replaces, or those of any new file.
    """
    target = path.resolve()
    with naming(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with naming(path, NO_ROOM), os.fdopen(descriptor, "wb") as file:
            yield file
        Path(name).chmod(target.stat().st_mode & 0o777 if target.exists() else _unmasked(0o666))
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path` that takes its place if the block ends well, and is removed if not.

    Raises FileNotFoundError if there is no folder to put it into.
    """
    work = work_folder(path)
    try:
        with naming(path, NO_ROOM):
            yield work
        work.chmod(_unmasked(0o777))
        if path.exists():
            shutil.rmtree(path)
        work.rename(path)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def check_place(path: Path) -> None:
    """Raise FileNotFoundError unless there is a folder for `path` to be written into."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"no such folder: '{path.parent}', where '{path.name}' should be written")


def work_folder(path: Path) -> Path:
    """A new folder beside `path`, which is to be made in it; raises FileNotFoundError if there is no place for it."""
    check_place(path)
    with naming(path):
        return Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.absolute().parent))


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


def _unmasked(mode: int) -> int:
    """`mode` less this process's umask, which can be read only by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mode & ~mask
