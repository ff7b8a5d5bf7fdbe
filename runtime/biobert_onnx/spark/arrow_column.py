"""A column that Python workers compute in Arrow batches, beside all the columns there are."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql.types import StructField, StructType

from biobert_onnx.spark.annotations import list_lengths

Compute = Callable[[pa.Array], pa.Array]
"""A slice of the input column to the same rows of the new one; pickled, so a module's function or a partial of one."""


def with_column(frame: DataFrame, field: StructField, *, source: str, compute: Compute, texts: int) -> DataFrame:
    """`frame` with the column `field`, which `compute` makes of the column `source`, `texts` texts at a time.

    As with `withColumn`, it takes the place of a column of its name, or else comes last. mapInArrow keeps a plan's
    other columns only if they go through it: columns are told apart by position, so any name may be there, even twice.
    """
    names = frame.columns
    fields = list(frame.schema.fields)
    position = names.index(field.name) if field.name in names else len(names)
    fields[position : position + 1] = [field]
    add = partial(_add, source=names.index(source), position=position, compute=compute, texts=texts)
    numbered = frame.toDF(*(f"c{index}" for index in range(len(names))))
    return numbered.mapInArrow(add, StructType(fields))


def _add(
    batches: Iterator[pa.RecordBatch], *, source: int, position: int, compute: Compute, texts: int
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start, stop in slices(_texts_in(batch.column(source)), texts):
            rows = batch.slice(start, stop - start)
            columns = rows.columns
            columns[position : position + 1] = [compute(rows.column(source))]
            yield pa.RecordBatch.from_arrays(columns, names=[f"c{index}" for index in range(len(columns))])


def _texts_in(column: pa.Array) -> NDArray[np.int64]:
    return list_lengths(column) if pa.types.is_list(column.type) else np.ones(len(column), dtype=np.int64)


def slices(counts: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Start and stop of runs of rows that hold at most `most` texts each, or one row that holds more.

    A run bounds the memory that vectors take: a row of Spark may be a sentence or a book.

    >>> list(slices(np.array([2, 2, 9, 1]), 4))
    [(0, 2), (2, 3), (3, 4)]
    """
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield start, stop
        start = stop
