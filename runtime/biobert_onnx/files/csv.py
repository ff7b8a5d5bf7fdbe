"""Separated values under a header: commas in .csv, tabs in .tsv, or any other character."""

from collections.abc import Iterator

from biobert_onnx._types import Text
from biobert_onnx.errors import short_repr
from biobert_onnx.files.lines import MAX_FIELD_CHARACTERS, LineReader, Lines
from biobert_onnx.files.rows import ColumnError, InputError, MissingTexts, Record, check_header, text_of_row

COMMA = ","
TAB = "\t"

DELIMITERS = {COMMA: "','", ";": "';'", TAB: r"'\t'", "|": "'|'"}
"""Delimiters that are looked for in a header that does not fit, and how messages write them."""

RESERVED = '"\r\n'
"""Characters that cannot be a delimiter."""


class CsvReader(LineReader):
    """Values under a header, with `delimiter` between them, quoted with " where need be; a blank line is no row."""

    def __init__(
        self,
        source: str,
        column: str,
        missing: MissingTexts,
        delimiter: str = COMMA,
        *,
        pair_column: str | None = None,
    ) -> None:
        r"""Read the header of a file; standard input's is read with its rows.

        `delimiter` is one character, or `\t` in two. Raises ValueError for another, and as `check_header` does.
        """
        super().__init__(source, column, missing, pair_column=pair_column)
        self._delimiter = checked_delimiter(delimiter)
        if self.can_reread:
            with Lines(source, self.name) as lines:
                self._read_header(lines, _values(lines, self._delimiter))

    def _rows(self, lines: Lines) -> Iterator[tuple[Text, Record]]:
        rows = _values(lines, self._delimiter)
        columns = self._read_header(lines, rows)
        for values in rows:
            if len(values) != len(columns):
                raise InputError(
                    f"{lines.place} ends a row of {len(values)} fields, the header has {len(columns)}: "
                    'put a field that holds a delimiter or a line end in "quotes"'
                )
            record = dict(zip(columns, values, strict=True))
            place = lines.place
            text = text_of_row(self.missing.text_or_empty(record[each], place=place) for each in self._columns)
            if text is not None:
                yield text, record

    def _read_header(self, lines: Lines, rows: Iterator[list[str]]) -> tuple[str, ...]:
        """Read the first of `rows`, which lie in `lines`, into `columns`; return these, or raise as `check_header`."""
        header: list[str] = []
        try:
            header = next(rows, [])
            check_header(self.name, header, self._columns)
        except ValueError as error:  # with another delimiter, quotes may be in the wrong places, too
            better = self._better_delimiter(lines.line.strip(), len(header))
            raise (error if better is None else better) from error
        self.columns = tuple(header)
        return self.columns

    def _better_delimiter(self, line: str, columns: int) -> ColumnError | None:
        """Return an error that says which delimiter finds the column in the header `line`, or more than one column."""
        for delimiter, shown in DELIMITERS.items():
            names = [name.strip('" ') for name in line.split(delimiter)]
            if delimiter != self._delimiter and (set(self._columns) <= set(names) or len(names) > 1 >= columns):
                return ColumnError(
                    f"{self.name} has the header {short_repr(line)}, which looks separated by {shown}: read it with "
                    f"delimiter={shown}"
                )
        return None


def checked_delimiter(delimiter: str) -> str:
    r"""Return `delimiter`, a tab for "\t" in two characters; raises ValueError if it is not one character.

    >>> checked_delimiter(";"), checked_delimiter(r"\t")
    (';', '\t')
    """
    character = TAB if delimiter == r"\t" else delimiter
    if len(character) != 1 or character in RESERVED:
        raise ValueError(rf"delimiter is {delimiter!r}, expected one character such as ';', or '\t' for a tab")
    return character


def _values(lines: Lines, delimiter: str) -> Iterator[list[str]]:
    """Yield the values of each row; raises InputError that names the line of one that is not well quoted."""
    import csv

    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        yield from filter(None, csv.reader(lines, strict=True, delimiter=delimiter))
    except csv.Error as error:
        raise InputError(
            f'{lines.place} is no CSV ({error}): a quote inside a "quoted" field is written twice'
        ) from error
