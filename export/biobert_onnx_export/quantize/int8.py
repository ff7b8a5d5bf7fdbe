"""int8 weights, and uint8 activations on one static scale.

- Weights: int8, symmetric, one scale for each output column, bounded in pairs (`column_scales`), rounded by GPTQ.
- Bias correction (Nagel et al. 2019, arXiv 1906.04721): rounding the weights shifts each output by mean(x) times the
  rounding error; the bias takes it back (`int8_matrix`).
- Activations: uint8, with the scale and zero point that map the calibrated range to 0..255 (`static_scale`).
"""

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx_export.graph.matmul import FloatMatrix, Int8Matrix
from biobert_onnx_export.quantize.calibration import InputStatistics
from biobert_onnx_export.quantize.gptq import LARGEST_INTEGER, round_columns

WEIGHT_BITS = 8

UINT8_STEPS = 255
"""Steps between the smallest and the largest uint8."""

SMALLEST_MAGNITUDE = 1e-5
"""The smallest magnitude that a scale is made from: a dead channel must not lead to a division by zero."""


def int8_matrix(matrix: FloatMatrix, inputs: InputStatistics) -> Int8Matrix:
    """Quantize `matrix`, whose inputs are as `inputs` say."""
    scale = column_scales(matrix.weight)
    weight = round_columns(matrix.weight, scale, inputs.moments)
    shift = inputs.mean @ (matrix.weight - weight * scale)
    return Int8Matrix(weight=weight, scale=scale, bias=(matrix.bias + shift).astype(np.float32))


def column_scales(weight: FloatArray) -> FloatArray:
    """Return the step of the integers of each column of `weight` (inputs, outputs): (outputs,) float32.

    On x86-64 without VNNI, onnxruntime's uint8 x int8 kernel adds the products of inputs 2i and 2i + 1 in 16 bits and
    saturates at 32,767, where 255 * (127 + 127) is 64,770. So each column's scale also keeps every such pair's sum of
    one sign within 127 before rounding, which is at most 128 after it, and 255 * 128 = 32,640 fits: no input can
    saturate, and every CPU computes the same integers.

    >>> column_scales(np.array([[1.0], [0.5], [-1.0]], dtype=np.float32)) * 127
    array([1.5], dtype=float32)
    """
    even, odd = weight[0::2], weight[1::2]
    odd = np.vstack([odd, np.zeros_like(even[len(odd) :])])  # an odd number of inputs: the last one has no partner
    positive = np.maximum(even, 0) + np.maximum(odd, 0)
    negative = np.maximum(-even, 0) + np.maximum(-odd, 0)
    largest = np.maximum(positive, negative).max(axis=0)
    scale: FloatArray = (largest / LARGEST_INTEGER).astype(np.float32)
    return np.where(scale > 0, scale, np.float32(1))


def static_scale(inputs: InputStatistics) -> tuple[float, int]:
    """Return the scale and zero point that map the whole range, and zero, to 0..255."""
    least, greatest = min(0.0, float(inputs.least.min())), max(0.0, float(inputs.greatest.max()))
    scale = max(greatest - least, SMALLEST_MAGNITUDE) / UINT8_STEPS
    return scale, round(-least / scale)
