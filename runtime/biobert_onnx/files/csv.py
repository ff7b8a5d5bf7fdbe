"""Separated values under a header: commas in .csv, tabs in .tsv, or any other character."""

import re
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

QUOTING = CSV_QUOTES, NO_QUOTES = "csv", "none"
"""Choices for a quote: it encloses a field, as in CSV, or is a character like another one, as IANA's TSV has it.

Source: https://www.iana.org/assignments/media-types/text/tab-separated-values
"""

CLOSING_QUOTE = re.compile(r'[^"]*+(?:""[^"]*+)*+"(?P<next>.?)', re.DOTALL)
"""The rest of a quoted field with the quote that closes it, and the character behind."""


class CsvReader(LineReader):
    """Values under a header, with `delimiter` between them, quoted with " where need be; a blank line is no row.

    `quoting` is one of QUOTING. None is that of CSV, but where tabs are between the values, a quoted one that holds a
    line end is refused: in most files of that kind quotes are plain characters, and one would swallow the rows behind.
    """

    def __init__(
        self,
        source: str,
        column: str,
        missing: MissingTexts,
        delimiter: str = COMMA,
        *,
        quoting: str | None = None,
        pair_column: str | None = None,
    ) -> None:
        r"""Read the header of a file; standard input's is read with its rows.

        `delimiter` is one character, or `\t` in two. Raises ValueError for another one, and for another `quoting` than
        one of QUOTING or None; InputError if the file is empty; and as `check_header` does.
        """
        super().__init__(source, column, missing, pair_column=pair_column)
        self._delimiter = checked_delimiter(delimiter)
        if quoting not in (None, *QUOTING):
            raise ValueError(f"quoting is {quoting!r}, expected one of {', '.join(QUOTING)}")
        self._quoting = quoting
        if self.can_reread:
            with Lines(source, self.name) as lines:
                self._read_header(lines, self._values(lines))

    def _values(self, lines: Lines) -> Iterator[list[str]]:
        """Yield the values of each row; raises InputError that names the line where a bad quote opens."""
        if self._quoting == NO_QUOTES:
            return _unquoted_values(lines, self._delimiter)
        return _quoted_values(_QuotedLines(lines, self._delimiter, quoting=self._quoting))

    def _rows(self, lines: Lines) -> Iterator[tuple[Text, Record]]:
        rows = self._values(lines)
        columns = self._read_header(lines, rows)
        for values in rows:
            if len(values) != len(columns):
                remedy = (
                    "with quoting='none' no field can hold a delimiter or a line end"
                    if self._quoting == NO_QUOTES
                    else 'put a field that holds a delimiter or a line end in "quotes"'
                )
                raise InputError(
                    f"{lines.place} ends a row of {len(values)} fields, the header has {len(columns)}: {remedy}"
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
            if not header:
                raise InputError(f"{self.name} is empty, expected a header with {self._columns[0]!r}, and rows")
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
            if delimiter == self._delimiter or len(names) == 1:
                continue
            if set(self._columns) <= set(names) or columns <= 1:
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


def _unquoted_values(lines: Lines, delimiter: str) -> Iterator[list[str]]:
    """Yield the values of each line that is not blank; a quote is a character like another one."""
    for line in lines:
        content = line.removesuffix("\n").removesuffix("\r")
        if content:
            yield content.split(delimiter)


def _quoted_values(lines: "_QuotedLines") -> Iterator[list[str]]:
    """Yield the values of each row; raises InputError that names the line where a bad quote opens."""
    import csv

    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        for values in csv.reader(lines, strict=True, delimiter=lines.delimiter):
            lines.end_row()
            if values:
                yield values
    except csv.Error as error:
        raise lines.bad_quote(str(error)) from error


class _QuotedLines:
    """The lines that a reader of quoted fields takes; it takes a line more of a row only if a quote is open.

    With `quoting` None, that is refused where tabs are between the fields.
    """

    def __init__(self, lines: Lines, delimiter: str, *, quoting: str | None) -> None:
        self.delimiter = delimiter
        self._lines = lines
        self._name = "TSV" if delimiter == TAB else "CSV"
        self._is_unsure = delimiter == TAB and quoting is None
        self._is_in_row = False
        self._opened = 0
        """The number of the line where the quote that is open was opened; 0 if none was open before this line."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._is_in_row:
            if not self._opened or CLOSING_QUOTE.match(self._lines.line):  # closed there, and another one opened
                self._opened = self._lines.number
            if self._is_unsure:
                raise self._refused(self._opened, "has a quote that is not closed on its line")
        self._is_in_row = True
        return next(self._lines)

    def end_row(self) -> None:
        """Say that the row is whole: no quote is open."""
        self._is_in_row, self._opened = False, 0

    def bad_quote(self, reason: str) -> InputError:
        """Return the error about the quote because of which the last line could not be read, for that `reason`."""
        closing = CLOSING_QUOTE.match(self._lines.line) if self._opened else None
        is_well_closed = closing is not None and closing["next"] in (self.delimiter, "\r", "\n", "")
        number = self._lines.number if is_well_closed or not self._opened else self._opened
        return self._refused(number, f"is no {self._name} ({reason})".replace(TAB, r"\t"))

    def _refused(self, number: int, fault: str) -> InputError:
        if self._is_unsure:
            remedy = (
                "if quotes are plain characters in this TSV, choose quoting='none'; if they enclose fields, as in CSV, "
                "choose quoting='csv'"
            )
        else:
            remedy = (
                "a quote inside a \"quoted\" field is written twice; quoting='none' reads quotes as plain characters"
            )
        return InputError(f"{self._lines.place_of(number)} {fault}: {remedy}")
