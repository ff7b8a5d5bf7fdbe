"""Haystack's text and document embedders on an artifact: the extra `haystack`."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Self

from biobert_onnx._extras import requires_extra
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.integrations.parameters import EncoderParameters, encode_options

with requires_extra("haystack", by="a Haystack embedder"):
    from haystack import Document, component, default_from_dict, default_to_dict


class _Embedder(EncoderParameters):
    """A component with parameters that serialize, and an encoder that `warm_up` loads."""

    def warm_up(self) -> None:
        """Load the artifact; `run` does it if nobody has. Raises what SentenceEncoder raises."""
        self._encoder.encode([])

    def to_dict(self) -> dict[str, Any]:
        """Return the component's type and parameters."""
        data: dict[str, Any] = default_to_dict(self, **asdict(self) | {"path": os.fspath(self.path)})
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the component of which `to_dict` made `data`."""
        made: Self = default_from_dict(cls, data)
        return made

    @cached_property
    def _encoder(self) -> SentenceEncoder:
        return self._open_encoder()


@component
class BiobertOnnxTextEmbedder(_Embedder):
    """Embeds one text as a query, by `encode_query`. Its parameters are the encoder's options.

    embedder = BiobertOnnxTextEmbedder("biobert-v1.1-int8")
    """

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, Any]:
        """Return the vector of `text` as "embedding"; raises what SentenceEncoder.encode raises."""
        return {"embedding": self._encoder.encode_query([text], **encode_options(self))[0].tolist()}

    @component.output_types(embedding=list[float])
    async def run_async(self, text: str) -> dict[str, Any]:
        """Return what `run` does; calls that are awaited at the same time are computed together."""
        vectors = await self._encoder.aencode_query([text], **encode_options(self))
        return {"embedding": vectors[0].tolist()}


@component
@dataclass(eq=False, kw_only=True)
class BiobertOnnxDocumentEmbedder(_Embedder):
    """Embeds documents, by `encode_document`: the values of their `meta_fields_to_embed`, and their content.

    Its other parameters are the encoder's options.

    embedder = BiobertOnnxDocumentEmbedder("biobert-v1.1-int8")
    """

    meta_fields_to_embed: Sequence[str] = ()
    embedding_separator: str = "\n"

    def __post_init__(self) -> None:
        """Put the fields' names into a list: YAML has no tuples."""
        self.meta_fields_to_embed = list(self.meta_fields_to_embed)

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Return copies of `documents` with their vectors as "documents"; raises what SentenceEncoder.encode raises."""
        vectors = self._encoder.encode_document(self._texts(documents), **encode_options(self))
        return _with_vectors(documents, vectors.tolist())

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """Return what `run` does; calls that are awaited at the same time are computed together."""
        vectors = await self._encoder.aencode_document(self._texts(documents), **encode_options(self))
        return _with_vectors(documents, vectors.tolist())

    def _texts(self, documents: list[Document]) -> list[str]:
        return [self._text(document) for document in documents]

    def _text(self, document: Document) -> str:
        values = [document.meta.get(name) for name in self.meta_fields_to_embed]
        parts = [str(value) for value in values if value is not None]
        return self.embedding_separator.join([*parts, document.content or ""])


def _with_vectors(documents: list[Document], vectors: list[list[float]]) -> dict[str, Any]:
    pairs = zip(documents, vectors, strict=True)
    return {"documents": [replace(document, embedding=vector) for document, vector in pairs]}
