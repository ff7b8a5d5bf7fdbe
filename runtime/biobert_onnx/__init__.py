"""Sentence embeddings from a quantized BERT graph, on CPUs, with numpy, onnxruntime and tokenizers only."""

from biobert_onnx.artifact import ArtifactError, Manifest
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.version import __version__

__all__ = ["ArtifactError", "Manifest", "SentenceEncoder", "__version__"]
