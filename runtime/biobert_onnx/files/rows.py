"""Rows of an input: how many go together, what is wrong with them, what happens to those without a text."""

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from biobert_onnx._types import FloatArray, Text
from biobert_onnx.encoding.texts import CHUNK_TEXTS
from biobert_onnx.errors import short_repr

EMBEDDING = "embedding"
"""The column that outputs add."""

ENGINE = "embedding_engine"
"""The field of a line of JSON that names the engine of its vector; in Parquet it is a key of the file's metadata."""

LAYERS = "embedding_layers"
"""The key of a Parquet file's metadata that says which layers the vectors of tokens come from."""

MISSING = ("stop", "empty", "skip")
"""Choices for a row without a text: stop with an error, encode the empty text, leave the row out."""

Record = dict[str, Any]
"""One row: values by column, all of types that JSON has."""


class InputError(ValueError):
    """The content of an input cannot be encoded: a bad row, a missing text, a damaged file, a line that is too long."""


class InputWarning(UserWarning):
    """An input looks like another format than the one it is read as."""


class ColumnError(ValueError):
    """An input has no column or field of the name that was given: a mistake in the call, not in the input."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A group of rows that follow each other, the text of each, and the share of the input that is read with them.

    `content` is the whole of the rows: records, or a pyarrow Table, which keeps their types. `numbers` are those of
    the rows' lines or, in Parquet, rows, from 1. `share` is from 0 to 1, None where the input's size is not known.
    """

    texts: list[Text]
    content: Any
    numbers: list[int]
    share: float | None


class Reader(Protocol):
    """An input of rows with texts."""

    name: str
    """What messages call the input."""

    strings_only: bool
    """Whether the rows hold nothing but strings, under the same names in each."""

    columns: tuple[str, ...]
    """These names, known at the latest when the first row is read; () if it is not `strings_only`."""

    missing: "MissingTexts"
    """What happens to rows without a text, and how many there were since reading began."""

    can_reread: bool
    """Whether it can be read from its start again: True for a file, False for standard input."""

    def place(self, number: int) -> str:
        """Return what messages call the row of this number."""

    def groups(self, *, max_rows: int = CHUNK_TEXTS) -> Generator[Rows, None, None]:
        """Yield every row with a text, in groups within the bounds of `grouped`; raises InputError at a bad row."""

    def check(self, learn: Callable[[Rows], None], progress: Callable[[float | None], None]) -> int:
        """Read through the whole input; return the number of rows to encode, or raise InputError at the first bad row.

        `learn` is called with every group unless the types of the columns are known, `progress` with the share read.
        """

    def to_records(self) -> Callable[[Any], list[Record]]:
        """Return a function from `Rows.content` to records; raises InputError if a column has no form in JSON."""


class Writer(Protocol):
    """A file of vectors that is being written; its methods are called in the order they have here."""

    def learn(self, rows: Rows) -> None:
        """Look at rows that will be written, where the types of their columns are not known."""

    def start(self) -> None:
        """Write the beginning of the file, once; `write` and `finish` do so if it was not done."""

    def write(self, rows: Rows, embeddings: FloatArray) -> None:
        """Add `rows` with their vectors (rows, dim)."""

    def finish(self) -> None:
        """Write the end of the file."""

    def close(self) -> None:
        """Release what the writer holds, whether the file is finished or not."""


class MissingTexts:
    """What happens to rows without a text, and how many there were.

    JSON and Parquet have null; JSON also fields that are absent, and Python's NaN. Text and CSV have no word for a
    missing text: there an empty one is a text, and only "skip" takes it for a missing one.
    """

    def __init__(self, choice: str = "stop") -> None:
        """Take `choice`, one of MISSING; raises ValueError for another."""
        if choice not in MISSING:
            raise ValueError(f"missing is {choice!r}, expected one of {', '.join(MISSING)}")
        self.choice = choice
        self.restart()

    def restart(self) -> None:
        """Forget what was counted, as reading begins anew."""
        self.count = 0
        self.first: str | None = None
        self._last: str | None = None

    def text(self, value: object, *, column: str, place: str) -> str | None:
        """Return the text to encode for `value`, None if its row is left out.

        Raises InputError, which names `column` of the row at `place`, if the text is missing and the choice is "stop",
        or if `value` is neither a text nor missing.
        """
        if isinstance(value, str):
            return value
        if value is not None and not (isinstance(value, float) and math.isnan(value)):
            kind = type(value).__name__
            raise InputError(f"{place}: {column!r} is {short_repr(value)}, of type {kind}, expected a string")
        if self.choice == "stop":
            raise InputError(
                f"{place}: {column!r} is {'null' if value is None else 'NaN'}: drop the row, or put '' there, or "
                "choose missing='skip' or missing='empty'"
            )
        return self._counted(place)

    def absent(
        self, names: Sequence[str], *, column: str, place: str, known: bool, argument: str = "field"
    ) -> str | None:
        """Return the text to encode for a row that has only `names`, None if the row is left out.

        If the choice is "stop", raises InputError or, unless the `column` is `known` from other rows, ColumnError; both
        say that `argument` names the column.
        """
        if self.choice == "stop":
            raise (InputError if known else ColumnError)(
                f"{place} has no {column!r}, {only(names)}: name the text with {argument}=, or choose missing='skip' "
                "or missing='empty'"
            )
        return self._counted(place)

    def text_or_empty(self, value: str, *, place: str) -> str | None:
        """Return `value`, of a format that has no null; None if it is empty and the choice is "skip"."""
        return self._counted(place) if not value and self.choice == "skip" else value

    def _counted(self, place: str) -> str | None:
        """Count the row at `place`, once, though both texts of its pair may be missing."""
        self.count += place != self._last
        self.first, self._last = self.first or place, place
        return "" if self.choice == "empty" else None


def text_of_row(parts: Iterable[str | None]) -> Text | None:
    """Return the text of a row, of one or two `parts`, the texts of its columns; None if the row is left out.

    >>> text_of_row(["title"]), text_of_row(["title", ""]), text_of_row(["title", None])
    ('title', ('title', ''), None)
    """
    texts: list[str] = []
    for part in parts:
        if part is None:
            return None
        texts.append(part)
    return texts[0] if len(texts) == 1 else (texts[0], texts[1])


def check_header(place: str, names: Sequence[str], columns: Sequence[str]) -> None:
    """Raise ColumnError if the header `names` lack one of `columns`, the texts'.

    Raises InputError if two names are equal or one is that of the vectors.
    """
    for column, argument in zip(columns, ("column", "pair_column"), strict=False):
        if column not in names:
            raise ColumnError(f"{place} has no {column!r}, {only(names)}: name the text with {argument}=")
    check_room(place, names)
    for name in names if len(set(names)) < len(names) else ():
        if names.count(name) > 1:
            raise InputError(f"{place} has {name!r} more than once: rename one")


def check_room(place: str, names: Sequence[str], added: Sequence[str] = (EMBEDDING, ENGINE)) -> None:
    """Raise InputError if `names` hold a name that outputs add, one of `added`."""
    for name in added:
        if name in names:
            content = "the name of their engine" if name == ENGINE else "the vectors"
            raise InputError(f"{place} has {name!r} already, where {content} would go: rename or drop it")


def only(names: Sequence[str]) -> str:
    """Return the words that say which names there are.

    >>> only(["id", "title"]), only([])
    ("only 'id', 'title'", 'nothing at all')
    """
    return f"only {', '.join(map(repr, names))}" if names else "nothing at all"
