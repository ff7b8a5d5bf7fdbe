"""LangChain's `Embeddings` on an artifact: the extra `langchain`."""

from dataclasses import dataclass

from biobert_onnx._extras import requires_extra
from biobert_onnx.integrations.parameters import EncoderParameters

with requires_extra("langchain", by="LangChain's Embeddings"):
    from langchain_core.embeddings import Embeddings


@dataclass(eq=False)
class BiobertOnnxEmbeddings(EncoderParameters, Embeddings):
    """Embeds documents and queries, both alike; calls that are awaited at one time are computed together.

    Its parameters are SentenceEncoder's options. It pickles as the artifact's path and these.

        embeddings = BiobertOnnxEmbeddings("biobert-v1.1-int8")
    """

    def __post_init__(self) -> None:
        """Load the artifact; raises as SentenceEncoder."""
        self._encoder = self._loaded()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, of dim numbers; raises as SentenceEncoder.encode."""
        return list(self._encoder.encode(texts, **self._options()).tolist())

    def embed_query(self, text: str) -> list[float]:
        """The vector of `text`, of dim numbers; raises as SentenceEncoder.encode."""
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """What `embed_documents` gives; raises as SentenceEncoder.aencode."""
        return list((await self._encoder.aencode(texts, **self._options())).tolist())

    async def aembed_query(self, text: str) -> list[float]:
        """What `embed_query` gives; raises as SentenceEncoder.aencode."""
        return (await self.aembed_documents([text]))[0]
