"""Export of a checkpoint to a measured artifact (extra `export`: torch, transformers, onnx and others).

`pipeline.py` lists the steps; each folder is one of them and says what comes in and what goes out. A folder imports the
runtime, `errors.py` and folders that come earlier in this list: checkpoint, reference, graph, quantize, gate, publish.
"""

from biobert_onnx_export.errors import CheckpointError, FidelityError
from biobert_onnx_export.pipeline import export
from biobert_onnx_export.publish.conversion import convert

__all__ = ["CheckpointError", "FidelityError", "convert", "export"]
