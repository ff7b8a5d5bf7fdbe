"""In: a checkpoint and a `Plan`. Out: ONNX files: encoder.onnx, model.onnx and tokens.onnx on one model.onnx_data.

An int8 plan gives a plan.json as well: what the kernels read in place of the graph.

Imports `checkpoint/`; imported by `quantize/`, `gate/`, `publish/` and `pipeline.py`.
"""
