"""Spark NLP's annotations: the type of every column that the stages read and write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql.types import (
    ArrayType,
    FloatType,
    IntegerType,
    MapType,
    StringType,
    StructField,
    StructType,
)

DOCUMENT = "document"
TOKEN = "token"
WORD_EMBEDDINGS = "word_embeddings"
SENTENCE_EMBEDDINGS = "sentence_embeddings"
TYPES_WITH_VECTORS = (SENTENCE_EMBEDDINGS, WORD_EMBEDDINGS)
ANNOTATOR_TYPE = "annotatorType"

ENGINE = "engine"
"""The key, in the metadata of a column of vectors, of what computed them."""

EMBEDDINGS = ArrayType(FloatType(), containsNull=False)
ANNOTATIONS = ArrayType(
    StructType(
        [
            StructField(ANNOTATOR_TYPE, StringType()),
            StructField("begin", IntegerType(), nullable=False),
            StructField("end", IntegerType(), nullable=False),
            StructField("result", StringType()),
            StructField("metadata", MapType(StringType(), StringType())),
            StructField("embeddings", EMBEDDINGS),
        ]
    )
)
"""The type that Spark NLP's documentation prints, `nullable` included."""

FLOATS = pa.list_(pa.field("element", pa.float32(), nullable=False))
ARROW_FIELDS = [
    pa.field(ANNOTATOR_TYPE, pa.string()),
    pa.field("begin", pa.int32(), nullable=False),
    pa.field("end", pa.int32(), nullable=False),
    pa.field("result", pa.string()),
    pa.field("metadata", pa.map_(pa.string(), pa.string())),
    pa.field("embeddings", FLOATS),
]


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One annotation. `begin` and `end` (inclusive) count UTF-16 units, as the JVM does."""

    begin: int
    end: int
    result: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """The annotations of some rows of a column, and their vectors (annotations, dim) float32, in the order of `flat`.

    dim is 0 where no annotation has a vector. `missing`: the numbers, in `flat`, of those without one among others that
    have one; their rows of `vectors` mean nothing.
    """

    rows: Sequence[Sequence[Annotation]]
    vectors: NDArray[np.float32]
    missing: frozenset[int] = frozenset()

    @classmethod
    def without_vectors(cls, rows: Sequence[Sequence[Annotation]]) -> Self:
        """Return the annotations of documents or tokens."""
        return cls(rows=rows, vectors=np.empty((sum(map(len, rows)), 0), dtype=np.float32))

    @property
    def flat(self) -> list[Annotation]:
        """The annotations of all rows, in order."""
        return [annotation for row in self.rows for annotation in row]


def utf16_offsets(text: str) -> Sequence[int]:
    """Return the offset in UTF-16 units of each character of `text`, and of its end: Spark NLP counts these units.

    >>> utf16_offsets("a😀b")
    [0, 1, 3, 4]
    """
    if text.isascii():
        return range(len(text) + 1)
    return list(accumulate((1 + (character > "\uffff") for character in text), initial=0))


def read_annotations(column: pa.Array, kind: str) -> Annotations:
    """Return the annotations of annotatorType `kind` of each row of `column`; a null row has none.

    Spark's strings may hold bytes that are not UTF-8: they become U+FFFD, as in the JVM. Raises ValueError if the
    annotations have vectors of different lengths.
    """
    flat = column.flatten()
    wanted = np.array([found == kind for found in flat.field(ANNOTATOR_TYPE).to_pylist()], dtype=bool)
    results = strings(flat.field("result"))
    begins, ends = flat.field("begin").to_pylist(), flat.field("end").to_pylist()
    metadata = flat.field("metadata").to_pylist()
    bounds = [0, *np.cumsum(list_lengths(column)).tolist()]
    rows = [
        [
            Annotation(begin=begins[i], end=ends[i], result=results[i] or "", metadata=dict(metadata[i] or ()))
            for i in range(start, stop)
            if wanted[i]
        ]
        for start, stop in pairwise(bounds)
    ]
    vectors, missing = _vectors(flat.field("embeddings").filter(pa.array(wanted)))
    return Annotations(rows=rows, vectors=vectors, missing=missing)


def strings(column: pa.Array) -> list[str | None]:
    """Return the texts of a column of strings, null as None; bytes that are not UTF-8 become U+FFFD."""
    return [None if data is None else data.decode("utf-8", "replace") for data in column.cast(pa.binary()).to_pylist()]


def list_lengths(column: pa.Array) -> NDArray[np.int64]:
    """Return the number of elements in each row of a column of lists, (rows,) int64; 0 for a null row."""
    return np.array(column.value_lengths().fill_null(0), dtype=np.int64)


def write_annotations(annotations: Annotations, kind: str) -> pa.Array:
    """Return `annotations` as a column of annotatorType `kind`, one list a row."""
    flat = annotations.flat
    lengths = np.full(len(flat), annotations.vectors.shape[1])
    lengths[list(annotations.missing)] = 0
    columns = [
        pa.array([kind] * len(flat), pa.string()),
        pa.array([annotation.begin for annotation in flat], pa.int32()),
        pa.array([annotation.end for annotation in flat], pa.int32()),
        pa.array([annotation.result for annotation in flat], pa.string()),
        pa.array([list(annotation.metadata.items()) for annotation in flat], pa.map_(pa.string(), pa.string())),
        float_lists(annotations.vectors[lengths > 0] if annotations.missing else annotations.vectors, lengths.tolist()),
    ]
    return _lists(pa.StructArray.from_arrays(columns, fields=ARROW_FIELDS), [len(row) for row in annotations.rows])


def float_lists(vectors: NDArray[np.float32], lengths: Sequence[int]) -> pa.Array:
    """Return a column of lists of float32: row i takes the next `lengths[i]` numbers of `vectors`."""
    offsets = pa.array([0, *accumulate(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(vectors.ravel(), pa.float32()), type=FLOATS)


def _vectors(column: pa.Array) -> tuple[NDArray[np.float32], frozenset[int]]:
    """Return a column of lists of float32 as rows of one array, and which of them are empty or null among others."""
    lengths = list_lengths(column)
    filled = lengths[lengths > 0]
    if filled.size and filled.min() != filled.max():
        raise ValueError(
            f"the annotations of one column have vectors of {filled.min()} to {filled.max()} numbers, expected one "
            "length: they come from two models"
        )
    vectors = np.zeros((len(lengths), filled[0] if filled.size else 0), dtype=np.float32)
    vectors[lengths > 0] = column.flatten().to_numpy(zero_copy_only=False).reshape(len(filled), vectors.shape[1])
    return vectors, frozenset(np.flatnonzero(lengths == 0).tolist() if filled.size else ())


def _lists(values: pa.Array, lengths: Sequence[int]) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array([0, *accumulate(lengths)], pa.int32()), values)
