"""In: a checkpoint and a `Plan`. Out: ONNX files, namely encoder.onnx and model.onnx on one model.onnx_data.

Imports `checkpoint/` and `reference/`; imported by `quantize/`, `gate/`, `publish/` and `pipeline.py`.
"""
