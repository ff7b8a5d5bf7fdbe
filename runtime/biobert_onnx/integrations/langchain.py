"""LangChain's `Embeddings` on an artifact: the extra `langchain`."""

import os
from functools import partial

from biobert_onnx.encoder import SentenceEncoder

try:
    from langchain_core.embeddings import Embeddings
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"LangChain's Embeddings need the extra 'langchain' ({error.name} is missing): "
        "pip install 'biobert-onnx[langchain]'"
    ) from error


class BiobertOnnxEmbeddings(Embeddings):
    """Embeds documents and queries, both alike; the asynchronous calls do it in LangChain's threads.

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
        self._encode = partial(
            SentenceEncoder(path, max_length=max_length, threads=threads).encode,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
            long_texts=long_texts,
        )

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, of dim numbers; raises as SentenceEncoder.encode."""
        vectors: list[list[float]] = self._encode(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of `text`, of dim numbers; raises as SentenceEncoder.encode."""
        return self.embed_documents([text])[0]
