"""Rows of text files, a chunk at a time: plain lines, JSON lines, CSV; all UTF-8."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from biobert_onnx.errors import short_repr
from biobert_onnx.files.lines import Lines
from biobert_onnx.files.rows import Record, Rows, check_names, check_text

STDIN = "-"

LONGEST_FIELD = 2**31 - 1
"""Characters in one CSV field, the most that the csv module takes everywhere; its own limit is 131,072."""


class LineReader(ABC):
    """The rows of the file `source`, or of standard input for "-"; `field` names the text of a row."""

    columns: tuple[str, ...] | None = None
    option = ""
    """The command's option that sets `field`, if there is one."""

    def __init__(self, source: str, field: str) -> None:
        self.name = "standard input" if source == STDIN else f"'{source}'"
        self._source = source
        self._field = field

    def chunks(self, size: int) -> Iterator[Rows]:
        """Every row, `size` rows at a time, fewer at the end; raises ValueError that names the line of a bad one."""
        with self._open() as file:
            total = None if self._source == STDIN else os.fstat(file.fileno()).st_size
            lines = Lines(file, self.name)
            records = self._records(lines)
            while chunk := list(islice(records, size)):
                share = min(lines.bytes_read / total, 1.0) if total else None
                yield Rows(texts=[record[self._field] for record in chunk], content=chunk, share=share)

    def to_records(self) -> Callable[[Any], list[Record]]:
        """What gives the rows as they are: text and JSON have a form in JSON."""
        return list

    def _open(self) -> IO[bytes]:
        if self._source == STDIN:  # not sys.stdin: a thread that is blocked in it aborts the interpreter's exit
            return os.fdopen(0, "rb", closefd=False)
        return Path(self._source).open("rb")

    @abstractmethod
    def _records(self, lines: Lines) -> Iterator[Record]: ...


class TextReader(LineReader):
    """One text a line, blank lines included; a line ends with a line feed, or carriage return and line feed."""

    columns = ("text",)

    def _records(self, lines: Lines) -> Iterator[Record]:
        for line in lines:
            yield {self._field: line.removesuffix("\n").removesuffix("\r")}


class JsonlReader(LineReader):
    """One JSON object a line; a blank line is no row."""

    option = "--field"

    def _records(self, lines: Lines) -> Iterator[Record]:
        for line in lines:
            if not line.isspace():
                record = _object(line, lines.place)
                check_names(lines.place, tuple(record), self._field, self.option)
                check_text(lines.place, self._field, record[self._field])
                yield record


class CsvReader(LineReader):
    """Comma-separated values under a header, quoted with " where need be; a blank line is no row."""

    columns: tuple[str, ...]
    option = "--column"

    def __init__(self, source: str, field: str) -> None:
        """Read the header; raises ValueError if it is no list of different names with `field`."""
        super().__init__(source, field)
        with self._open() as file:
            self.columns = tuple(next(_csv_rows(Lines(file, self.name)), ()))
        check_names(self.name, self.columns, field, self.option)

    def _records(self, lines: Lines) -> Iterator[Record]:
        for row in islice(_csv_rows(lines), 1, None):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"{lines.place} ends a row of {len(row)} fields, the header has {len(self.columns)}: "
                    'put a field that holds a comma or a line end in "quotes"'
                )
            yield dict(zip(self.columns, row, strict=True))


def _object(line: str, place: str) -> Record:
    """The JSON object in `line`; raises ValueError if it is none, or escapes what is no Unicode text."""
    try:
        record = json.loads(line)
        if "\\u" in line:
            json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{place} holds a lone surrogate, which is no Unicode text: drop it") from error
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise ValueError(f"{place} is no JSON ({reason}): expected an object on each line") from error
    if not isinstance(record, dict):
        raise ValueError(f'{place} is {short_repr(record)}, expected an object such as {{"text": "..."}}')
    return record


def _csv_rows(lines: Lines) -> Iterator[list[str]]:
    import csv

    csv.field_size_limit(LONGEST_FIELD)
    try:
        yield from filter(None, csv.reader(lines, strict=True))
    except csv.Error as error:
        raise ValueError(
            f'{lines.place} is no CSV ({error}): a quote inside a "quoted" field is written twice'
        ) from error
