"""SentenceEmbeddings: makes the vector of each sentence of those of its words."""

from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable
from pyspark.sql import DataFrame

from biobert_onnx.spark.annotations import (
    ANNOTATOR_TYPE,
    DOCUMENT,
    SENTENCE_EMBEDDINGS,
    WORD_EMBEDDINGS,
    Annotation,
    Annotations,
)
from biobert_onnx.spark.sentence_numbers import of_sentences, sentence_number
from biobert_onnx.spark.stage import Annotator, AnnotatorStage

POOLING_STRATEGIES = ("AVERAGE", "SUM")

WORDS_PER_BATCH = 8192
"""Words whose vectors a worker holds at a time."""


class SentenceEmbeddings(AnnotatorStage, DefaultParamsReadable["SentenceEmbeddings"]):
    """Gives each sentence the average or the sum of the vectors that BertEmbeddings gave to its words.

    A sentence without such words has an annotation without a vector.
    """

    reads = (DOCUMENT, WORD_EMBEDDINGS)
    writes = SENTENCE_EMBEDDINGS

    dimension: Param[int] = Param(
        Params._dummy(), "dimension", "length of a vector, in the column's metadata", TypeConverters.toInt
    )
    poolingStrategy: Param[str] = Param(Params._dummy(), "poolingStrategy", "AVERAGE or SUM", TypeConverters.toString)
    storageRef: Param[str] = Param(
        Params._dummy(), "storageRef", "ref in the column's metadata", TypeConverters.toString
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(outputCol=SENTENCE_EMBEDDINGS, poolingStrategy="AVERAGE")

    def setDimension(self, value: int) -> Self:
        """Set the length of a vector in the column's metadata, for words whose own column does not tell theirs."""
        return self._set(dimension=value)

    def setPoolingStrategy(self, value: str) -> Self:
        """Set "AVERAGE" or "SUM"; raises ValueError for another."""
        if not isinstance(value, str) or value.upper() not in POOLING_STRATEGIES:
            raise ValueError(f"poolingStrategy is {value!r}, expected one of {', '.join(POOLING_STRATEGIES)}")
        return self._set(poolingStrategy=value.upper())

    def setStorageRef(self, value: str) -> Self:
        """Set `ref` in the column's metadata; it is that of the words by default."""
        return self._set(storageRef=value)

    def annotator(self) -> Annotator:
        """Return what pools the vectors of words."""
        return partial(pool_words, average=self.getOrDefault(self.poolingStrategy) == "AVERAGE")

    def max_annotations(self) -> int:
        """Return WORDS_PER_BATCH."""
        return WORDS_PER_BATCH

    def _transform(self, dataset: DataFrame) -> DataFrame:
        pooled = super()._transform(dataset)
        own = {"dimension": self.getDimension(), "ref": self.getStorageRef()}
        given = {key: value for key, value in own.items() if value is not None}
        of_words = {key: value for key, value in self._words_metadata(dataset).items() if key != ANNOTATOR_TYPE}
        if "dimension" in of_words:
            given.pop("dimension", None)
        return pooled.withMetadata(self.getOutputCol(), {ANNOTATOR_TYPE: self.writes, **of_words, **given})

    def _words_metadata(self, dataset: DataFrame) -> dict[str, Any]:
        """Return the metadata of the column of words: the length of vectors, ref and engine; {} if it has none."""
        columns = [dataset.schema[column].metadata for column in self.getInputCols()]
        return next((each for each in columns if each.get(ANNOTATOR_TYPE) == WORD_EMBEDDINGS), {})


def pool_words(sentences: Annotations, words: Annotations, *, average: bool) -> Annotations:
    """Return each sentence with the sum or average of its words' vectors, added in their order in float64.

    An average of several words is rounded to float32 once.
    """
    rows: list[list[Annotation]] = []
    vectors = np.zeros((len(sentences.flat), words.vectors.shape[1]), dtype=np.float32)
    missing = []
    first = count = 0
    for in_row, of_row in zip(sentences.rows, words.rows, strict=True):
        rows.append([_pooled(sentence, place) for place, sentence in enumerate(in_row)])
        for own in of_sentences(in_row, of_row):
            if own:
                total = words.vectors[[first + word for word in own]].sum(axis=0, dtype=np.float64)
                vectors[count] = total / len(own) if average else total
            else:
                missing.append(count)
            count += 1
        first += len(of_row)
    return Annotations(rows=rows, vectors=vectors, missing=frozenset(missing if vectors.shape[1] else ()))


def _pooled(sentence: Annotation, place: int) -> Annotation:
    """Return the annotation that Spark NLP makes of a sentence."""
    metadata = {
        "sentence": sentence_number(sentence, place),
        "token": sentence.result,
        "pieceId": "-1",
        "isWordStart": "true",
    }
    return replace(sentence, metadata=metadata)
