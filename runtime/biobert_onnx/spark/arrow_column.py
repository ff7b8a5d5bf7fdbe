"""A new column that Python workers compute in Arrow batches; all other columns stay."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql.types import StructField, StructType

from biobert_onnx.spark.annotations import list_lengths
from biobert_onnx.spark.worker_python import check_worker_python

Compute = Callable[..., pa.Array]
"""Takes a slice of each input column and returns the same rows of the new one. It is pickled, so it must be a function
of a module, or a partial of one."""


def with_column(
    frame: DataFrame, field: StructField, *, sources: Sequence[str], compute: Compute, max_items: int
) -> DataFrame:
    """Return `frame` with the column `field`, which `compute` makes of the columns `sources`.

    `compute` gets rows of at most `max_items` items at a time: texts, or annotations of the column that has
    most. As with `withColumn`, the new column replaces one of its name, or else comes last. mapInArrow keeps only the
    columns that go through it, so all of them do; they are numbered meanwhile, because names may hold any character and
    occur twice.

    Raises ModuleNotFoundError if the workers' Python lacks this package.
    """
    check_worker_python()
    names = frame.columns
    fields = list(frame.schema.fields)
    position = names.index(field.name) if field.name in names else len(names)
    fields[position : position + 1] = [field]
    add = partial(
        _add,
        sources=[names.index(source) for source in sources],
        position=position,
        compute=compute,
        max_items=max_items,
    )
    numbered = frame.toDF(*(f"c{index}" for index in range(len(names))))
    return numbered.mapInArrow(add, StructType(fields))


def _add(
    batches: Iterator[pa.RecordBatch], *, sources: Sequence[int], position: int, compute: Compute, max_items: int
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        counts = np.max([_item_counts(batch.column(source)) for source in sources], axis=0)
        for start, stop in slices(counts, max_items):
            rows = batch.slice(start, stop - start)
            columns = rows.columns
            columns[position : position + 1] = [compute(*(rows.column(source) for source in sources))]
            yield pa.RecordBatch.from_arrays(columns, names=[f"c{index}" for index in range(len(columns))])


def _item_counts(column: pa.Array) -> NDArray[np.int64]:
    return list_lengths(column) if pa.types.is_list(column.type) else np.ones(len(column), dtype=np.int64)


def slices(counts: NDArray[np.int64], max_items: int) -> Iterator[tuple[int, int]]:
    """Yield start and stop of runs of rows that hold at most `max_items` items each, or one row that holds more.

    `counts`: the items of each row. Runs bound the memory of vectors: a row of Spark may be a sentence or a book.

    >>> list(slices(np.array([2, 2, 9, 1]), 4))
    [(0, 2), (2, 3), (3, 4)]
    """
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + max_items, side="right")))
        yield start, stop
        start = stop
