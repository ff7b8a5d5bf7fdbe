"""Sentence embeddings of BERT and related encoders, on CPUs, with numpy, onnxruntime and tokenizers only."""

from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.embeddings import embedding_ranges, quantize_embeddings, similarity
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.token_vectors import TokenEmbeddings
from biobert_onnx.errors import ArtifactError, EngineWarning, TextTooLongError, TruncationWarning
from biobert_onnx.version import __version__

__all__ = [
    "ArtifactError",
    "EngineWarning",
    "Manifest",
    "SentenceEncoder",
    "TextTooLongError",
    "TokenEmbeddings",
    "TruncationWarning",
    "__version__",
    "embedding_ranges",
    "quantize_embeddings",
    "similarity",
]
