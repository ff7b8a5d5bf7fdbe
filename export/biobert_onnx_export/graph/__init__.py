"""A checkpoint and a plan in, ONNX files out: encoder.onnx, model.onnx and the weights.bin that both map.

May import `checkpoint/` and `reference/`.
"""
