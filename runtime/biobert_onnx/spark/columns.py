"""Input and output columns with Spark NLP's setters."""

from typing import Self

from pyspark.ml.param.shared import HasInputCols, HasOutputCol


class AnnotationColumns(HasInputCols, HasOutputCol):
    """One input column of document annotations, one output column."""

    def setInputCols(self, *value: str | list[str]) -> Self:
        """Set the input column, given alone or in a list; raises ValueError for more or less than one."""
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
