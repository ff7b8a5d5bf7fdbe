"""Lines of UTF-8 text, counted."""

import codecs
from itertools import chain
from typing import IO, Self


class Lines:
    """Iterates over the lines of `file`, line ends kept, a byte order mark dropped; counts lines and bytes.

    Raises ValueError that names the line if the bytes are no UTF-8.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        first = file.readline().removeprefix(codecs.BOM_UTF8)
        self._lines = chain([first] if first else [], file)
        self._name = name
        self._count = 0
        self.bytes_read = 0

    @property
    def place(self) -> str:
        """The last line, the first being 1, as messages call it."""
        return f"{self._name}, line {self._count}"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._count += 1
        self.bytes_read += len(line)
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.place} is no UTF-8 text: byte {line[error.start]:#x}: convert the file") from error
