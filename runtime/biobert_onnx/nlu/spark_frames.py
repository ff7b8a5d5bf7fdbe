"""Spark: the stages of `biobert_onnx.spark` on a frame, and the rows of a table that they find."""

from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biobert_onnx._extras import requires_extra
from biobert_onnx._types import FloatArray
from biobert_onnx.nlu.data import TEXT, Data, arrow_table, is_spark_frame, read_data, text_column, without_clash
from biobert_onnx.nlu.table import ORIGIN_INDEX
from biobert_onnx.nlu.units import DOCUMENT, SENTENCE, Unit, whole
from biobert_onnx.sentences import Sentence

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

STRING = "string"
"""How Spark spells the type of a column of texts."""

PLACES = ("begin", "end", "result")
"""The fields of an annotation that a table is made of."""


@dataclass(frozen=True, kw_only=True)
class Stages:
    """What Spark does: documents of the texts, their sentences if `level` is that, and vectors in the column `vectors`.

    None as `vectors` leaves them out. `partition`: parts that the frame is cut into first, None for those that it has.
    """

    artifact: Path
    max_length: int
    engine: str
    level: str
    vectors: str | None
    partition: int | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of annotations, in the order of the stages."""
        sentence = (SENTENCE,) if self.level == SENTENCE else ()
        return (DOCUMENT, *sentence, *(() if self.vectors is None else (self.vectors,)))

    def transform(self, frame: "DataFrame", texts: str) -> "DataFrame":
        """Return `frame`, numbered by `origin_index`, with annotations of its column `texts`."""
        from pyspark.sql import functions as sql

        from biobert_onnx.spark import BertSentenceEmbeddings, BiomedicalSentenceDetector, DocumentAssembler

        if not frame.isStreaming:  # Spark does not number the rows of a stream
            frame = frame.withColumn(ORIGIN_INDEX, sql.monotonically_increasing_id())
        if self.partition is not None:
            frame = frame.repartition(self.partition)
        found = DocumentAssembler().setInputCol(texts).setOutputCol(DOCUMENT).transform(frame)
        if self.level == SENTENCE:
            found = BiomedicalSentenceDetector().setInputCols(DOCUMENT).setOutputCol(SENTENCE).transform(found)
        if self.vectors is None:
            return found
        embeddings = BertSentenceEmbeddings().setArtifact(str(self.artifact)).setInputCols(self.level)
        embeddings = embeddings.setMaxSentenceLength(self.max_length).setEngine(self.engine)
        return embeddings.setOutputCol(self.vectors).transform(found)


def annotated(data: object, stages: Stages, *, keep_stranger_features: bool) -> "DataFrame":
    """Return `data`, a frame of Spark or what becomes one, with the columns of annotations and `origin_index`.

    Raises what `read_data` does, and ValueError for a column of `data` that has the name of a new one.
    """
    frame = data if is_spark_frame(data) else _in_spark(read_data(data, keep_stranger_features=True))
    numbered, names, place = _kept(frame, keep_stranger_features=keep_stranger_features)
    names = without_clash(names, place, {ORIGIN_INDEX, *stages.columns})
    return stages.transform(numbered.toDF(*names), names[place])


def collected(
    frame: "DataFrame", stages: Stages, *, keep_stranger_features: bool, new: Container[str]
) -> tuple[Data, list[Unit], list[FloatArray]]:
    """Return the columns of a frame of Spark, and the units that the stages find in it with their vectors, in order.

    `new`: names that no column may have, as for `read_data`. Raises ValueError for one, and for a stream, TypeError for
    texts that are no strings; all before any task starts.
    """
    if frame.isStreaming:
        raise ValueError("data is a stream, which has no end to wait for: ask for return_spark_df=True")
    numbered, names, place = _kept(frame, keep_stranger_features=keep_stranger_features)
    names = without_clash(names, place, new)
    found = stages.transform(numbered, numbered.columns[place])
    fields = PLACES if stages.vectors is None else (*PLACES, "embeddings")
    annotations = [f"`{stages.columns[-1]}`.{field}" for field in fields]
    rows: Any = found.select(*numbered.columns, *annotations, ORIGIN_INDEX).toPandas()
    rows = rows.sort_values(ORIGIN_INDEX, kind="stable", ignore_index=True)
    kept = rows.iloc[:, : len(names)].set_axis(names, axis=1)
    texts = [(row, text) for row, text in enumerate(kept.iloc[:, place]) if text is not None]
    values = [rows.iloc[:, len(names) + number] for number in range(len(fields))]
    units = [*_units(texts, values, stages.level)]
    return Data(texts=texts, kept=kept, place=place), units, _vectors(texts, values[len(PLACES) :])


def _texts_column(frame: "DataFrame") -> int:
    """Return the number of the column of texts; raises TypeError if its type is another."""
    place = text_column(frame.columns)
    field = frame.schema.fields[place]
    if field.dataType.simpleString() != STRING:
        raise TypeError(
            f"the column '{field.name}' of the data is {field.dataType.simpleString()}, expected string: cast it, or "
            f"name the column of texts '{TEXT}'"
        )
    return place


def _kept(frame: "DataFrame", *, keep_stranger_features: bool) -> tuple["DataFrame", list[str], int]:
    """Return the columns that are kept of `frame`, their names, and the number of that of the texts.

    They are numbered, c0, c1, ...: names may hold dots, which mean something to Spark, and occur twice.
    """
    place = _texts_column(frame)
    numbered = frame.toDF(*(f"c{column}" for column in range(len(frame.columns))))
    if keep_stranger_features:
        return numbered, frame.columns, place
    return numbered.select(f"c{place}"), [frame.columns[place]], 0


def _units(texts: Iterable[tuple[int, str]], annotations: Sequence["pd.Series"], level: str) -> Iterator[Unit]:
    """Yield a unit for each annotation of each text; Spark's places count UTF-16 units, their ends are inclusive."""
    from biobert_onnx.spark.annotations import utf16_offsets

    begins, ends, results = annotations[: len(PLACES)]
    for row, text in texts:
        offsets, document = utf16_offsets(text), whole(text)
        for number, (begin, end, result) in enumerate(zip(begins[row], ends[row], results[row], strict=True)):
            place = {"begin": bisect_left(offsets, begin), "end": bisect_left(offsets, end + 1)}
            yield Unit(row=row, parts={DOCUMENT: document, level: Sentence(**place, text=result)}, number=number)


def _vectors(texts: Iterable[tuple[int, str]], embeddings: Sequence["pd.Series"]) -> list[FloatArray]:
    """Return the vectors of each text as arrays; none if there is no column of `embeddings`."""
    return [np.array(vector, dtype=np.float32) for column in embeddings for row, _ in texts for vector in column[row]]


def _in_spark(data: Data) -> "DataFrame":
    """Return `data` as a frame of Spark; types are those that Arrow finds, and a column without a value has strings."""
    with requires_extra("spark", by="a frame of Spark"):
        import pyarrow as pa
        from pyspark.sql import SparkSession
        from pyspark.sql.pandas.types import from_arrow_schema
    table: Any = data.kept.set_axis([str(name) for name in data.kept.columns], axis=1)
    if data.place is None:
        texts = dict(data.texts)
        table = table.assign(**{TEXT: [texts.get(row) for row in range(len(table))]})
    arrow = arrow_table(table, "cannot become a frame of Spark", preserve_index=False)
    types = [pa.string() if pa.types.is_null(field.type) else field.type for field in arrow.schema]
    types[data.place or 0] = pa.string()
    schema = from_arrow_schema(pa.schema(zip(arrow.column_names, types, strict=True)))
    rows = [tuple(row.values()) for row in arrow.to_pylist()]
    return SparkSession.builder.getOrCreate().createDataFrame(rows, schema)
