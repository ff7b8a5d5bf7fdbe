"""BertSentenceEmbeddings: gives document or sentence annotations their vectors."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import pyarrow as pa
from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql.types import StructField

from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.catalog.names import DEFAULT
from biobert_onnx.encoding.engines import check_engine
from biobert_onnx.spark.annotations import (
    ANNOTATIONS,
    ANNOTATOR_TYPE,
    ENGINE,
    SENTENCE_EMBEDDINGS,
    Annotation,
    annotation_lists,
    read_annotations,
)
from biobert_onnx.spark.arrow_column import with_column
from biobert_onnx.spark.columns import AnnotationColumns, check_annotations
from biobert_onnx.spark.worker import RemoteEncoder, locate, read_manifest, remote_encoder

TEXTS_PER_BATCH_SIZE = 256
"""Texts that a worker encodes together for each unit of batchSize: 2,048 for Spark NLP's default of 8. batchSize bounds
memory; it cannot change a vector."""


class BertSentenceEmbeddings(
    Transformer, AnnotationColumns, DefaultParamsReadable["BertSentenceEmbeddings"], DefaultParamsWritable
):
    """Gives each annotation of the input column the vector of its text; an empty text gets no annotation.

    `pretrained`, `load` or `loadSavedModel` make it. A saved stage holds the artifact's path or shipped name, not the
    weights.
    """

    artifact: Param[str] = Param(Params._dummy(), "artifact", "path, or shipped name", TypeConverters.toString)
    batchSize: Param[int] = Param(Params._dummy(), "batchSize", "x 256 texts at a time", TypeConverters.toInt)
    dimension: Param[int] = Param(Params._dummy(), "dimension", "length of a vector", TypeConverters.toInt)
    maxSentenceLength: Param[int] = Param(
        Params._dummy(),
        "maxSentenceLength",
        "tokens that texts are cut to, [CLS] and [SEP] included",
        TypeConverters.toInt,
    )
    caseSensitive: Param[bool] = Param(
        Params._dummy(), "caseSensitive", "whether the model tells cases apart", TypeConverters.toBoolean
    )
    engine: Param[str] = Param(
        Params._dummy(), "engine", "what computes the vectors: kernels or onnxruntime", TypeConverters.toString
    )
    storageRef: Param[str] = Param(
        Params._dummy(), "storageRef", "ref in the column's metadata", TypeConverters.toString
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(
            outputCol=SENTENCE_EMBEDDINGS, batchSize=8, dimension=768, maxSentenceLength=128, caseSensitive=False
        )

    @classmethod
    def pretrained(cls, name: str = DEFAULT, lang: str = "en", remote_loc: str | None = None) -> Self:
        """Return a stage on the artifact of the model `name`; nothing is downloaded.

        It is looked for among the files that were shipped with Spark (`addArchive("....zip#NAME")`, `addFile`), then in
        the working directory; with `remote_loc`, a folder, only there. Raises ArtifactError, which says how to make the
        artifact, if it is not found, ValueError for a language other than English.
        """
        if lang != "en":
            raise ValueError(f"lang is {lang!r}, but every model known here is English: give 'en'")
        return cls().setArtifact(locate(name, remote_loc))

    @classmethod
    def load(cls, path: str) -> Self:
        """Return the stage that was saved at `path`, or a new one on the artifact folder `path`."""
        if (Path(path) / MANIFEST).is_file():
            return cls().setArtifact(path)
        return super().load(path)  # type: ignore[return-value]

    @classmethod
    def loadSavedModel(cls, folder: str, spark_session: object = None) -> Self:
        """Return a stage on the artifact `folder`; the session is an argument of Spark NLP's and is not used."""
        return cls().setArtifact(folder)

    def setArtifact(self, value: str) -> Self:
        """Set the artifact, a path or the name of a shipped one, and its dimension, casing and storageRef."""
        artifact = locate(value, None)
        manifest = read_manifest(artifact)
        return self._set(
            artifact=artifact,
            dimension=manifest.dim,
            caseSensitive=manifest.casing == "cased",
            storageRef=Path(artifact).name,
        )

    def setBatchSize(self, value: int) -> Self:
        """Set how many texts, in units of 256, a worker encodes together."""
        if value < 1:
            raise ValueError(f"batchSize is {value}, expected at least 1")
        return self._set(batchSize=value)

    def setDimension(self, value: int) -> Self:
        """Set the length of a vector; `transform` refuses any other than the artifact's."""
        return self._set(dimension=value)

    def setMaxSentenceLength(self, value: int) -> Self:
        """Set the number of tokens that texts are cut to, [CLS] and [SEP] included."""
        return self._set(maxSentenceLength=value)

    def setCaseSensitive(self, value: bool) -> Self:
        """Set whether the model tells cases apart; `transform` refuses a value that is wrong for the artifact."""
        return self._set(caseSensitive=value)

    def setEngine(self, value: str) -> Self:
        """Set what computes the vectors, "kernels" or "onnxruntime"; raises ValueError for another name.

        If it is not set, `transform` takes what the driver would take. Every executor must run it.
        """
        check_engine(value)
        return self._set(engine=value)

    def getEngine(self) -> str | None:
        """Return what `setEngine` set, None if it was not called."""
        return self.getOrDefault(self.engine) if self.isDefined(self.engine) else None

    def setStorageRef(self, value: str) -> Self:
        """Set `ref` in the output column's metadata: Spark NLP's classifiers know embeddings by it."""
        return self._set(storageRef=value)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        check_annotations(dataset, self._input)
        encoder = self._encoder()
        metadata = {
            ANNOTATOR_TYPE: SENTENCE_EMBEDDINGS,
            "dimension": encoder.manifest.dim,
            "ref": self.getOrDefault(self.storageRef),
            ENGINE: encoder.engine,
        }
        return with_column(
            dataset,
            StructField(self.getOutputCol(), ANNOTATIONS, metadata=metadata),
            source=self._input,
            compute=partial(embedding_annotations, encoder=encoder),
            max_texts=TEXTS_PER_BATCH_SIZE * self.getOrDefault(self.batchSize),
        )

    def _encoder(self) -> RemoteEncoder:
        """Return the encoder of the tasks; raises ArtifactError and ValueError here, before any task starts."""
        if not self.isDefined(self.artifact):
            raise ValueError("BertSentenceEmbeddings has no artifact: make it with pretrained, load or setArtifact")
        artifact = self.getOrDefault(self.artifact)
        encoder = remote_encoder(artifact, self.getOrDefault(self.maxSentenceLength), self.getEngine())
        self._check("dimension", encoder.manifest.dim, artifact)
        self._check("caseSensitive", encoder.manifest.casing == "cased", artifact)
        return encoder

    def _check(self, name: str, expected: object, artifact: str) -> None:
        found = self.getOrDefault(name)
        if found != expected:
            raise ValueError(
                f"{name} is {found}, but {expected} for the artifact '{artifact}': do not set it, or use another "
                "artifact"
            )


def embedding_annotations(column: pa.Array, *, encoder: RemoteEncoder) -> pa.Array:
    """Return the annotations of each row that have a text, with their vectors."""
    rows = [[_with_token_metadata(sentence) for sentence in row if sentence.result] for row in read_annotations(column)]
    vectors = encoder.encode([annotation.result for row in rows for annotation in row])
    return annotation_lists(SENTENCE_EMBEDDINGS, rows, vectors)


def _with_token_metadata(sentence: Annotation) -> Annotation:
    """Add the metadata that Spark NLP gives to an embedded sentence."""
    metadata = {"sentence": "0", **sentence.metadata}
    return replace(sentence, metadata=metadata | {"token": sentence.result, "pieceId": "-1", "isWordStart": "true"})
