"""Files that are not what their names say: pointers of Git LFS, web pages, and empty files.

A `git clone` without Git LFS leaves pointers in place of large files, and a download without access, or through a
proxy, saves a page under the file's name. Readers would call such a file damaged; this module says what it is.
"""

import errno
import re
import stat
from pathlib import Path

from biobert_onnx._file_status import is_link
from biobert_onnx_export.errors import CheckpointError

HEAD_BYTES = 4096
"""Bytes that are read to tell what a file is."""

POINTER = re.compile(rb"version https://(git-lfs\.github\.com|hawser\.github\.com)/spec/v\d")
"""The first line of a pointer, by the specification of Git LFS; hawser is its name before 2015."""

POINTER_SIZE = re.compile(rb"^size (\d+)$", re.MULTILINE)
"""The line of a pointer that has the bytes of the file it stands for."""

PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*(<!doctype\s+html|<html|<head|<\?xml|<error)", re.IGNORECASE)
"""The beginning of a page of HTML, or of the XML with which object stores refuse a download."""

UNSEEN = re.compile(r"<(script|style)\b.*?(</\1>|$)|<!--.*?(-->|$)|<[^>]*(>|$)", re.IGNORECASE | re.DOTALL)
"""The parts of a page that a browser does not show as text."""

MAX_PAGE_CHARACTERS = 80
"""Characters of a page that an error shows."""


def is_there(path: Path) -> bool:
    """Tell whether there is a file at `path`.

    Raises CheckpointError if something else is there: a link that leads nowhere, as a broken download leaves it, a
    folder, a pipe. Taken for absent, such a file would change vectors without a word.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if not is_link(path) and error.errno in (errno.ENOENT, errno.ENOTDIR):
            return False
        raise CheckpointError(f"'{path}' cannot be read ({error.strerror}): download the checkpoint again") from error
    if not stat.S_ISREG(mode):
        raise CheckpointError(f"'{path}' is no file, expected one: download the checkpoint again")
    return True


def check_content(path: Path, *, may_be_empty: bool = False) -> None:
    """Raise CheckpointError, which says what to do, if `path` is a Git LFS pointer, a web page, or empty.

    Raises FileNotFoundError if there is no such file, CheckpointError if it cannot be read.
    """
    head = _head(path)
    if not head and not may_be_empty:
        raise CheckpointError(f"'{path}' cannot be read (it is empty): download it again")
    if POINTER.match(head):
        size = POINTER_SIZE.search(head)
        stands_for = f" for a file of {int(size[1]):,} bytes" if size else ""
        raise CheckpointError(
            f"'{path}' cannot be read (it is a Git LFS pointer, the stand-in{stands_for}): run 'git lfs pull' in its "
            "folder, or download the file again"
        )
    if PAGE.match(head):
        raise CheckpointError(
            f"'{path}' cannot be read (it is a web page that begins with {_shown_text(head)!r}): download the file "
            "again, signed in if the page asks for it"
        )


def _head(path: Path) -> bytes:
    if not is_there(path):
        raise FileNotFoundError(errno.ENOENT, "No such file", str(path))
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise CheckpointError(f"'{path}' cannot be read ({error.strerror or error}): check the file") from error


def _shown_text(page: bytes) -> str:
    """Return the first words that a browser would show of `page`, or its first characters if it shows none.

    >>> _shown_text(b"<html><style>p {}</style><body>Access is <b>restricted</b></body>")
    'Access is restricted'
    """
    text = page.decode("utf-8", errors="replace").removeprefix("\ufeff")
    words = " ".join(UNSEEN.sub(" ", text).split()) or " ".join(text.split())
    return words if len(words) <= MAX_PAGE_CHARACTERS else words[:MAX_PAGE_CHARACTERS] + "..."
