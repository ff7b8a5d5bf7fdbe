"""The encoder of a Python worker, or of a LightPipeline: opened once, it stays open and has the driver's artifact."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyspark import SparkContext, SparkFiles, TaskContext

from biobert_onnx._file_status import is_file
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import MANIFEST, TOKENIZER
from biobert_onnx.catalog.names import find_artifact, spark_nlp_name
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.engines import Engine
from biobert_onnx.encoding.token_vectors import TokenEmbeddings
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.errors import ArtifactError, EngineError

MAX_OPEN_ENCODERS = 2
"""Encoders that a worker keeps open: one for each of two stages in a pipeline."""


@dataclass(frozen=True, kw_only=True)
class RemoteEncoder:
    """All that a task needs to open the driver's encoder.

    `artifact`: a path, or the name of one shipped with Spark. `engine`: what computes the vectors on every executor.
    """

    artifact: str
    max_length: int
    engine: str
    manifest: Manifest

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector a text, (n, dim) float32, on as many threads as `task_cpus` says.

        Raises ArtifactError if the executor does not have the artifact, or has another than the driver; ValueError if
        the engine cannot run here.
        """
        return self._opened().encode(texts, show_progress_bar=False)

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenEmbeddings]:
        """Return the vectors of each text's tokens, of the last layer; threads and errors are those of `encode`."""
        return self._opened().encode_tokens(texts, show_progress_bar=False)

    def tokenizer(self) -> TextTokenizer:
        """Return the artifact's tokenizer, whose pieces are those of `encode_tokens`."""
        return _tokenizer(local_folder(self.artifact))

    def _opened(self) -> SentenceEncoder:
        try:
            encoder = _encoder(local_folder(self.artifact), self.max_length, task_cpus(), self.engine)
        except EngineError as error:
            other = "take the artifact that it was made from and set" if self.manifest.is_packed else "set"
            raise ValueError(
                f"in a Spark executor: the driver's engine is 'kernels', but they cannot run '{self.artifact}' here, "
                f"because {error.reason}; {other} engine='onnxruntime', which every executor runs, or install "
                "biobert-onnx with its kernels on all of them"
            ) from error
        except ArtifactError as error:
            raise ArtifactError(
                f"in a Spark executor: {error}; every executor needs the artifact at the driver's path, or shipped "
                "with SparkContext.addArchive"
            ) from error
        if encoder.manifest != self.manifest:
            raise ArtifactError(
                f"in a Spark executor: '{self.artifact}' is not the driver's artifact: copy that to every executor, "
                "and make the session again"
            )
        return encoder


def remote_encoder(artifact: str, max_length: int | None, engine: str | None) -> RemoteEncoder:
    """Return what tasks need to open the located `artifact`; `max_length` None takes the manifest's.

    `engine` None takes what SentenceEncoder would take on the driver. Every executor must run that one: a column whose
    vectors come from two engines would be worth little.

    Raises ArtifactError if the driver does not have the artifact, ValueError if the checkpoint has fewer positions than
    `max_length`, if there is no such engine, or if it cannot run on the driver.
    """
    manifest = read_manifest(artifact)
    length = manifest.max_length if max_length is None else manifest.check_max_length(max_length)
    chosen = Engine.choose(local_folder(artifact), manifest, engine)
    chosen.warn_of_fallback(manifest, stacklevel=3)
    return RemoteEncoder(artifact=artifact, max_length=length, engine=chosen.name, manifest=manifest)


def locate(name: str, folder: str | None) -> str:
    """Find the artifact `name`: return a name if it was shipped with Spark, else an absolute path.

    `folder`: look there only. Raises ArtifactError if it is not found.
    """
    shipped = spark_nlp_name(name)
    running = SparkContext._active_spark_context is not None  # one a process; sessions are one a thread
    if folder is None and running and is_file(local_folder(shipped) / MANIFEST):
        return shipped
    return str(find_artifact(name, folder=folder))


def local_folder(artifact: str) -> Path:
    """Return the folder of `artifact` on this machine: Spark unpacks a shipped one below the root of SparkFiles."""
    return Path(artifact) if Path(artifact).is_absolute() else Path(SparkFiles.get(artifact))


def read_manifest(artifact: str) -> Manifest:
    """Read the manifest of `artifact`; raises ArtifactError unless that is a complete artifact on this machine."""
    folder = local_folder(artifact)
    manifest = Manifest.read(folder)
    manifest.check_sizes(folder)
    return manifest


@lru_cache(maxsize=MAX_OPEN_ENCODERS)
def _encoder(folder: Path, max_length: int, threads: int | None, engine: str) -> SentenceEncoder:
    """Return the encoder of this process; special tokens that texts spell are plain text, as in Spark NLP."""
    return SentenceEncoder(folder, max_length=max_length, threads=threads, engine=engine, literal_special_tokens=True)


@lru_cache(maxsize=MAX_OPEN_ENCODERS)
def _tokenizer(folder: Path) -> TextTokenizer:
    """Return the tokenizer of `_encoder`."""
    return TextTokenizer(folder / TOKENIZER, literal_special_tokens=True)


def task_cpus() -> int | None:
    """Return the CPUs of this task, from `spark.task.cpus` or its resource profile; None, for all, outside of tasks."""
    context = TaskContext.get()
    return None if context is None else context.cpus()
