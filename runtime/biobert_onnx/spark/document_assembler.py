"""DocumentAssembler: makes document annotations of a column of texts, in Spark SQL alone."""

from typing import Self

from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sql
from pyspark.sql.types import ArrayType, StringType

from biobert_onnx.spark.annotations import ANNOTATIONS, ANNOTATOR_TYPE, DOCUMENT, EMBEDDINGS
from biobert_onnx.spark.columns import check_column

ESCAPED_SPACE = r"(?:\\r)?\\n|\\t"
"""A line feed or tab that is spelled as a backslash and a letter."""

CLEANUP_MODES = {
    "disabled": (),
    "inplace": ((r"\s", " "),),
    "inplace_full": ((rf"\s|{ESCAPED_SPACE}", " "),),
    "shrink": ((r"^\s+|\s+$", ""), (r"\s+", " ")),
    "shrink_full": ((r"^\s+|\s+$", ""), (rf"(?:\s|{ESCAPED_SPACE})+", " ")),
    "each": ((r"[\n\t]", " "),),
    "each_full": ((rf"[\n\t]|{ESCAPED_SPACE}", " "),),
    "delete_full": ((r"^\s+|\s+$", ""), (ESCAPED_SPACE, "")),
}
"""The replacements of each cleanupMode, in order: regular expressions and what they become, from the descriptions in
Spark NLP's documentation."""


class DocumentAssembler(
    Transformer, HasInputCol, HasOutputCol, DefaultParamsReadable["DocumentAssembler"], DefaultParamsWritable
):
    """Makes one document annotation of each text, or one of each element of an array of texts.

    A null text and "" give the annotation (0, -1, ""). `end` counts UTF-16 units, as in Spark NLP. A column `idCol` of
    strings and a column `metadataCol` of maps go into the annotations' metadata.
    """

    idCol: Param[str] = Param(Params._dummy(), "idCol", "column of row ids", TypeConverters.toString)
    metadataCol: Param[str] = Param(Params._dummy(), "metadataCol", "column of metadata maps", TypeConverters.toString)
    cleanupMode: Param[str] = Param(Params._dummy(), "cleanupMode", ", ".join(CLEANUP_MODES), TypeConverters.toString)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(outputCol=DOCUMENT, cleanupMode="disabled")

    def setInputCol(self, value: str) -> Self:
        """Set the column of texts."""
        return self._set(inputCol=value)

    def setOutputCol(self, value: str) -> Self:
        """Set the column of annotations; "document" by default."""
        return self._set(outputCol=value)

    def setIdCol(self, value: str) -> Self:
        """Set the column that becomes `id` in the metadata."""
        return self._set(idCol=value)

    def setMetadataCol(self, value: str) -> Self:
        """Set the column of maps that goes into the metadata."""
        return self._set(metadataCol=value)

    def setCleanupMode(self, value: str) -> Self:
        """Set the clean-up of white space; raises ValueError for a mode that Spark NLP does not have."""
        mode = value.strip().lower()
        if mode not in CLEANUP_MODES:
            raise ValueError(f"cleanupMode is {value!r}, expected one of {', '.join(CLEANUP_MODES)}")
        return self._set(cleanupMode=mode)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        if not self.isDefined(self.inputCol):
            raise ValueError("DocumentAssembler has no input column: call setInputCol")
        column = self.getInputCol()
        check_column(dataset, column)
        data_type = dataset.schema[column].dataType
        texts = dataset[f"`{column}`"]
        if isinstance(data_type, ArrayType) and isinstance(data_type.elementType, StringType):
            documents = sql.coalesce(sql.transform(texts, self._annotation), sql.array())
        elif isinstance(data_type, StringType):
            documents = sql.array(self._annotation(texts, sql.lit(0)))
        else:
            raise ValueError(
                f"the column '{column}' is {data_type.simpleString()}, expected string or array<string>: cast it"
            )
        typed = documents.cast(ANNOTATIONS)
        return dataset.withColumn(
            self.getOutputCol(), typed.alias(self.getOutputCol(), metadata={ANNOTATOR_TYPE: DOCUMENT})
        )

    def _annotation(self, text: Column, index: Column) -> Column:
        result = sql.coalesce(text, sql.lit(""))
        for pattern, replacement in CLEANUP_MODES[self.getOrDefault(self.cleanupMode)]:
            result = sql.regexp_replace(result, pattern, replacement)
        utf16_units = sql.octet_length(sql.encode(result, "UTF-16BE")) / 2
        return sql.struct(
            sql.lit(DOCUMENT).alias(ANNOTATOR_TYPE),
            sql.lit(0).alias("begin"),
            sql.coalesce(utf16_units.cast("int") - 1, sql.lit(-1)).alias("end"),
            result.alias("result"),
            self._metadata(index).alias("metadata"),
            sql.array().cast(EMBEDDINGS).alias("embeddings"),
        )

    def _metadata(self, index: Column) -> Column:
        own = {"sentence": index.cast("string")}
        if self.isDefined(self.idCol):
            own["id"] = sql.col(f"`{self.getOrDefault(self.idCol)}`").cast("string")
        pairs = sql.create_map(*(column for key, value in own.items() for column in (sql.lit(key), value)))
        if not self.isDefined(self.metadataCol):
            return pairs
        given = sql.col(f"`{self.getOrDefault(self.metadataCol)}`")
        others = sql.map_filter(given, lambda key, _: ~key.isin(*own))
        return sql.coalesce(sql.map_concat(others, pairs), pairs)
