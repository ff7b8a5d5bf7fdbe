"""What commands say: messages on stderr, an artifact's figures on stdout."""

import codecs
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO, cast

from biobert_onnx._atomic_files import leftovers
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.summary import cosine_lines, search_lines
from biobert_onnx.cli.options import with_options

MEBIBYTE = 2**20
KILOBYTE = 1000

BYTES_OR_ESCAPE = "biobert_onnx.bytes_or_escape"
"""The name under which codecs know `_bytes_or_escape`."""


def say(kind: str, message: object) -> None:
    """Write one line to stderr, the library's arguments in it named as options.

    Other control characters than white space, which a file's name may hold, are written as escapes.
    """
    line = _printable(with_options(" ".join(str(message).split())))
    with suppress(OSError):  # a terminal that was closed
        sys.stderr.write(f"biobert-onnx: {kind}: {line}\n")


def allow_any_character() -> None:
    """Print what stdout's encoding has no character for as an escape, from now on, where it would be an error.

    On Windows, stdout has an encoding of 256 characters when it goes into a file or a pipe. In the locale C, Python
    reads the names of files as bytes, for which it has characters, and writes these as the bytes again: so it stays.
    """
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors in ("strict", "surrogateescape"):
        is_strict = sys.stdout.errors == "strict"
        codecs.register_error(BYTES_OR_ESCAPE, _bytes_or_escape)
        sys.stdout.reconfigure(errors="backslashreplace" if is_strict else BYTES_OR_ESCAPE)


def _bytes_or_escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode the first character that cannot be: as the byte that it stands for, or as an escape."""
    if isinstance(error, UnicodeEncodeError):
        error.end = error.start + 1
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def sentence(error: Exception) -> str:
    """Return what `error` says: a sentence also for one of the system's own, which has a reason and perhaps a name.

    >>> sentence(PermissionError(13, "Permission denied", "notes.txt"))
    "'notes.txt' cannot be used (Permission denied): give another, or change what the system says of it"
    """
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    name = "a file" if error.filename is None else f"'{error.filename}'"
    return f"{name} cannot be used ({error.strerror}): give another, or change what the system says of it"


@contextmanager
def output_named() -> Iterator[None]:
    """Let an OSError of printing in the block say that it is standard output which cannot be written."""
    if sys.stdout is None:
        yield
        return
    with redirect_stdout(cast(TextIO, _Output(sys.stdout))):
        yield


class _Output:
    """A stream that names itself in its errors, and raises the first one again at each flush: argparse drops it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._naming():
            return self._stream.write(text)

    def flush(self) -> None:
        if self._error is not None:
            raise self._error
        with self._naming():
            self._stream.flush()

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:  # which is no error to be told
            raise
        except OSError as error:
            drop_output()
            self._error = OSError(
                f"standard output cannot be written ({error.strerror}): make room there, or send it elsewhere"
            )
            raise self._error from error


def drop_output() -> None:
    """Let what stdout still holds go nowhere: the interpreter would complain that it cannot write it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return `value` as JSON for stdout: in ASCII unless that takes UTF-8, for other escapes would be no JSON."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return json.dumps(value, indent=indent, ensure_ascii=codecs.lookup(encoding).name != "utf-8")


def _printable(line: str) -> str:
    r"""Return `line` with an escape for each character that a terminal may take for a command.

    >>> _printable("no folder '\x1b[31mred'")
    "no folder '\\x1b[31mred'"
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def warn_of_leftovers(path: Path) -> None:
    """Warn of what killed runs have left beside the output `path`."""
    found = leftovers(path)
    if found:
        names = ", ".join(f"'{left}'" for left in found)
        say("warning", f"{names}: left by a run that was killed; nothing uses it, so it can be removed (rm -r)")


def tell_missing(rows: int, first: str | None, choice: str) -> None:
    """Say how many `rows` were without a text, if any, the place of the `first`, and what `choice` did with them."""
    if rows:
        done = "left out" if choice == "skip" else "encoded as the empty text"
        say("note", f"{counted(rows, 'row')} without a text {done}, first {first}")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "vector"), counted(2000, "vector")
    ('1 vector', '2,000 vectors')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number: int) -> str:
    """Return a number of bytes in a column of 14 characters: MiB, or kB where there would be no digit.

    >>> size(5 * 2**20), size(500)
    ('      5.00 MiB', '      0.50 kB ')
    """
    amount = number / MEBIBYTE
    return f"{amount:10.2f} MiB" if amount >= 0.01 else f"{number / KILOBYTE:10.2f} kB "


def print_fidelity(manifest: Manifest) -> None:
    """Print the cosines, and then what searches keep."""
    print(*cosine_lines(manifest), *search_lines(manifest), sep="\n")
