"""The settings that servers take: the environment variables that name the artifact and the engine."""

import os
from pathlib import Path

from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.engines import ENGINES, KERNELS
from biobert_onnx.errors import ArtifactError, EngineError

ARTIFACT_VARIABLE = "BIOBERT_ONNX_ARTIFACT"
"""The environment variable that names the artifact's folder."""

ENGINE_VARIABLE = "BIOBERT_ONNX_ENGINE"
"""The environment variable that names the engine, one of ENGINES."""


class SettingError(ValueError):
    """An environment variable has a value that cannot be used here."""


def open_encoder(default: Path, *, threads: int | None = None) -> SentenceEncoder:
    """Open the artifact that BIOBERT_ONNX_ARTIFACT names, or `default` where it is unset or empty.

    BIOBERT_ONNX_ENGINE names the engine; where it is unset or empty, it is chosen as SentenceEncoder does.
    `threads`: as for SentenceEncoder. Raises ArtifactError if there is no complete artifact, SettingError for an engine
    that does not exist or cannot run here; each names its variable. EngineError if no engine runs the artifact here.
    """
    name = os.environ.get(ARTIFACT_VARIABLE)
    engine = _engine()
    try:
        return SentenceEncoder(name or default, threads=threads, engine=engine)
    except ArtifactError as error:
        current = f"it is {name!r}" if name else "it is not set"
        raise ArtifactError(f"set {ARTIFACT_VARIABLE} to the folder of an artifact ({current}): {error}") from error
    except EngineError as error:
        if error.other is None:
            raise
        wanted = "the kernels" if engine == KERNELS else engine
        raise SettingError(
            f"{ENGINE_VARIABLE} is {engine!r}, but {wanted} cannot run '{error.artifact}' here, because "
            f"{error.reason}: unset it to get {error.other}"
        ) from error


def _engine() -> str | None:
    """The engine that the environment names, None if it names none; raises SettingError unless it is one of ENGINES."""
    engine = os.environ.get(ENGINE_VARIABLE) or None
    if engine is not None and engine not in ENGINES:
        raise SettingError(f"{ENGINE_VARIABLE} is {engine!r}, expected one of {', '.join(ENGINES)}, or unset it")
    return engine
