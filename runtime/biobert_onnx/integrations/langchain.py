"""LangChain's `Embeddings` on an artifact: the extra `langchain`."""

import os
from typing import Any

from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.extras import needed_extra

with needed_extra("langchain", by="LangChain's Embeddings"):
    from langchain_core.embeddings import Embeddings


class BiobertOnnxEmbeddings(Embeddings):
    """Embeds documents and queries, both alike; calls that are awaited at one time are computed together.

    Pickles as the artifact's path and its options.

        embeddings = BiobertOnnxEmbeddings("biobert-v1.1-int8")
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_length: int | None = None,
        threads: int | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> None:
        """Load the artifact in the folder `path`; the options, and what they raise, are SentenceEncoder's."""
        self._encoder = SentenceEncoder(path, max_length=max_length, threads=threads)
        self._options: dict[str, Any] = {
            "normalize_embeddings": normalize_embeddings,
            "truncate_dim": truncate_dim,
            "long_texts": long_texts,
        }

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, of dim numbers; raises as SentenceEncoder.encode."""
        vectors: list[list[float]] = self._encoder.encode(texts, **self._options).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of `text`, of dim numbers; raises as SentenceEncoder.encode."""
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """What `embed_documents` gives; raises as SentenceEncoder.aencode."""
        vectors: list[list[float]] = (await self._encoder.aencode(texts, **self._options)).tolist()
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        """What `embed_query` gives; raises as SentenceEncoder.aencode."""
        return (await self.aembed_documents([text]))[0]
