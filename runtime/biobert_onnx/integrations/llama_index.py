"""LlamaIndex' `BaseEmbedding` on an artifact: the extra `llama-index`."""

from typing import Any

from biobert_onnx._extras import requires_extra
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.texts import CHUNK_TEXTS as CHUNK

with requires_extra("llama-index", by="LlamaIndex' BaseEmbedding"):
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.bridge.pydantic import Field, PrivateAttr


class BiobertOnnxEmbedding(BaseEmbedding):
    """Embeds nodes and queries, both alike; calls that are awaited at one time are computed together.

    Its fields are SentenceEncoder's options; it pickles, and becomes a dictionary or JSON, as they are. `model_name` is
    the manifest's unless it is given.

        embed_model = BiobertOnnxEmbedding(path="biobert-v1.1-int8")
    """

    path: str = Field(description="The artifact's folder.")
    max_length: int | None = Field(default=None, description="Tokens a text is cut to; None takes the manifest's.")
    threads: int | None = Field(default=None, description="Worker threads; None takes one for each usable CPU.")
    normalize_embeddings: bool = Field(default=False, description="Scale each vector to unit length.")
    truncate_dim: int | None = Field(default=None, description="Keep the first numbers of each vector.")
    long_texts: str = Field(default="truncate", description="What is done with longer texts.")
    embed_batch_size: int = Field(default=CHUNK, description="Texts handed over at a time.", gt=0, le=2048)

    _encoder: SentenceEncoder = PrivateAttr()

    @classmethod
    def class_name(cls) -> str:
        """The name that serialized components are known by."""
        return "BiobertOnnxEmbedding"

    def model_post_init(self, context: Any) -> None:
        """Load the artifact; raises as SentenceEncoder."""
        super().model_post_init(context)
        self._encoder = SentenceEncoder(self.path, max_length=self.max_length, threads=self.threads)
        if "model_name" not in self.model_fields_set:
            self.model_name = self._encoder.manifest.name

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("normalize_embeddings", "truncate_dim", "long_texts")}

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return list(self._encoder.encode(texts, **self._options()).tolist())

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return list((await self._encoder.aencode(texts, **self._options())).tolist())

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await self._aget_text_embedding(query)
