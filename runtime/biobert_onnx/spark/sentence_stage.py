"""The base of the stages that split document annotations into sentence annotations, with `biobert_onnx.sentences`."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Self

from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.sql import DataFrame
from pyspark.sql import functions as sql

from biobert_onnx.sentences import split
from biobert_onnx.sentences.options import STRATEGIES
from biobert_onnx.spark.annotations import (
    ANNOTATIONS,
    ANNOTATOR_TYPE,
    DOCUMENT,
    Annotation,
    Annotations,
    utf16_offsets,
)
from biobert_onnx.spark.columns import quoted
from biobert_onnx.spark.java_patterns import compile_java
from biobert_onnx.spark.stage import Annotator, AnnotatorStage

DOCUMENTS_PER_BATCH = 1024
"""Documents that a worker splits at a time."""

OPTIONS = {
    "useAbbreviations": "abbreviations",
    "detectLists": "lists",
    "customBounds": "custom_bounds",
    "useCustomBoundsOnly": "custom_bounds_only",
    "customBoundsStrategy": "custom_bounds_strategy",
    "splitLength": "split_length",
    "minLength": "min_length",
    "maxLength": "max_length",
}
"""The argument of `sentences.split` for each of Spark NLP's params."""


class SentenceStage(AnnotatorStage):
    """Makes a document annotation of each sentence; blank documents have none.

    `begin` and `end` (inclusive) are the offsets of the sentence in its document, in UTF-16 units.
    """

    rules: ClassVar[str]
    """The rules of `sentences.split`."""

    reads = (DOCUMENT,)
    writes = DOCUMENT

    useAbbreviations: Param[bool] = Param(
        Params._dummy(), "useAbbreviations", "know abbreviations", TypeConverters.toBoolean
    )
    customBounds: Param[list[str]] = Param(
        Params._dummy(), "customBounds", "regular expressions that bound sentences", TypeConverters.toListString
    )
    useCustomBoundsOnly: Param[bool] = Param(
        Params._dummy(), "useCustomBoundsOnly", "split at the custom bounds only", TypeConverters.toBoolean
    )
    customBoundsStrategy: Param[str] = Param(
        Params._dummy(), "customBoundsStrategy", ", ".join(STRATEGIES), TypeConverters.toString
    )
    explodeSentences: Param[bool] = Param(
        Params._dummy(), "explodeSentences", "one row a sentence", TypeConverters.toBoolean
    )
    splitLength: Param[int] = Param(
        Params._dummy(), "splitLength", "length at which sentences are cut", TypeConverters.toInt
    )
    minLength: Param[int] = Param(Params._dummy(), "minLength", "leave shorter sentences out", TypeConverters.toInt)
    maxLength: Param[int] = Param(
        Params._dummy(), "maxLength", "leave longer sentences out; unless set, none is", TypeConverters.toInt
    )
    detectLists: Param[bool] = Param(
        Params._dummy(), "detectLists", "list items begin sentences", TypeConverters.toBoolean
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(
            outputCol="sentence",
            useAbbreviations=True,
            detectLists=True,
            useCustomBoundsOnly=False,
            customBounds=[],
            customBoundsStrategy="none",
            explodeSentences=False,
            minLength=0,
            maxLength=99999,
        )

    def setUseAbbreviations(self, value: bool) -> Self:
        """Set whether known abbreviations, which end with a full stop, do not end a sentence."""
        return self._set(useAbbreviations=value)

    def setCustomBounds(self, value: list[str]) -> Self:
        """Set regular expressions, in Java's spelling, whose matches bound sentences; raises ValueError for another."""
        try:
            bounds = TypeConverters.toListString(value)
        except TypeError as error:
            raise TypeError(f"customBounds is {value!r}, expected a list of regular expressions, each a str") from error
        split("", rules=self.rules, custom_bounds=_python_bounds(bounds), custom_bounds_only=bool(bounds))
        return self._set(customBounds=bounds)

    def setCustomBoundsStrategy(self, value: str) -> Self:
        """Set what becomes of the text that a custom bound matches.

        It belongs to no sentence ("none"), begins the next one ("prepend"), or ends the one before ("append").
        """
        if value not in STRATEGIES:
            raise ValueError(f"customBoundsStrategy is {value!r}, expected one of {', '.join(STRATEGIES)}")
        return self._set(customBoundsStrategy=value)

    def setUseCustomBoundsOnly(self, value: bool) -> Self:
        """Set whether sentences end at the custom bounds only."""
        return self._set(useCustomBoundsOnly=value)

    def setExplodeSentences(self, value: bool) -> Self:
        """Set whether each sentence gets a row of its own; a row without sentences is then left out."""
        return self._set(explodeSentences=value)

    def setSplitLength(self, value: int) -> Self:
        """Set the length at which longer sentences are cut, between words."""
        return self._set(splitLength=value)

    def setMinLength(self, value: int) -> Self:
        """Set the length below which sentences are left out."""
        return self._set(minLength=value)

    def setMaxLength(self, value: int) -> Self:
        """Set the length above which sentences are left out."""
        return self._set(maxLength=value)

    def setDetectLists(self, value: bool) -> Self:
        """Set whether list items begin sentences."""
        return self._set(detectLists=value)

    def annotator(self) -> Annotator:
        """Return what splits documents; raises ValueError if a param is wrong."""
        options = self._options()
        split("", **options)
        return partial(split_documents, options=options)

    def max_annotations(self) -> int:
        """Return DOCUMENTS_PER_BATCH."""
        return DOCUMENTS_PER_BATCH

    def _transform(self, dataset: DataFrame) -> DataFrame:
        detected = super()._transform(dataset)
        if not self.getOrDefault(self.explodeSentences):
            return detected
        name = self.getOutputCol()
        exploded = detected.withColumn(name, sql.explode(quoted(name)))
        one = sql.array(quoted(name)).cast(ANNOTATIONS)
        return exploded.withColumn(name, one.alias(name, metadata={ANNOTATOR_TYPE: DOCUMENT}))

    def _options(self) -> dict[str, Any]:
        """Return the arguments of `split`. As in Spark NLP, maxLength leaves sentences out only if it was set."""
        params = {argument: self.getParam(name) for name, argument in OPTIONS.items()}
        options = {
            argument: self.getOrDefault(param)
            for argument, param in params.items()
            if self.isSet(param) or (self.isDefined(param) and argument != "max_length")
        }
        return options | {"rules": self.rules, "custom_bounds": _python_bounds(options["custom_bounds"])}


def _python_bounds(bounds: Sequence[str]) -> list[str]:
    """Return custom bounds in Python's spelling; raises ValueError for what is no regular expression."""
    return [compile_java(bound, param="customBounds").pattern for bound in bounds]


def split_documents(documents: Annotations, *, options: dict[str, Any]) -> Annotations:
    """Return the sentences of each row's documents, numbered through the row."""
    return Annotations.without_vectors([_sentences(row, options) for row in documents.rows])


def _sentences(documents: Sequence[Annotation], options: dict[str, Any]) -> list[Annotation]:
    found = [(utf16_offsets(document.result), split(document.result, **options)) for document in documents]
    placed = [(offsets, sentence) for offsets, sentences in found for sentence in sentences]
    return [
        Annotation(
            begin=offsets[sentence.begin],
            end=offsets[sentence.end] - 1,
            result=sentence.text,
            metadata={"sentence": str(number)},
        )
        for number, (offsets, sentence) in enumerate(placed)
    ]
