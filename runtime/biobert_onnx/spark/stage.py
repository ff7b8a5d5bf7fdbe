"""The base of every stage that makes annotations of annotations, in Spark's workers or in this process."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Protocol

import pyarrow as pa
from pyspark.ml import Transformer
from pyspark.ml.util import DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql.types import StructField

from biobert_onnx.spark.annotations import (
    ANNOTATIONS,
    ANNOTATOR_TYPE,
    Annotations,
    read_annotations,
    write_annotations,
)
from biobert_onnx.spark.arrow_column import with_column
from biobert_onnx.spark.columns import AnnotationColumns, annotator_types, input_columns


class Annotator(Protocol):
    """A function that makes the annotations of some rows from those of its input columns, row by row.

    It is pickled, so it is a function of a module, or a partial of one.
    """

    def __call__(self, *columns: Annotations) -> Annotations:
        """Take one `Annotations` for each type that the stage reads, all of the same rows, and return these rows."""


class AnnotatorStage(Transformer, AnnotationColumns, DefaultParamsWritable):
    """A stage with Spark NLP's columns: it reads one column for each type in `reads` and writes one of type `writes`.

    A subclass says what it computes in `_annotator`. `_transform` runs that in Spark's workers, `LightPipeline` in this
    process.
    """

    writes: ClassVar[str]
    """The annotator type of the output column."""

    def annotator(self) -> Annotator:
        """Return what computes the output; raises here, before any task starts, if a param is wrong."""
        raise NotImplementedError

    def column_metadata(self) -> Mapping[str, Any]:
        """Return what the metadata of the output column holds beside its annotator type."""
        return {}

    def max_annotations(self) -> int:
        """Return how many annotations of an input column a worker takes at a time, which bounds its memory."""
        raise NotImplementedError

    def _transform(self, dataset: DataFrame) -> DataFrame:
        sources = self.sources(annotator_types(dataset, input_columns(self), self.reads))
        return with_column(
            dataset,
            StructField(
                self.getOutputCol(), ANNOTATIONS, metadata={ANNOTATOR_TYPE: self.writes, **self.column_metadata()}
            ),
            sources=sources,
            compute=partial(annotated, reads=self.reads, writes=self.writes, annotate=self.annotator()),
            max_items=self.max_annotations(),
        )


def annotated(*columns: pa.Array, reads: tuple[str, ...], writes: str, annotate: Annotator) -> pa.Array:
    """Return the column of type `writes` that `annotate` makes of `columns`, whose types are `reads`."""
    given = (read_annotations(column, kind) for column, kind in zip(columns, reads, strict=True))
    return write_annotations(annotate(*given), writes)
