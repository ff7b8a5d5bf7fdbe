"""Plain text: one text a line."""

import json
import warnings
from collections.abc import Iterator

from biobert_onnx._types import Text
from biobert_onnx.files.lines import LineReader, Lines
from biobert_onnx.files.rows import InputWarning, MissingTexts, Record

DELIMITED = {",": "format='csv'", "\t": "format='tsv'", ";": "format='csv' and delimiter=';'"}
"""Delimiters of a header, and the arguments that read it."""


class TextReader(LineReader):
    """One text a line, blank lines included; a line ends with a line feed, or carriage return and line feed.

    If it is only `assumed` that the input is text, a first line that looks like another format gives an InputWarning.
    """

    columns: tuple[str, ...] = ("text",)

    def __init__(self, source: str, column: str, missing: MissingTexts, *, assumed: bool = False) -> None:
        super().__init__(source, column, missing)
        self._assumed = assumed

    def _rows(self, lines: Lines) -> Iterator[tuple[Text, Record]]:
        for line in lines:
            if self._assumed and lines.number == 1:
                self._warn_of_other_format(line)
            value = line.removesuffix("\n").removesuffix("\r")
            text = self.missing.text_or_empty(value, place=lines.place)
            if text is not None:
                yield text, {self._columns[0]: value}

    def _warn_of_other_format(self, line: str) -> None:
        arguments = other_format(line, self._columns[0])
        if arguments is not None:
            message = (
                f"{self.name} is read as text, one a line, but does not look like it: {arguments} reads its fields"
            )
            warnings.warn(message, InputWarning, stacklevel=2)


def other_format(line: str, column: str) -> str | None:
    """Return the arguments that would read the first `line` better than as a text, None if nothing speaks for any.

    >>> other_format("id;text", "text")
    "format='csv' and delimiter=';'"
    """
    for delimiter, arguments in DELIMITED.items():
        names = [name.strip(' "\r\n') for name in line.split(delimiter)]
        if len(names) > 1 and column in names:
            return arguments
    try:
        return "format='jsonl'" if line.startswith("{") and column in json.loads(line) else None
    except (ValueError, RecursionError):
        return None
