"""JSON lines: one object a line."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import IO, Any

from biobert_onnx._types import FloatArray, Text
from biobert_onnx.embeddings import json_rows
from biobert_onnx.errors import json_fault, short_repr
from biobert_onnx.files.lines import LineReader, Lines
from biobert_onnx.files.rows import (
    EMBEDDING,
    ENGINE,
    ColumnError,
    InputError,
    Reader,
    Record,
    Rows,
    check_room,
    only,
    text_of_row,
)


class JsonlReader(LineReader):
    """One JSON object a line; a blank line is no row."""

    strings_only = False

    def _rows(self, lines: Lines) -> Iterator[tuple[Text, Record]]:
        names: dict[str, None] = {}
        for record in _records(lines):
            names |= dict.fromkeys(record)
            check_room(lines.place, tuple(record))
            text = text_of_row(
                self._text(record, lines.place, column, known=column in names, argument=argument)
                for column, argument in self._fields
            )
            if text is not None:
                yield text, record
        for column, argument in self._fields:
            if names and column not in names:
                raise ColumnError(
                    f"{self.name} has no {column!r} in any row, {only([*names])}: name the text with {argument}="
                )

    @property
    def _fields(self) -> Iterable[tuple[str, str]]:
        """The field of each text of a row, and the argument that names it."""
        return zip(self._columns, ("field", "pair_column"), strict=False)

    def _text(self, record: Record, place: str, column: str, *, known: bool, argument: str) -> str | None:
        """Return the text in `column`, None if the row is left out; `known` is whether any row so far had the field."""
        if column in record:
            value = record[column]
            if isinstance(value, float) and math.isnan(value):
                record[column] = None  # as it will be written
            return self.missing.text(value, column=column, place=place)
        return self.missing.absent(tuple(record), column=column, place=place, known=known, argument=argument)


class JsonlWriter:
    """Writes a JSON object a row into `file`: the row's own values, its vector as "embedding", and what computed it.

    A number that JSON does not have, NaN or infinite, is written as null.
    """

    def __init__(self, file: IO[bytes], reader: Reader, dim: int, engine: str) -> None:
        self._file = file
        self._name = reader.name
        self._to_records = reader.to_records()
        self._end = f", {json.dumps(ENGINE)}: {json.dumps(engine)}}}\n"

    def learn(self, rows: Rows) -> None:
        """Nothing: a line may have any names and types."""

    def start(self) -> None:
        """Nothing: there is no header."""

    def write(self, rows: Rows, embeddings: FloatArray) -> None:
        """Add `rows` with their vectors (rows, dim); raises InputError if a value is nested too deep to be written."""
        try:
            for record, vector in zip(self._to_records(rows.content), json_rows(embeddings), strict=True):
                self._file.write(f"{_open_object(record)}{json.dumps(EMBEDDING)}: {vector}{self._end}".encode())
        except RecursionError as error:
            raise InputError(f"{self._name} has a row that is nested too deep for JSON: write .npy instead") from error

    def finish(self) -> None:
        """Nothing: the last line is written."""

    def close(self) -> None:
        """Nothing: there is no more than the file."""


def _records(lines: Lines) -> Iterator[Record]:
    return (_object(line, lines.place) for line in lines if not line.isspace())


def _object(line: str, place: str) -> Record:
    """Return the JSON object in `line`; raises InputError if it is none, or escapes what is no Unicode text."""
    try:
        record = json.loads(line)
        if "\\u" in line:
            json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{place} holds a lone surrogate, which is no Unicode text: drop it") from error
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else json_fault(error)
        raise InputError(f"{place} is no JSON ({reason}): expected an object on each line") from error
    if not isinstance(record, dict):
        raise InputError(f'{place} is {short_repr(record)}, expected an object such as {{"text": "..."}}')
    return record


def _open_object(record: Record) -> str:
    """Return `record` as a JSON object without its end, so that one more name can follow.

    >>> _open_object({"text": "a", "score": float("nan")}), _open_object({})
    ('{"text": "a", "score": null, ', '{')
    """
    try:
        whole = json.dumps(record, ensure_ascii=False, allow_nan=False)
    except ValueError:
        whole = json.dumps(_finite(record), ensure_ascii=False, allow_nan=False)
    return f"{whole[:-1]}, " if record else "{"


def _finite(value: Any) -> Any:
    """Return `value` with None for every number in it that is NaN or infinite."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value
