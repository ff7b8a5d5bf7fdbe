"""The setting that servers take: the environment variable that names the artifact."""

import os
from pathlib import Path

from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.errors import ArtifactError

ARTIFACT_VARIABLE = "BIOBERT_ONNX_ARTIFACT"
"""The environment variable that names the artifact's folder."""


def open_encoder(default: Path, *, threads: int | None = None) -> SentenceEncoder:
    """Open the artifact that BIOBERT_ONNX_ARTIFACT names, or `default` where it is unset or empty.

    `threads`: as for SentenceEncoder. Raises ArtifactError, which names the variable, if there is no complete artifact.
    """
    name = os.environ.get(ARTIFACT_VARIABLE)
    try:
        return SentenceEncoder(name or default, threads=threads)
    except ArtifactError as error:
        current = f"it is {name!r}" if name else "it is not set"
        raise ArtifactError(f"set {ARTIFACT_VARIABLE} to the folder of an artifact ({current}): {error}") from error
