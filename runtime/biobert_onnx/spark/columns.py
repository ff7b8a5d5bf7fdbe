"""Input and output columns: Spark NLP's setters, and checks of a column's type."""

from typing import Self

from pyspark.ml.param.shared import HasInputCols, HasOutputCol
from pyspark.sql import DataFrame
from pyspark.sql.types import DataType

from biobert_onnx.spark.annotations import ANNOTATIONS, ANNOTATOR_TYPE, DOCUMENT


class AnnotationColumns(HasInputCols, HasOutputCol):
    """One input column of document annotations, one output column."""

    def setInputCols(self, *value: str | list[str]) -> Self:
        """Set the input column, alone or in a list; raises ValueError unless it is one column."""
        columns = [column for item in value for column in ([item] if isinstance(item, str) else item)]
        if len(columns) != 1:
            raise ValueError(f"{type(self).__name__} reads one column of documents or sentences, got {columns}")
        return self._set(inputCols=columns)

    def setOutputCol(self, value: str) -> Self:
        """Set the output column."""
        return self._set(outputCol=value)

    @property
    def _input(self) -> str:
        if not self.isDefined(self.inputCols):
            raise ValueError(f"{type(self).__name__} has no input column: call setInputCols")
        return self.getInputCols()[0]


def check_annotations(frame: DataFrame, column: str) -> None:
    """Raise ValueError unless `column` of `frame` holds document annotations."""
    check_column(frame, column)
    found = frame.schema[column]
    annotator_type = found.metadata.get(ANNOTATOR_TYPE, DOCUMENT)
    if found.dataType.simpleString() != ANNOTATIONS.simpleString() or annotator_type != DOCUMENT:
        raise ValueError(
            f"the column '{column}' holds {_contents(found.dataType, annotator_type)}, expected document annotations: "
            "put a DocumentAssembler or a SentenceDetector before this stage and read its output column"
        )


def check_column(frame: DataFrame, column: str) -> None:
    """Raise ValueError unless `frame` has the column `column`."""
    if column not in frame.columns:
        raise ValueError(
            f"no column '{column}' in the data, which has {', '.join(frame.columns)}: set the input column"
        )


def _contents(found: DataType, annotator_type: str) -> str:
    found_type = found.simpleString()
    return f"{annotator_type} annotations" if found_type == ANNOTATIONS.simpleString() else found_type
