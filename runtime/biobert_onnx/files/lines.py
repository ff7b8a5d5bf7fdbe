"""Lines of UTF-8 text, from a file, a packed file or standard input; and the reader of rows that lie in lines."""

import codecs
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Self

from biobert_onnx._types import Text
from biobert_onnx.encoding.texts import CHUNK_TEXTS, grouped
from biobert_onnx.files.packed import PACKED, unpacked
from biobert_onnx.files.rows import InputError, MissingTexts, Record, Rows

STDIN = "-"

MAX_LINE_BYTES = 64 * 2**20
"""Bytes of one line. About ten times as many are needed while a line at the limit is read, decoded and parsed."""

MAX_FIELD_CHARACTERS = 64 * 2**20
"""Characters of one CSV field, which may hold many lines: a quote that is never closed would take the whole file."""

BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""First bytes of files in other encodings, and what iconv calls these."""

WINDOWS = "cp1252"
"""The encoding that is likely without such a mark. It has all letters of latin1, and curly quotes, dashes and the euro
sign at 0x80 to 0x9f: there latin1 has control characters, which tokenizers drop."""


class Lines:
    """Iterates over the lines of `source` with their line ends, drops a byte order mark, and counts the lines.

    Use it as a context manager. Iterating raises InputError that names the line if it is too long or no UTF-8, and the
    file if it is damaged.
    """

    def __init__(self, source: str, name: str) -> None:
        self._source = source
        self._name = name
        self.number = 0
        """Number of the last line, from 1."""
        self.line = ""
        """The last line."""

    def __enter__(self) -> Self:
        with ExitStack() as files:
            self._raw = files.enter_context(_opened(self._source))
            self._size = 0 if self._source == STDIN else os.fstat(self._raw.fileno()).st_size
            self._file = files.enter_context(unpacked(self._raw, _ending(self._source)))
            if self._file is not self._raw and self._size == 0:  # gzip takes nothing for a whole file
                raise self._damage("it is empty")
            self._files = files.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()

    @property
    def place(self) -> str:
        """What messages call the last line."""
        return self.place_of(self.number)

    def place_of(self, number: int) -> str:
        """Return what messages call the line `number`."""
        return f"{self._name}, line {number}"

    @property
    def share(self) -> float | None:
        """The share of the file that is read, 0 to 1; None for standard input."""
        return min(self._raw.tell() / self._size, 1.0) if self._size else None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._next_line()
        if self.number == 0:
            line = line.removeprefix(codecs.BOM_UTF8)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MAX_LINE_BYTES:
            raise InputError(
                f"{self.place} has more than {MAX_LINE_BYTES:,} bytes: break it up, or check that the format is right"
            )
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(self._encoding_advice(line, error)) from error
        if self.number == 1:
            self._check_first(line)
        self.line = text
        return text

    def _check_first(self, line: bytes) -> None:
        """Raise InputError if the first `line` is UTF-8, but shows that the file is not meant to be."""
        encoding = _utf_16(line)
        if encoding is not None:
            raise InputError(
                f"{self.place} is no UTF-8 text: every second byte is NUL, as in UTF-16: convert the file, for example "
                f"by iconv -f {encoding} -t utf-8"
            )
        if not line.endswith(b"\n") and b"\r" in line.rstrip(b"\r"):
            raise InputError(
                f"{self._name} has carriage returns and no line feed, as old Macs end lines: convert the line ends, "
                r"for example by tr '\r' '\n'"
            )

    def _next_line(self) -> bytes:
        try:
            return self._file.readline(MAX_LINE_BYTES + 1)
        except Exception as error:  # zlib.error, lzma.LZMAError, EOFError, OSError: each format has its own
            if self._file is self._raw:
                raise
            raise self._damage(str(error)) from error

    def _damage(self, reason: str) -> InputError:
        return InputError(
            f"{self._name} is damaged or not whole after line {self.number} ({reason}): fetch it, or pack it, again"
        )

    def _encoding_advice(self, line: bytes, error: UnicodeDecodeError) -> str:
        start = line if self.number == 1 else b""
        for ending, packing in PACKED.items():
            if start.startswith(packing.magic):
                return (
                    f"{self._name} is packed by {packing.program}, expected UTF-8 text: unpack it by "
                    f"{packing.program} -dc, or name a file that ends in {ending}"
                )
        encoding = BYTE_ORDER_MARKS.get(start[:2]) or _utf_16(start) or WINDOWS
        return (
            f"{self.place} is no UTF-8 text: byte {error.start + 1} of the line is {line[error.start]:#x}: convert the "
            f"file, for example by iconv -f {encoding} -t utf-8"
        )


class LineReader(ABC):
    """The rows of the file `source`, or of standard input for "-"; `column` names the text of a row.

    `pair_column` names its second text, if rows have pairs of texts.
    """

    strings_only = True
    columns: tuple[str, ...] = ()

    def __init__(self, source: str, column: str, missing: MissingTexts, *, pair_column: str | None = None) -> None:
        self.name = "standard input" if source == STDIN else f"'{source}'"
        self.missing = missing
        self.can_reread = source != STDIN
        self._source = source
        self._columns = (column,) if pair_column is None else (column, pair_column)

    def place(self, number: int) -> str:
        """Return what messages call the row that ends in line `number`."""
        return f"{self.name}, line {number}"

    def groups(self, *, max_rows: int = CHUNK_TEXTS) -> Generator[Rows, None, None]:
        """Yield every row with a text, in groups; raises InputError that names the line of a bad one."""
        self.missing.restart()
        with Lines(self._source, self.name) as lines:
            numbered = ((text, (lines.number, record)) for text, record in self._rows(lines))
            for group in grouped(numbered, max_rows=max_rows):
                texts, rows = zip(*group, strict=True)
                numbers, records = zip(*rows, strict=True)
                yield Rows(texts=list(texts), content=list(records), numbers=list(numbers), share=lines.share)

    def check(self, learn: Callable[[Rows], None], progress: Callable[[float | None], None]) -> int:
        """Read through the whole file; return the number of rows to encode, or raise at the first bad row.

        It was measured to take 6 microseconds of CPU time a row for lines of 10 words, 30 for packed JSON of 200 words.
        """
        count = 0
        for rows in self.groups():
            learn(rows)
            progress(rows.share)
            count += len(rows.texts)
        return count

    def to_records(self) -> Callable[[Any], list[Record]]:
        """Return a function that gives the rows as they are, as text and JSON have a form in JSON."""
        return list

    @abstractmethod
    def _rows(self, lines: Lines) -> Iterator[tuple[Text, Record]]:
        """Yield the text to encode and the record of each row that is not left out."""


def _utf_16(line: bytes) -> str | None:
    r"""Return what iconv calls the UTF-16 that the first `line` of a file without a mark seems to be, None for none.

    There each second byte of western text is NUL. A line is taken for it if it has two NULs or more, in half of its
    characters at least, all at even places or all at odd ones.

    >>> _utf_16("gene".encode("utf-16-le")), _utf_16("gene".encode("utf-16-be")), _utf_16(b"gene\0")
    ('UTF-16LE', 'UTF-16BE', None)
    """
    even, odd = line[::2], line[1::2]
    for encoding, high, low in (("UTF-16LE", odd, even), ("UTF-16BE", even, odd)):
        if high.count(0) >= max(2, len(high) / 2) and not low.count(0):
            return encoding
    return None


def _opened(source: str) -> IO[bytes]:
    if source == STDIN:  # not sys.stdin: a thread that is blocked in it aborts the interpreter's exit
        return os.fdopen(0, "rb", closefd=False)
    return Path(source).open("rb")


def _ending(source: str) -> str:
    return Path(source).suffix.lower()
