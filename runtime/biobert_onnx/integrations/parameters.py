"""The parameters of every adapter: the artifact's folder, the options of `SentenceEncoder` and of its `encode`."""

import os
from dataclasses import KW_ONLY, dataclass
from typing import Any

from biobert_onnx.encoder import SentenceEncoder

ENCODER_OPTIONS = ("max_length", "threads", "engine", "literal_special_tokens")
"""The options of SentenceEncoder that an adapter has as attributes."""

ENCODE_OPTIONS = ("normalize_embeddings", "truncate_dim", "long_texts")
"""The options of `encode` that an adapter has as attributes."""


def encoder_options(adapter: object) -> dict[str, Any]:
    """Return the arguments of SentenceEncoder, but its folder, that `adapter` has as attributes."""
    return {name: getattr(adapter, name) for name in ENCODER_OPTIONS}


def encode_options(adapter: object) -> dict[str, Any]:
    """Return the arguments of `encode` and `aencode` that `adapter` has as attributes."""
    return {name: getattr(adapter, name) for name in ENCODE_OPTIONS}


@dataclass(eq=False)
class EncoderParameters:
    """The folder of an artifact, and the encoder's options under their own names, with their own defaults."""

    path: str | os.PathLike[str]
    _: KW_ONLY
    max_length: int | None = None
    threads: int | None = None
    engine: str | None = None
    literal_special_tokens: bool = False
    normalize_embeddings: bool = False
    truncate_dim: int | None = None
    long_texts: str = "truncate"

    def _open_encoder(self) -> SentenceEncoder:
        return SentenceEncoder(self.path, **encoder_options(self))
