"""From a BERT checkpoint to a measured artifact (extra `export`: torch, transformers, optimum, onnx)."""

from biobert_onnx_export.errors import CheckpointError, FidelityError
from biobert_onnx_export.pipeline import export

__all__ = ["CheckpointError", "FidelityError", "export"]
