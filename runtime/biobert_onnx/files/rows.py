"""Rows of an input, and what makes one fit to encode."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from biobert_onnx.errors import short_repr

EMBEDDING = "embedding"
"""The column that outputs add."""

Record = dict[str, Any]
"""One row: values by column, all of types that JSON has."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows that follow each other, the text of each, and the share of the input that is read with them.

    `content` is the whole of the rows: records, or a pyarrow Table, which keeps their types. `share` is from 0 to 1,
    None where the size of the input is not known.
    """

    texts: list[str]
    content: Any
    share: float | None


class Reader(Protocol):
    """An input that can be read from its start any number of times, unless it is standard input."""

    name: str
    """As messages call it."""

    columns: tuple[str, ...] | None
    """The names in each row, where all values are strings; else None."""

    def chunks(self, size: int) -> Iterator[Rows]:
        """Every row, `size` rows at a time, fewer at the end."""

    def to_records(self) -> Callable[[Any], list[Record]]:
        """What makes records of `Rows.content`; raises ValueError if a column has no form in JSON."""


def check_names(place: str, names: Sequence[str], wanted: str, option: str) -> None:
    """Raise ValueError unless `names` are different, hold `wanted`, which `option` sets, and leave room for vectors."""
    if wanted not in names:
        there = f"only {', '.join(map(repr, names))}" if names else "nothing at all"
        raise ValueError(f"{place} has no {wanted!r}, {there}: name the text with {option}")
    if EMBEDDING in names:
        raise ValueError(f"{place} has {EMBEDDING!r} already, where the vectors would go: rename or drop it")
    for name in names if len(set(names)) < len(names) else ():
        if names.count(name) > 1:
            raise ValueError(f"{place} has {name!r} more than once: rename one")


def check_text(place: str, name: str, text: object) -> None:
    """Raise ValueError if `text`, called `name` in the row at `place`, is null or no string."""
    if text is None:
        raise ValueError(f"{place}: {name!r} is null: drop the row, or put '' there")
    if not isinstance(text, str):
        raise ValueError(f"{place}: {name!r} is {short_repr(text)}, of type {type(text).__name__}, expected a string")
