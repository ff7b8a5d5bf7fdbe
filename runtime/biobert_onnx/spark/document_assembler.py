"""DocumentAssembler: makes document annotations of a column of texts, in Spark SQL alone, or of texts without Spark.

Both ways run the same replacements of `CLEANUP_MODES`, Spark with Java's regular expressions, `document` with Python's.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Self

from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sql
from pyspark.sql.types import ArrayType, AtomicType, DataType, MapType, StringType

from biobert_onnx.spark.annotations import (
    ANNOTATIONS,
    ANNOTATOR_TYPE,
    DOCUMENT,
    EMBEDDINGS,
    Annotation,
    Annotations,
    utf16_offsets,
)
from biobert_onnx.spark.columns import check_column, quoted
from biobert_onnx.spark.java_patterns import compile_java
from biobert_onnx.spark.params import SparkNlpParams

WRITTEN_OUT = r"(?:\\r)?\\n|\\t"
"""A line feed, with or without a carriage return, or a tab that is spelled as a backslash and a letter."""

RUN_OF_WRITTEN_OUT = r"(?<!\\r)(?:\\r)*(?:\\n)+|(?:\\t)+"
"""Carriage returns and then line feeds that are written out, or tabs. The look-behind keeps the search linear."""

TRIM = (r"\A[\x00- ]+|(?<![\x00- ])[\x00- ]+\z", "")
"""Takes blanks and control characters from both ends, as Java's `String.trim` does."""

CLEANUP_MODES: dict[str, tuple[tuple[str, str], ...]] = {
    # The text stays as it is.
    "disabled": (),
    # Each white-space character becomes a blank.
    "inplace": ((r"\s", " "),),
    # The same, and each written-out line feed or tab.
    "inplace_full": ((rf"\s|{WRITTEN_OUT}", " "),),
    # Trimmed; each run of white space becomes a blank.
    "shrink": (TRIM, (r"\s+", " ")),
    # The same, and each run of written-out line feeds or tabs. A run that ends where another kind begins is two blanks.
    "shrink_full": (TRIM, (rf"\s+|{RUN_OF_WRITTEN_OUT}", " ")),
    # A line feed or tab that follows white space becomes one blank together with it; others stay.
    "each": ((r"\s[\n\t]", " "),),
    # The same, and a written-out one that follows white space.
    "each_full": ((rf"\s(?:[\n\t]|{WRITTEN_OUT})", " "),),
    # Trimmed; written-out line feeds and tabs vanish.
    "delete_full": (TRIM, (WRITTEN_OUT, "")),
}
"""The replacements of each cleanupMode, in order: regular expressions in Java's spelling, and what they become. They
give what Spark NLP 5.5.3 gives. White space is ASCII's: a no-break space or U+2028 stays in every mode."""


def checked_mode(value: object) -> str:
    """Return the cleanupMode that `value` spells, in any case; raises ValueError if Spark NLP has no such mode."""
    mode = str(value).strip().lower()
    if mode not in CLEANUP_MODES:
        raise ValueError(f"cleanupMode is {value!r}, expected one of {', '.join(CLEANUP_MODES)}")
    return mode


def document(text: str | None, cleanup_mode: str) -> Annotation:
    """Return the document annotation of `text` that `DocumentAssembler` makes in Spark, without Spark.

    `cleanup_mode` is a key of `CLEANUP_MODES`.

    >>> document(" IL-2\\n\\nrose ", "shrink").result
    'IL-2 rose'
    """
    result = text or ""
    for pattern, replacement in _compiled(cleanup_mode):
        result = pattern.sub(replacement, result)
    return Annotation(begin=0, end=utf16_offsets(result)[-1] - 1, result=result, metadata={"sentence": "0"})


@cache
def _compiled(cleanup_mode: str) -> list[tuple[re.Pattern[str], str]]:
    replacements = CLEANUP_MODES[cleanup_mode]
    return [(compile_java(pattern, param="cleanupMode"), replacement) for pattern, replacement in replacements]


class DocumentAssembler(
    Transformer,
    HasInputCol,
    HasOutputCol,
    SparkNlpParams,
    DefaultParamsReadable["DocumentAssembler"],
    DefaultParamsWritable,
):
    """Makes one document annotation of each text, or one of each element of an array of texts.

    A null text and "" give the annotation (0, -1, ""). `end` counts UTF-16 units, as in Spark NLP. A column `idCol` of
    strings, numbers or dates and a column `metadataCol` of maps from strings to strings go into the annotations'
    metadata; a null map adds nothing. `transform` raises ValueError, before any job starts, if one of the columns is
    missing or has another type.
    """

    idCol: Param[str] = Param(Params._dummy(), "idCol", "column of row ids", TypeConverters.toString)
    metadataCol: Param[str] = Param(Params._dummy(), "metadataCol", "column of metadata maps", TypeConverters.toString)
    cleanupMode: Param[str] = Param(Params._dummy(), "cleanupMode", ", ".join(CLEANUP_MODES), checked_mode)

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
        return self._set(cleanupMode=checked_mode(value))

    def light_documents(self, texts: Sequence[str | None]) -> Annotations:
        """Return the documents that `transform` makes of a column of `texts`, one a row, without Spark.

        `idCol` and `metadataCol` are columns, so they add nothing here.
        """
        mode = self.getOrDefault(self.cleanupMode)
        return Annotations.without_vectors([[document(text, mode)] for text in texts])

    def _transform(self, dataset: DataFrame) -> DataFrame:
        if not self.isDefined(self.inputCol):
            raise ValueError("DocumentAssembler has no input column: call setInputCol")
        self._check_columns(dataset)
        column = self.getInputCol()
        texts = dataset[quoted(column)]
        if isinstance(dataset.schema[column].dataType, ArrayType):
            documents = sql.coalesce(sql.transform(texts, self._annotation), sql.array())
        else:
            documents = sql.array(self._annotation(texts, sql.lit(0)))
        # The condition is always true; a `when` without an `otherwise` makes the column nullable, as Spark NLP's is.
        nullable = sql.when(sql.lit(True).isNotNull(), documents.cast(ANNOTATIONS))
        return dataset.withColumn(
            self.getOutputCol(), nullable.alias(self.getOutputCol(), metadata={ANNOTATOR_TYPE: DOCUMENT})
        )

    def _check_columns(self, dataset: DataFrame) -> None:
        """Raise ValueError unless `dataset` has each column that is set, and it has a type that is taken."""
        kinds = [
            (self.inputCol, "setInputCol", _is_text, "string or array<string>"),
            (self.idCol, "setIdCol", _is_single_value, "string, or a number or date"),
            (self.metadataCol, "setMetadataCol", _is_text_map, "map<string,string>"),
        ]
        for param, setter, is_taken, expected in kinds:
            if not self.isDefined(param):
                continue
            column = self.getOrDefault(param)
            check_column(dataset, column, remedy=f"call {setter} with one of them")
            found = dataset.schema[column].dataType
            if not is_taken(found):
                raise ValueError(
                    f"the column '{column}' is {found.simpleString()}, expected {expected}: cast it, or call {setter} "
                    "with another column"
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
            own["id"] = sql.col(quoted(self.getOrDefault(self.idCol))).cast("string")
        pairs = sql.create_map(*(column for key, value in own.items() for column in (sql.lit(key), value)))
        if not self.isDefined(self.metadataCol):
            return pairs
        given = sql.col(quoted(self.getOrDefault(self.metadataCol)))
        others = sql.map_filter(given, lambda key, _: ~key.isin(*own))
        return sql.coalesce(sql.map_concat(others, pairs), pairs)


def _is_text(data_type: DataType) -> bool:
    element = data_type.elementType if isinstance(data_type, ArrayType) else data_type
    return isinstance(element, StringType)


def _is_single_value(data_type: DataType) -> bool:
    return isinstance(data_type, AtomicType)


def _is_text_map(data_type: DataType) -> bool:
    return isinstance(data_type, MapType) and all(
        isinstance(kind, StringType) for kind in (data_type.keyType, data_type.valueType)
    )
