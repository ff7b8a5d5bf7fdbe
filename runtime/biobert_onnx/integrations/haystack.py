"""Haystack's text and document embedders on an artifact: the extra `haystack`."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Self

from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.extras import needed_extra

with needed_extra("haystack", by="a Haystack embedder"):
    from haystack import Document, component, default_from_dict, default_to_dict


class _Embedder:
    """What both components are: parameters that serialize, and an encoder that `warm_up` loads."""

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
        """Keep the artifact's folder `path` and the options, which are SentenceEncoder's."""
        self._loading: dict[str, Any] = {"path": os.fspath(path), "max_length": max_length, "threads": threads}
        self._encoding: dict[str, Any] = {
            "normalize_embeddings": normalize_embeddings,
            "truncate_dim": truncate_dim,
            "long_texts": long_texts,
        }
        self._joining: dict[str, Any] = {}

    def warm_up(self) -> None:
        """Load the artifact, which `run` does where nobody has; raises as SentenceEncoder."""
        self._vectors([])

    def to_dict(self) -> dict[str, Any]:
        """The component's type and parameters."""
        data: dict[str, Any] = default_to_dict(self, **self._loading, **self._encoding, **self._joining)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The component that `to_dict` made `data` of."""
        made: Self = default_from_dict(cls, data)
        return made

    @cached_property
    def _encoder(self) -> SentenceEncoder:
        return SentenceEncoder(**self._loading)

    def _vectors(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._encoder.encode(texts, **self._encoding).tolist()
        return vectors

    async def _awaited_vectors(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = (await self._encoder.aencode(texts, **self._encoding)).tolist()
        return vectors


@component
class BiobertOnnxTextEmbedder(_Embedder):
    """Embeds one text, as a query.

    embedder = BiobertOnnxTextEmbedder("biobert-v1.1-int8")
    """

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, Any]:
        """The vector of `text`, as "embedding"; raises as SentenceEncoder.encode."""
        return {"embedding": self._vectors([text])[0]}

    @component.output_types(embedding=list[float])
    async def run_async(self, text: str) -> dict[str, Any]:
        """What `run` gives; calls that are awaited at one time are computed together."""
        return {"embedding": (await self._awaited_vectors([text]))[0]}


@component
class BiobertOnnxDocumentEmbedder(_Embedder):
    """Embeds documents: the values of `meta_fields_to_embed` that a document has, and its content.

    embedder = BiobertOnnxDocumentEmbedder("biobert-v1.1-int8")
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
        meta_fields_to_embed: Sequence[str] = (),
        embedding_separator: str = "\n",
    ) -> None:
        """Keep the artifact's folder `path` and the options, SentenceEncoder's but for the last two."""
        _Embedder.__init__(  # not super(): the decorator makes the class anew, and super() knows the old one only
            self,
            path,
            max_length=max_length,
            threads=threads,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
            long_texts=long_texts,
        )
        self._joining = {"meta_fields_to_embed": list(meta_fields_to_embed), "embedding_separator": embedding_separator}

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Copies of `documents` that have their vectors, as "documents"; raises as SentenceEncoder.encode."""
        return _with_vectors(documents, self._vectors(self._texts(documents)))

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """What `run` gives; calls that are awaited at one time are computed together."""
        return _with_vectors(documents, await self._awaited_vectors(self._texts(documents)))

    def _texts(self, documents: list[Document]) -> list[str]:
        return [self._text(document) for document in documents]

    def _text(self, document: Document) -> str:
        values = [document.meta.get(name) for name in self._joining["meta_fields_to_embed"]]
        parts = [str(value) for value in values if value is not None]
        return str(self._joining["embedding_separator"]).join([*parts, document.content or ""])


def _with_vectors(documents: list[Document], vectors: list[list[float]]) -> dict[str, Any]:
    pairs = zip(documents, vectors, strict=True)
    return {"documents": [replace(document, embedding=vector) for document, vector in pairs]}
