"""Files and folders that get their name only when they are whole.

A process that is killed leaves its work behind under another name, .NAME.*, and nothing under the name itself.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replaced_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside `path` that takes its name if the block ends well, and is removed if not.

    It gets the permissions of the file it replaces, or those of any new file.
    """
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
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
    parent = path.absolute().parent
    if not parent.is_dir():
        raise FileNotFoundError(f"no such folder: '{parent}', where '{path.name}' should be written")
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=parent))
    try:
        yield work
        work.chmod(_unmasked(0o777))
        if path.exists():
            shutil.rmtree(path)
        work.rename(path)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _unmasked(mode: int) -> int:
    """`mode` less this process's umask, which can be read only by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mode & ~mask
