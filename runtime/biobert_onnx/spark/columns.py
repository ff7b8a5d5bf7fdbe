"""Input and output columns: Spark NLP's setters, and checks of a column's type."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from pyspark.ml.param.shared import HasInputCols, HasOutputCol
from pyspark.sql import DataFrame
from pyspark.sql.types import StructField

from biobert_onnx.spark.annotations import (
    ANNOTATIONS,
    ANNOTATOR_TYPE,
    DOCUMENT,
    SENTENCE_EMBEDDINGS,
    TOKEN,
    WORD_EMBEDDINGS,
)
from biobert_onnx.spark.params import SparkNlpParams

MAKERS = {
    DOCUMENT: "a DocumentAssembler or a SentenceDetector",
    TOKEN: "a Tokenizer",
    WORD_EMBEDDINGS: "BertEmbeddings",
    SENTENCE_EMBEDDINGS: "BertSentenceEmbeddings or SentenceEmbeddings",
}
"""The stages that make each type of annotations."""


class AnnotationColumns(HasInputCols, HasOutputCol, SparkNlpParams):
    """One input column of each annotator type in `reads`, and one output column."""

    reads: ClassVar[tuple[str, ...]]
    """The annotator types of the input columns, in the order in which `AnnotatorStage._annotator` takes them."""

    def setInputCols(self, *value: str | list[str]) -> Self:
        """Set the input columns, one by one or in a list, in any order; raises ValueError for another number."""
        columns = column_names(value)
        if len(columns) != len(self.reads):
            expected = " and ".join(f"one column of {kind} annotations" for kind in self.reads)
            raise ValueError(f"{type(self).__name__} reads {expected}, got {columns}")
        return self._set(inputCols=columns)

    def setOutputCol(self, value: str) -> Self:
        """Set the output column."""
        return self._set(outputCol=value)

    def sources(self, kinds: Mapping[str, str | None]) -> list[str]:
        """Return the input columns in the order of `reads`.

        `kinds`: the annotator type of every column of annotations that there is; None where the column does not say it,
        and then the order of `setInputCols` counts. Raises ValueError unless each type in `reads` has one column.
        """
        columns = input_columns(self)
        by_type = {kinds[column]: column for column in columns if kinds[column] in self.reads}
        untyped = [column for column in columns if kinds[column] is None]
        found = [by_type.get(kind) or (untyped.pop(0) if untyped else None) for kind in self.reads]
        for kind, column in zip(self.reads, found, strict=True):
            if column is None:
                of_other_type = next((name for name in columns if kinds[name] not in self.reads), columns[-1])
                raise ValueError(_another_type(of_other_type, f"{kinds[of_other_type]} annotations", kind))
        return [column for column in found if column is not None]


def quoted(column: str) -> str:
    """Return the name of a column as Spark's expressions take it, whatever it holds.

    >>> quoted("a`b.c")
    '`a``b.c`'
    """
    return f"`{column.replace('`', '``')}`"


def input_columns(stage: HasInputCols) -> Sequence[str]:
    """Return the input columns that were set; raises ValueError if none were."""
    if not stage.isDefined(stage.inputCols):
        raise ValueError(f"{type(stage).__name__} has no input column: call setInputCols")
    return stage.getInputCols()


def column_names(value: Sequence[str | list[str]]) -> list[str]:
    """Return the names of columns that a setter was given one by one or in a list."""
    return [column for item in value for column in ([item] if isinstance(item, str) else item)]


def annotator_types(frame: DataFrame, columns: Sequence[str], expected: Sequence[str]) -> dict[str, str | None]:
    """Return the annotator type of each of `columns`, None where its metadata does not name one.

    `expected`: the types that a stage reads, empty for any. Raises ValueError for a column that is missing or holds no
    annotations.
    """
    for column in columns:
        check_column(frame, column)
        found = frame.schema[column]
        if not is_annotations(found):
            raise ValueError(_another_type(column, found.dataType.simpleString(), *expected[:1]))
    return {column: frame.schema[column].metadata.get(ANNOTATOR_TYPE) for column in columns}


def check_types(frame: DataFrame, columns: Sequence[str], expected: Sequence[str]) -> None:
    """Raise ValueError unless each of `columns` holds annotations of a type in `expected`, which is empty for any."""
    for column, kind in annotator_types(frame, columns, expected).items():
        if expected and kind is not None and kind not in expected:
            raise ValueError(_another_type(column, f"{kind} annotations", *expected))


def is_annotations(field: StructField) -> bool:
    """Whether a column has the type of annotations."""
    return field.dataType.simpleString() == ANNOTATIONS.simpleString()


def check_column(frame: DataFrame, column: str, *, remedy: str = "set the input column") -> None:
    """Raise ValueError, which ends with `remedy`, unless `frame` has the column `column`."""
    if column not in frame.columns:
        raise ValueError(f"no column '{column}' in the data, which has {', '.join(frame.columns)}: {remedy}")


def _another_type(column: str, contents: str, *kinds: str) -> str:
    expected = " or ".join(kinds) + " annotations" if kinds else "annotations"
    makers = " or ".join(MAKERS[kind] for kind in kinds or MAKERS)
    return (
        f"the column '{column}' holds {contents}, expected {expected}: put {makers} before this stage and read its "
        "output column"
    )
