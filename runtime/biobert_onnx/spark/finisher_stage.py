"""The base of the finishers: columns of annotations become columns of plain values, in Spark SQL alone."""

from typing import ClassVar, Self

from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCols, HasOutputCols
from pyspark.ml.util import DefaultParamsWritable
from pyspark.sql import DataFrame

from biobert_onnx.spark.columns import check_types, column_names, input_columns, is_annotations
from biobert_onnx.spark.params import SparkNlpParams

PREFIX = "finished_"
"""What stands before the name of an input column in the name of its output column, unless another is set."""


class FinisherStage(Transformer, HasInputCols, HasOutputCols, SparkNlpParams, DefaultParamsWritable):
    """A stage with Spark NLP's columns and params of finishers; a subclass says what becomes of a column."""

    reads: ClassVar[tuple[str, ...]] = ()
    """The annotator types that an input column may have; empty for any."""

    cleanAnnotations: Param[bool] = Param(
        Params._dummy(), "cleanAnnotations", "drop all columns of annotations", TypeConverters.toBoolean
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(outputCols=[])

    def setInputCols(self, *value: str | list[str]) -> Self:
        """Set the columns of annotations, one by one or in a list; raises ValueError for none."""
        columns = column_names(value)
        if not columns:
            raise ValueError(f"{type(self).__name__} reads one column of annotations or more, got none")
        return self._set(inputCols=columns)

    def setOutputCols(self, *value: str | list[str]) -> Self:
        """Set the output columns, one for each input column; "finished_" and its name by default."""
        return self._set(outputCols=column_names(value))

    def getOutputCols(self) -> list[str]:
        """Return the output columns."""
        given: list[str] = list(self.getOrDefault("outputCols"))
        return given or [PREFIX + column for column in input_columns(self)]

    def setCleanAnnotations(self, value: bool) -> Self:
        """Set whether all columns of annotations are dropped from the data, those that are not read here, too."""
        return self._set(cleanAnnotations=value)

    def finished(self, dataset: DataFrame, column: str, output: str) -> DataFrame:
        """Return `dataset` with the column `output`, made of the annotations in `column`."""
        raise NotImplementedError

    def _transform(self, dataset: DataFrame) -> DataFrame:
        columns = input_columns(self)
        outputs = self.getOutputCols()
        if len(outputs) != len(columns):
            raise ValueError(
                f"{type(self).__name__} has {len(columns)} input columns ({', '.join(columns)}), but {len(outputs)} "
                f"output columns ({', '.join(outputs)}): set one for each, or none"
            )
        check_types(dataset, columns, self.reads)
        for column, output in zip(columns, outputs, strict=True):
            dataset = self.finished(dataset, column, output)
        if not self.getOrDefault(self.cleanAnnotations):
            return dataset
        return dataset.drop(*(field.name for field in dataset.schema.fields if is_annotations(field)))
