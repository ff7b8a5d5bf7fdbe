"""LlamaIndex' `BaseEmbedding` on an artifact: the extra `llama-index`."""

from typing import Any

from biobert_onnx._extras import requires_extra
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.texts import CHUNK_TEXTS
from biobert_onnx.integrations.parameters import encode_options, encoder_options

with requires_extra("llama-index", by="LlamaIndex' BaseEmbedding"):
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.bridge.pydantic import Field, PrivateAttr


class BiobertOnnxEmbedding(BaseEmbedding):
    """Embeds nodes by `encode_document` and queries by `encode_query`, each with its own prompt if there is one.

    Calls that are awaited at the same time are computed together.

    Its fields are the encoder's options; pickles, dictionaries and JSON hold these. `model_name` is the manifest's name
    unless it is given.

        embed_model = BiobertOnnxEmbedding(path="biobert-v1.1-int8")
    """

    path: str = Field(description="The artifact's folder.")
    max_length: int | None = Field(
        default=None, description="Tokens a text is cut to; None takes the manifest's number."
    )
    threads: int | None = Field(default=None, description="Worker threads; None takes one for each usable CPU.")
    engine: str | None = Field(
        default=None, description="What computes: kernels or onnxruntime; None takes the kernels where they can."
    )
    literal_special_tokens: bool = Field(
        default=False, description="Read special tokens that are written in a text as plain text."
    )
    normalize_embeddings: bool = Field(default=False, description="Scale each vector to unit length.")
    truncate_dim: int | None = Field(default=None, description="Keep the first numbers of each vector.")
    long_texts: str = Field(default="truncate", description="Treatment of longer texts: truncate, error or window.")
    embed_batch_size: int = Field(default=CHUNK_TEXTS, description="Texts in one call of the encoder.", gt=0, le=2048)

    _encoder: SentenceEncoder = PrivateAttr()

    @classmethod
    def class_name(cls) -> str:
        """Return the name that serialized components have."""
        return "BiobertOnnxEmbedding"

    def model_post_init(self, context: Any) -> None:
        """Load the artifact; raises what SentenceEncoder raises."""
        super().model_post_init(context)
        self._encoder = SentenceEncoder(self.path, **encoder_options(self))
        if "model_name" not in self.model_fields_set:
            self.model_name = self._encoder.manifest.name

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return list(self._encoder.encode_document(texts, **encode_options(self)).tolist())

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return list(self._encoder.encode_query([query], **encode_options(self))[0].tolist())

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return list((await self._encoder.aencode_document(texts, **encode_options(self))).tolist())

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return list((await self._encoder.aencode_query([query], **encode_options(self)))[0].tolist())
