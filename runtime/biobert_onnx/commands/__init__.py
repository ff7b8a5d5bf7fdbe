"""The commands of `biobert-onnx`, one a module: `add` sets up its arguments, `run` does it."""
