"""What adapters are made with: the artifact's folder, the options of `SentenceEncoder` and those of its `encode`."""

import os
from dataclasses import KW_ONLY, dataclass
from typing import Any

from biobert_onnx.encoder import SentenceEncoder


@dataclass(eq=False)
class EncoderParameters:
    """The folder of an artifact, and SentenceEncoder's options under their names, with their defaults."""

    path: str | os.PathLike[str]
    _: KW_ONLY
    max_length: int | None = None
    threads: int | None = None
    normalize_embeddings: bool = False
    truncate_dim: int | None = None
    long_texts: str = "truncate"

    def _loaded(self) -> SentenceEncoder:
        return SentenceEncoder(self.path, max_length=self.max_length, threads=self.threads)

    def _options(self) -> dict[str, Any]:
        """The arguments of `encode` and `aencode`."""
        return {name: getattr(self, name) for name in ("normalize_embeddings", "truncate_dim", "long_texts")}
