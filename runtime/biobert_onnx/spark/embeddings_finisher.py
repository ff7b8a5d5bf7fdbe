"""EmbeddingsFinisher: takes the vectors out of annotations."""

from typing import Self

from pyspark.ml.functions import array_to_vector
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable
from pyspark.sql import DataFrame
from pyspark.sql import functions as sql

from biobert_onnx.spark.annotations import TYPES_WITH_VECTORS
from biobert_onnx.spark.columns import quoted
from biobert_onnx.spark.finisher_stage import FinisherStage


class EmbeddingsFinisher(FinisherStage, DefaultParamsReadable["EmbeddingsFinisher"]):
    """Makes an array of vectors of each column of annotations that have vectors, one vector an annotation.

    A vector is array<float>, or with `setOutputAsVector(True)` a vector of Spark ML. That of an annotation without one
    is empty.
    """

    reads = TYPES_WITH_VECTORS

    outputAsVector: Param[bool] = Param(
        Params._dummy(), "outputAsVector", "give vectors of Spark ML", TypeConverters.toBoolean
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(cleanAnnotations=False, outputAsVector=False)

    def setOutputAsVector(self, value: bool) -> Self:
        """Set whether a vector is one of Spark ML, of float64, and not array<float>."""
        return self._set(outputAsVector=value)

    def finished(self, dataset: DataFrame, column: str, output: str) -> DataFrame:
        """Return `dataset` with the vectors of `column`."""
        vectors = sql.col(f"{quoted(column)}.embeddings")
        if self.getOrDefault(self.outputAsVector):
            vectors = sql.transform(vectors, array_to_vector)
        return dataset.withColumn(output, vectors)
