"""The usual int8 recipe of projects on onnxruntime: transformer fusion, then quantize_dynamic, by default settings."""

import logging
from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model


def write_usual_int8(reference: Path, path: Path, *, heads: int, hidden: int) -> None:
    """Write the float32 graph `reference`, which gives last_hidden_state, to `path`: fused, dynamically quantized."""
    logging.disable(logging.WARNING)  # one line a fusion, one a tensor
    fused = path.with_suffix(".fused.onnx")
    optimize_model(
        str(reference), model_type="bert", num_heads=heads, hidden_size=hidden, opt_level=0
    ).save_model_to_file(str(fused), use_external_data_format=True)
    # onnx cannot infer the types of the outputs of fused operators: 1 declares them float32.
    quantize_dynamic(fused, path, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": 1})
    logging.disable(logging.NOTSET)
