"""Finisher: makes plain strings of annotations."""

from typing import Self

from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sql

from biobert_onnx.spark.annotations import ANNOTATOR_TYPE, TYPES_WITH_VECTORS
from biobert_onnx.spark.columns import quoted
from biobert_onnx.spark.finisher_stage import FinisherStage

METADATA = "_metadata"
"""What stands behind the name of an output column in the name of the column of its metadata."""


class Finisher(FinisherStage, DefaultParamsReadable["Finisher"]):
    """Makes an array of strings, or one string, of each column of annotations: their results.

    With `setOutputAsArray(False)` the results of a row are one string, with `@` between each two. `setIncludeMetadata`
    puts each annotation's metadata in front of its result there (`sentence->0#result->One.`); beside an array it adds
    a column NAME_metadata of pairs (`_1`: key, `_2`: value), in order. `setParseEmbeddingsVectors` gives the numbers
    of vectors in place of results. All of it is what Spark NLP gives.
    """

    valueSplitSymbol: Param[str] = Param(
        Params._dummy(), "valueSplitSymbol", "what parts the values of an annotation", TypeConverters.toString
    )
    annotationSplitSymbol: Param[str] = Param(
        Params._dummy(), "annotationSplitSymbol", "what parts annotations", TypeConverters.toString
    )
    includeMetadata: Param[bool] = Param(
        Params._dummy(), "includeMetadata", "give the metadata, too", TypeConverters.toBoolean
    )
    outputAsArray: Param[bool] = Param(
        Params._dummy(), "outputAsArray", "an array of strings, not one string", TypeConverters.toBoolean
    )
    parseEmbeddingsVectors: Param[bool] = Param(
        Params._dummy(), "parseEmbeddingsVectors", "give the numbers of vectors", TypeConverters.toBoolean
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(
            cleanAnnotations=True,
            includeMetadata=False,
            outputAsArray=True,
            parseEmbeddingsVectors=False,
            valueSplitSymbol="#",
            annotationSplitSymbol="@",
        )

    def setValueSplitSymbol(self, value: str) -> Self:
        """Set what parts the values of an annotation in one string: its metadata, or the numbers of its vector."""
        return self._set(valueSplitSymbol=value)

    def setAnnotationSplitSymbol(self, value: str) -> Self:
        """Set what parts the annotations of a row in one string."""
        return self._set(annotationSplitSymbol=value)

    def setIncludeMetadata(self, value: bool) -> Self:
        """Set whether the output has the annotations' metadata, too."""
        return self._set(includeMetadata=value)

    def setOutputAsArray(self, value: bool) -> Self:
        """Set whether a row's output is an array with a string for each annotation, and not one string."""
        return self._set(outputAsArray=value)

    def setParseEmbeddingsVectors(self, value: bool) -> Self:
        """Set whether annotations of vectors give their numbers, as Java writes floats, in place of their results."""
        return self._set(parseEmbeddingsVectors=value)

    def finished(self, dataset: DataFrame, column: str, output: str) -> DataFrame:
        """Return `dataset` with the strings of `column`, and with its metadata where that is asked for."""
        annotations = sql.col(quoted(column))
        with_metadata = self.getOrDefault(self.includeMetadata)
        if not self.getOrDefault(self.outputAsArray):
            write = self._detail if with_metadata else self._string
            strings = sql.transform(annotations, write)
            return dataset.withColumn(output, sql.array_join(strings, self.getOrDefault(self.annotationSplitSymbol)))
        found = dataset.withColumn(output, sql.transform(annotations, self._string))
        if not with_metadata:
            return found
        return found.withColumn(output + METADATA, sql.flatten(sql.transform(annotations, _pairs)))

    def _string(self, annotation: Column) -> Column:
        """Return what an annotation gives: its result, or the numbers of its vector."""
        if not self.getOrDefault(self.parseEmbeddingsVectors):
            return annotation["result"]
        separator = " " if self.getOrDefault(self.outputAsArray) else self.getOrDefault(self.valueSplitSymbol)
        return sql.when(_has_vector(annotation), _numbers(annotation, separator)).otherwise(annotation["result"])

    def _detail(self, annotation: Column) -> Column:
        """Return the metadata, the result and perhaps the numbers of an annotation, `key->value` each."""
        separator = self.getOrDefault(self.valueSplitSymbol)
        others = sql.map_filter(annotation["metadata"], lambda key, _: ~key.isin("result"))
        values = sql.concat(
            sql.transform(_entries(others), lambda pair: _arrow(pair["key"], pair["value"])),
            sql.array(_arrow(sql.lit("result"), annotation["result"])),
        )
        if self.getOrDefault(self.parseEmbeddingsVectors):
            numbers = sql.array(_arrow(sql.lit("embeddings"), _numbers(annotation, separator)))
            values = sql.when(_has_vector(annotation), sql.concat(values, numbers)).otherwise(values)
        # Scala writes `key -> value`, and Spark NLP takes the blanks away, in values, too.
        return sql.replace(sql.array_join(values, separator), sql.lit(" -> "), sql.lit("->"))


def _has_vector(annotation: Column) -> Column:
    return annotation[ANNOTATOR_TYPE].isin(*TYPES_WITH_VECTORS)


def _numbers(annotation: Column, separator: str) -> Column:
    return sql.array_join(annotation["embeddings"].cast("array<string>"), separator)


def _arrow(key: Column, value: Column) -> Column:
    return sql.concat(key, sql.lit("->"), sql.coalesce(value, sql.lit("null")))


def _entries(metadata: Column) -> Column:
    return sql.coalesce(sql.map_entries(metadata), sql.array())


def _pairs(annotation: Column) -> Column:
    """Return the metadata of an annotation as pairs with the names of a Scala pair's fields."""
    return sql.transform(
        _entries(annotation["metadata"]),
        lambda pair: sql.struct(pair["key"].alias("_1"), pair["value"].alias("_2")),
    )
