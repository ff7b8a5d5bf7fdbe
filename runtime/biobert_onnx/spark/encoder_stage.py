"""The base of the stages that compute vectors: their artifact, and the params that Spark NLP has."""

import os
import sys
from pathlib import Path
from typing import Any, Self

from pyspark import SparkContext
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWriter, MLWriter

from biobert_onnx._file_status import is_file
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.catalog.names import DEFAULT
from biobert_onnx.encoding.engines import check_engine
from biobert_onnx.errors import ArtifactError, check_int, short_repr
from biobert_onnx.spark.annotations import ENGINE
from biobert_onnx.spark.saved_artifact import FOLDER, HadoopFolder, save_artifact, ship
from biobert_onnx.spark.stage import AnnotatorStage
from biobert_onnx.spark.worker import RemoteEncoder, locate, read_manifest, remote_encoder

MAX_SENTENCE_LENGTH = 512
"""The largest maxSentenceLength of Spark NLP, which has BERT's positions."""

TEXTS_PER_BATCH_SIZE = 256
"""Texts that a worker encodes together for each unit of batchSize: 2,048 for Spark NLP's default of 8. batchSize bounds
memory; it cannot change a vector."""


class EncoderStage(AnnotatorStage, DefaultParamsReadable["EncoderStage"]):
    """A stage on an artifact; `pretrained`, `load` or `loadSavedModel` make it."""

    artifact: Param[str] = Param(Params._dummy(), "artifact", "path, or shipped name", TypeConverters.toString)
    batchSize: Param[int] = Param(Params._dummy(), "batchSize", "x 256 texts at a time", TypeConverters.toInt)
    caseSensitive: Param[bool] = Param(
        Params._dummy(), "caseSensitive", "whether the model tells cases apart", TypeConverters.toBoolean
    )
    configProtoBytes: Param[list[int]] = Param(
        Params._dummy(),
        "configProtoBytes",
        "accepted, without a meaning here: TensorFlow's settings",
        TypeConverters.toListInt,
    )
    dimension: Param[int] = Param(Params._dummy(), "dimension", "length of a vector", TypeConverters.toInt)
    engine: Param[str] = Param(
        Params._dummy(), "engine", "what computes the vectors: kernels or onnxruntime", TypeConverters.toString
    )
    isLong: Param[bool] = Param(
        Params._dummy(),
        "isLong",
        "accepted, without a meaning here: the type of TensorFlow's ids",
        TypeConverters.toBoolean,
    )
    maxSentenceLength: Param[int] = Param(
        Params._dummy(),
        "maxSentenceLength",
        "tokens that texts are cut to, [CLS] and [SEP] included",
        TypeConverters.toInt,
    )
    saveArtifact: Param[bool] = Param(
        Params._dummy(),
        "saveArtifact",
        "whether save copies the artifact into the stage's folder",
        TypeConverters.toBoolean,
    )
    storageRef: Param[str] = Param(
        Params._dummy(), "storageRef", "ref in the column's metadata", TypeConverters.toString
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(
            batchSize=8, dimension=768, maxSentenceLength=128, caseSensitive=False, isLong=False, saveArtifact=True
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
        """Return the stage that was saved at `path`, or a new one on the artifact folder `path`.

        `path` may be a URI of any file system that Hadoop knows here. An artifact that lies in a saved stage, or
        elsewhere than on the driver's disk, is fetched to the driver and shipped to the executors.

        Raises ArtifactError if it is incomplete or damaged, or if another kind of stage was saved at `path`.
        """
        if is_file(Path(path) / MANIFEST):
            return cls().setArtifact(path)
        if SparkContext._active_spark_context is not None and HadoopFolder(path).has(MANIFEST):
            return cls().setArtifact(ship(path)).setStorageRef(path.rstrip("/").rpartition("/")[2])
        stage = super().load(path)
        if not isinstance(stage, cls):
            raise ArtifactError(f"'{path}' holds a {type(stage).__name__}: load it with that class")
        if stage.getSaveArtifact() and stage.isDefined(stage.artifact):
            stage._check_saved(path, ship(f"{path}/{FOLDER}"))
        return stage

    def write(self) -> MLWriter:
        """Return what saves the stage, and its artifact unless setSaveArtifact(False) was called."""
        return StageWriter(self)

    @classmethod
    def loadSavedModel(cls, folder: str, spark_session: object = None) -> Self:
        """Return a stage on the artifact `folder`; the session is an argument of Spark NLP's and is not used."""
        return cls().setArtifact(folder)

    def setArtifact(self, value: str | os.PathLike[str]) -> Self:
        """Set the artifact, a path or the name of a shipped one, and its dimension, casing and storageRef."""
        if not isinstance(value, str | os.PathLike):
            raise TypeError(f"artifact is {short_repr(value)}, expected a path, or the name of a shipped artifact")
        artifact = locate(os.fspath(value), None)
        manifest = read_manifest(artifact)
        return self._set(
            artifact=artifact,
            dimension=self._dimension(manifest),
            caseSensitive=manifest.casing == "cased",
            storageRef=Path(artifact).name,
        )

    def setBatchSize(self, value: int) -> Self:
        """Set how much a worker computes together: x 256 texts, or x 1,024 tokens in BertEmbeddings."""
        checked = check_int("batchSize", value, range(1, sys.maxsize), "how much a worker computes together")
        return self._set(batchSize=checked)

    def setCaseSensitive(self, value: bool) -> Self:
        """Set whether the model tells cases apart; `transform` refuses a value that is wrong for the artifact."""
        return self._set(caseSensitive=value)

    def setConfigProtoBytes(self, value: list[int]) -> Self:
        """Set the param of that name; it has no meaning here: TensorFlow does not run."""
        return self._set(configProtoBytes=value)

    def setDimension(self, value: int) -> Self:
        """Set the length of a vector; `transform` refuses any other than the artifact's."""
        return self._set(dimension=value)

    def setEngine(self, value: str) -> Self:
        """Set what computes the vectors, "kernels" or "onnxruntime"; raises ValueError for another name.

        If it is not set, `transform` takes what the driver would take. Every executor must run it.
        """
        check_engine(value)
        return self._set(engine=value)

    def setIsLong(self, value: bool) -> Self:
        """Set the param of that name; it has no meaning here: ids have the type that the graph wants."""
        return self._set(isLong=value)

    def setMaxSentenceLength(self, value: int) -> Self:
        """Set the number of tokens that texts are cut to, [CLS] and [SEP] included; raises ValueError above 512."""
        allowed = range(3, MAX_SENTENCE_LENGTH + 1)
        checked = check_int("maxSentenceLength", value, allowed, "[CLS], one token or more, [SEP]")
        return self._set(maxSentenceLength=checked)

    def setSaveArtifact(self, value: bool) -> Self:
        """Set whether `save` copies the artifact into the stage's folder; if not, that holds the artifact's path."""
        return self._set(saveArtifact=value)

    def setStorageRef(self, value: str) -> Self:
        """Set `ref` in the output column's metadata: Spark NLP's classifiers know embeddings by it."""
        return self._set(storageRef=value)

    def column_metadata(self) -> dict[str, Any]:
        """Return the length of the vectors, storageRef, and the engine that computes them."""
        encoder = self.encoder()
        return {
            "dimension": self.getOrDefault(self.dimension),
            "ref": self.getOrDefault(self.storageRef),
            ENGINE: encoder.engine,
        }

    def max_annotations(self) -> int:
        """Return batchSize in texts."""
        return TEXTS_PER_BATCH_SIZE * int(self.getOrDefault(self.batchSize))

    def encoder(self) -> RemoteEncoder:
        """Return the encoder of the tasks; raises ArtifactError and ValueError here, before any task starts."""
        if not self.isDefined(self.artifact):
            name = type(self).__name__
            raise ValueError(f"{name} has no artifact: make it with pretrained, load or setArtifact")
        artifact = self.getOrDefault(self.artifact)
        encoder = remote_encoder(artifact, self.getOrDefault(self.maxSentenceLength), self.getEngine())
        self._check("dimension", self._dimension(encoder.manifest), artifact)
        self._check("caseSensitive", encoder.manifest.casing == "cased", artifact)
        return encoder

    def _dimension(self, manifest: Manifest) -> int:
        return manifest.dim

    def _check_saved(self, path: str, shipped: str) -> None:
        found = self.getOrDefault(self.artifact)
        if found != shipped:
            raise ArtifactError(
                f"'{path}/{FOLDER}' holds another artifact, '{shipped}', than the one that was saved with the stage, "
                f"'{found}': save the stage again"
            )

    def _check(self, name: str, expected: object, artifact: str) -> None:
        found = self.getOrDefault(name)
        if found != expected:
            raise ValueError(
                f"{name} is {found}, but {expected} for the artifact '{artifact}': do not set it, or use another "
                "artifact"
            )


class StageWriter(DefaultParamsWriter):
    """Writes an `EncoderStage`: its artifact first, then its params, without which it cannot be loaded."""

    def __init__(self, instance: EncoderStage) -> None:
        super().__init__(instance)
        self._stage = instance

    def saveImpl(self, path: str) -> None:
        """Write the stage to `path`, a path or URI of Hadoop's."""
        stage = self._stage
        if stage.getSaveArtifact() and stage.isDefined(stage.artifact):
            stage = stage.copy({stage.artifact: save_artifact(stage.getOrDefault(stage.artifact), path)})
        DefaultParamsWriter(stage).saveImpl(path)
