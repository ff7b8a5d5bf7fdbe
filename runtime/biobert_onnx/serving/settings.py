"""The settings that servers take: environment variables for the artifact, the engine and special tokens in texts."""

import os
from pathlib import Path

from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.engines import ENGINES, KERNELS
from biobert_onnx.errors import ArtifactError, EngineError

ARTIFACT_VARIABLE = "BIOBERT_ONNX_ARTIFACT"
"""The environment variable that names the artifact's folder."""

ENGINE_VARIABLE = "BIOBERT_ONNX_ENGINE"
"""The environment variable that names the engine, one of ENGINES."""

LITERAL_VARIABLE = "BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS"
"""The environment variable that decides on special tokens written in texts, one of LITERAL."""

LITERAL = {"1": True, "0": False}
"""Its values: 1 reads them as plain text, 0 as the tokens."""


class SettingError(ValueError):
    """An environment variable has a value that cannot be used here."""


def open_encoder(default: Path, *, threads: int | None = None) -> SentenceEncoder:
    """Open the artifact that BIOBERT_ONNX_ARTIFACT names, or `default` where it is unset or empty.

    BIOBERT_ONNX_ENGINE names the engine; where it is unset or empty, it is chosen as SentenceEncoder does.
    BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS is 1 where special tokens that are written in texts are plain text.
    `threads`: as for SentenceEncoder. Raises ArtifactError if there is no complete artifact, SettingError for an engine
    that does not exist or cannot run here, or another value than 1 and 0; each names its variable. EngineError if no
    engine runs the artifact here.
    """
    name = os.environ.get(ARTIFACT_VARIABLE)
    engine, literal = _engine(), _literal_special_tokens()
    try:
        return SentenceEncoder(name or default, threads=threads, engine=engine, literal_special_tokens=literal)
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


def _literal_special_tokens() -> bool:
    """Whether special tokens in texts are plain text; raises SettingError if the variable is none of LITERAL."""
    value = os.environ.get(LITERAL_VARIABLE) or "0"
    if value not in LITERAL:
        raise SettingError(
            f"{LITERAL_VARIABLE} is {value!r}, expected 1 to read special tokens in texts as plain text, or unset it"
        )
    return LITERAL[value]
