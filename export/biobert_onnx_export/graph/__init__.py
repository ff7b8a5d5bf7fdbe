"""In: a checkpoint and a `Plan`. Out: ONNX files, namely encoder.onnx and model.onnx on one weights.bin.

Imports `checkpoint/` and `reference/`; imported by `quantize/`, `gate/`, `publish/` and `pipeline.py`.
"""
