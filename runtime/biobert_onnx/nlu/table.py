"""Units and vectors in; the table with NLU's columns out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.nlu.data import Data, pandas
from biobert_onnx.nlu.units import LEVELS, TOKEN, Unit

if TYPE_CHECKING:
    import pandas as pd

ORIGIN_INDEX = "origin_index"
"""The column, in NLU, of the index of the data's row."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a call asks to see.

    `level`: one of LEVELS. `vectors`: the name of the column of vectors; None leaves it out. `positions`: where each
    unit begins and ends. `metadata`: what NLU calls metadata. `other_levels`: the texts that the unit lies in.
    """

    level: str
    vectors: str | None
    positions: bool
    metadata: bool
    other_levels: bool

    @property
    def levels(self) -> tuple[str, ...]:
        """The level of the rows, after those that it lies in."""
        return LEVELS[: LEVELS.index(self.level) + 1]


def new_columns(shown: Shown) -> list[str]:
    """Return the names of the columns that a table gets beside those of the data."""
    return [*_columns((), (), pandas().Index([]), shown)]


def with_origin(kept: "pd.DataFrame", shown: Shown) -> "pd.DataFrame":
    """Return the columns that the data gives the table: `kept`, and `origin_index` if it is shown."""
    return kept.assign(**{ORIGIN_INDEX: _origin(kept.index)}) if shown.metadata or shown.other_levels else kept


def make_table(data: Data, units: Sequence[Unit], vectors: Sequence[FloatArray], shown: Shown) -> "pd.DataFrame":
    """Return a DataFrame of one row a unit, with the index and the kept columns of its row of `data`."""
    rows = data.kept.iloc[[unit.row for unit in units]]
    columns = _columns(units, vectors, rows.index, shown)
    table = pandas().concat([pandas().DataFrame(columns, index=rows.index), rows], axis=1)
    table.columns = pandas().Index([*columns, *rows.columns])
    return table


def _columns(units: Sequence[Unit], vectors: Sequence[FloatArray], index: "pd.Index", shown: Shown) -> dict[str, Any]:
    """Return the new columns: texts, places, vectors and their metadata, in this order."""
    columns: dict[str, Any] = {}
    for level in shown.levels if shown.metadata or shown.other_levels else (shown.level,):
        columns[level] = [unit.parts[level].text for unit in units]
    if shown.positions:
        for level in shown.levels:
            columns |= _places(level, units, level)
    if shown.vectors is not None:
        columns[shown.vectors] = pandas().Series([*vectors], dtype=object, index=index)
        if shown.positions:
            columns |= _places(shown.vectors, units, shown.level)
    if shown.metadata or shown.other_levels:
        columns[ORIGIN_INDEX] = _origin(index)
    if shown.metadata and shown.vectors is not None:
        columns |= _vector_metadata(shown.vectors, units, shown.level)
    return columns


def _origin(index: "pd.Index") -> Any:
    return index.to_flat_index().array


def _places(name: str, units: Sequence[Unit], level: str) -> dict[str, Any]:
    """Return the columns of begin and end, which is inclusive, of each unit's part of `level`."""
    parts = [unit.parts[level] for unit in units]
    return {
        f"{name}_begin": np.array([part.begin for part in parts], dtype=np.int64),
        f"{name}_end": np.array([part.end - 1 for part in parts], dtype=np.int64),
    }


def _vector_metadata(name: str, units: Sequence[Unit], level: str) -> dict[str, Any]:
    """Return the metadata of vectors: the number of the sentence, and Spark NLP's values, which are strings.

    A vector of a whole text belongs to no piece of a word: there Spark NLP gives the number -1.
    """
    columns: dict[str, Any] = {
        f"{name}_origin_sentence": np.array([unit.number for unit in units], dtype=np.int64),
        f"{name}_is_word_start": ["true"] * len(units),
    }
    return columns if level == TOKEN else {**columns, f"{name}_piece_id": ["-1"] * len(units)}
