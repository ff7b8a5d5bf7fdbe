"""LangChain's `Embeddings` on an artifact: the extra `langchain`."""

from dataclasses import dataclass

from biobert_onnx._extras import requires_extra
from biobert_onnx.integrations.parameters import EncoderParameters, encode_options

with requires_extra("langchain", by="LangChain's Embeddings"):
    from langchain_core.embeddings import Embeddings


@dataclass(eq=False)
class BiobertOnnxEmbeddings(EncoderParameters, Embeddings):
    """Embeds documents by `encode_document` and queries by `encode_query`, each with its own prompt if there is one.

    Calls that are awaited at the same time are computed together.
    Its parameters are the encoder's options. It pickles as the artifact's path, these options and the engine.

        embeddings = BiobertOnnxEmbeddings("biobert-v1.1-int8")
    """

    def __post_init__(self) -> None:
        """Load the artifact; raises what SentenceEncoder raises."""
        self._encoder = self._open_encoder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text, of dim numbers; raises what SentenceEncoder.encode raises."""
        return list(self._encoder.encode_document(texts, **encode_options(self)).tolist())

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of `text`, of dim numbers; raises what SentenceEncoder.encode raises."""
        return list(self._encoder.encode_query([text], **encode_options(self))[0].tolist())

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return what `embed_documents` does; raises what SentenceEncoder.aencode raises."""
        return list((await self._encoder.aencode_document(texts, **encode_options(self))).tolist())

    async def aembed_query(self, text: str) -> list[float]:
        """Return what `embed_query` does; raises what SentenceEncoder.aencode raises."""
        return list((await self._encoder.aencode_query([text], **encode_options(self)))[0].tolist())
