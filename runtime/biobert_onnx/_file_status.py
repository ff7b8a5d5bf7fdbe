"""What lies at a path, with "nothing" said only where that is known.

`exists`, `is_file`, `is_dir` and `is_symlink` of pathlib answer False for every error from Python 3.14 on, as those of
os.path always did. A file in a folder that may not be entered then looks like one that is not there, and the message
sends its reader the wrong way. These functions raise the error on every Python; no code here calls the others.
"""

import errno
import os
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""Errors that mean that nothing lies at a path: no such name, a file in place of a folder, links in a circle, a name
that no file system takes."""

INVALID_NAME = 123
"""Windows' error for characters that no name has there."""


def file_mode(path: str | os.PathLike[str], *, follow_links: bool = True) -> int | None:
    """Return the `st_mode` of what lies at `path`; None if there is nothing, or a link that leads to nothing.

    With `follow_links` False, a link is something. Raises OSError if that cannot be known, as without permission to
    enter a folder above it.
    """
    try:
        return Path(path).stat(follow_symlinks=follow_links).st_mode
    except OSError as error:
        if error.errno in ABSENT or getattr(error, "winerror", None) == INVALID_NAME:
            return None
        raise
    except ValueError:  # a null character or a lone surrogate, which no name has
        return None


def exists(path: str | os.PathLike[str], *, follow_links: bool = True) -> bool:
    """Tell whether anything lies at `path`; takes and raises what `file_mode` does."""
    return file_mode(path, follow_links=follow_links) is not None


def is_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is a regular file or a link to one; raises as `file_mode` does."""
    mode = file_mode(path)
    return mode is not None and S_ISREG(mode)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is a folder or a link to one; raises as `file_mode` does."""
    mode = file_mode(path)
    return mode is not None and S_ISDIR(mode)


def is_link(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is a link, whatever it leads to; raises as `file_mode` does."""
    mode = file_mode(path, follow_links=False)
    return mode is not None and S_ISLNK(mode)
