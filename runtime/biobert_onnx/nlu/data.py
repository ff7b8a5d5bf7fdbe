"""The data of a call in any form; its texts and its other columns out."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from biobert_onnx._extras import requires_extra
from biobert_onnx.errors import short_repr

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

TEXT = "text"
"""The name of the column that holds the texts, if the data has it; else it is the first column."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """`texts`: number and text of each row that has one. `kept`: the columns that the table keeps, all rows of them.

    `kept` has the index of the data. `place`: the number of the texts' column in it; None if the data is no table, and
    `kept` then has no column.
    """

    texts: list[tuple[int, str]]
    kept: "pd.DataFrame"
    place: int | None = None


def pandas() -> Any:
    """Return the module pandas; raises ModuleNotFoundError, which names the extra, without it."""
    with requires_extra("pandas", by="a table"):
        import pandas
    return pandas


def is_spark_frame(data: object) -> "TypeGuard[DataFrame]":
    """Whether `data` is a DataFrame of Spark, also of Spark Connect; pyspark is not imported for that."""
    kind = type(data)
    return kind.__name__ == "DataFrame" and kind.__module__.startswith("pyspark.sql.")


def read_data(data: Any, *, keep_stranger_features: bool, new: Container[Any] = ()) -> Data:
    """Return texts and columns of `data`: a text, a list, tuple, 1-D array or Series of texts, or a DataFrame.

    The columns of a DataFrame are kept, the texts' own as it is; if not `keep_stranger_features`, only that one.
    `new`: names that no column may have, as those of `without_clash`.
    Raises TypeError for other data, and for an entry that is no text and not missing; ValueError for two columns
    `text`.
    """
    if not isinstance(data, pandas().DataFrame):
        series = _series(data)
        return Data(texts=_texts(series), kept=pandas().DataFrame(index=series.index))
    place = text_column([*data.columns])
    texts = _texts(data.iloc[:, place])
    if not keep_stranger_features:
        data, place = data.iloc[:, [place]], 0
    return Data(texts=texts, kept=data.set_axis(without_clash([*data.columns], place, new), axis=1), place=place)


def without_clash(names: Sequence[Any], place: int, new: Container[Any]) -> list[Any]:
    """Return `names` of columns, where the one of the texts, number `place`, is `text` if a new column has its name.

    In NLU every column of texts is named `text`. Raises ValueError for any other that has the name of a `new` one.

    >>> without_clash(["sentence", "year"], 0, {"sentence"})
    ['text', 'year']
    """
    freed = [TEXT if column == place and name in new else name for column, name in enumerate(names)]
    clashing = [name for name in freed if name in new]
    if clashing:
        raise ValueError(
            f"the data has a column '{clashing[0]}', the name of a new one: rename it, or leave it out with "
            "keep_stranger_features=False"
        )
    return freed


def arrow_table(frame: "pd.DataFrame", refusal: str, *, preserve_index: bool) -> "pa.Table":
    """Return `frame` as a table of Arrow; raises ValueError, which says `refusal`, for what that cannot hold."""
    import pyarrow as pa

    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise ValueError(f"the data has two columns '{repeated[0]}' and {refusal}: rename one")
    try:
        return pa.Table.from_pandas(frame, preserve_index=preserve_index)
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        raise ValueError(
            f"the data {refusal} ({error.args[-1]}): give each column, and the index, values of one type"
        ) from error


def text_column(columns: list[Any]) -> int:
    """Return the number of the column that holds the texts: the one named `text`, else the first.

    >>> text_column(["pmid", "text"]), text_column(["abstract", "year"])
    (1, 0)
    """
    places = [place for place, name in enumerate(columns) if isinstance(name, str) and name == TEXT]
    if not columns:
        raise TypeError("data is a DataFrame without columns, expected a column of texts")
    if len(places) > 1:
        raise ValueError(f"the data has {len(places)} columns 'text', expected one: rename the others")
    return places[0] if places else 0


def _series(data: object) -> "pd.Series":
    if isinstance(data, str):
        return pandas().Series([data], dtype=object)
    if isinstance(data, pandas().Series):
        return data
    if isinstance(data, list | tuple) or (isinstance(data, np.ndarray) and data.ndim == 1):
        return pandas().Series(data, dtype=object)
    shape = f" and {data.ndim} dimensions" if isinstance(data, np.ndarray) else ""
    raise TypeError(
        f"data is of type {type(data).__name__}{shape}, expected a text, a list, 1-D array or Series of texts, or a "
        "DataFrame of pandas or Spark with a column of texts"
    )


def _texts(series: "pd.Series") -> list[tuple[int, str]]:
    texts = []
    for row, text in enumerate(series):
        if isinstance(text, str):
            texts.append((row, text))
        elif not pandas().api.types.is_scalar(text) or not pandas().isna(text):
            raise TypeError(
                f"the text at index {series.index[row]!r} is {short_repr(text)}, of type {type(text).__name__}: every "
                "text must be a str or missing"
            )
    return texts
