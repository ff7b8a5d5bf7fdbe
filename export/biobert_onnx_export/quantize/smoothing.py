"""Smoothing (SmoothQuant, Xiao et al. 2022, arXiv 2211.10438): loud channels move from activations into weights.

Channel j of a site's input is divided by max|x_j|^alpha / max|w_j|^(1 - alpha), and input j of its matrices is
multiplied by the same factor. The products stay the same, and the loud channels no longer decide the scale.
"""

from collections.abc import Mapping

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx_export.graph.matmul import FloatMatrix
from biobert_onnx_export.quantize.calibration import InputStatistics
from biobert_onnx_export.quantize.int8 import SMALLEST_MAGNITUDE

ALPHA = 0.6
"""The share of the difficulty that smoothing moves from activations into weights.

With a scale for each token and GPTQ, 0.6 was better than 0.5 and 0.7 on all-MiniLM-L6-v2, and better than 0.7 on the
stand-in of BioBERT's geometry, by mean and least cosine.
"""

Matrices = Mapping[str, FloatMatrix]


def smooth(matrices: Matrices, inputs: InputStatistics) -> tuple[Matrices, InputStatistics, FloatArray]:
    """Return the smoothed matrices, the statistics of the divided input, and the factors (inputs,) that divide it."""
    factors = smoothing_factors(matrices, inputs)
    smoothed = {
        name: FloatMatrix(weight=matrix.weight * factors[:, None], bias=matrix.bias)
        for name, matrix in matrices.items()
    }
    return smoothed, inputs.multiplied(np.reciprocal(factors)), factors


def smoothing_factors(matrices: Matrices, inputs: InputStatistics) -> FloatArray:
    """Compute the factor of each input channel from the largest activation and the largest weight, (inputs,)."""
    weights = np.max([np.abs(matrix.weight).max(axis=1) for matrix in matrices.values()], axis=0)
    magnitude, weights = np.maximum(inputs.magnitude, SMALLEST_MAGNITUDE), np.maximum(weights, SMALLEST_MAGNITUDE)
    factors: FloatArray = (magnitude**ALPHA / weights ** (1 - ALPHA)).astype(np.float32)
    return factors


def divide_outputs(matrix: FloatMatrix, factors: FloatArray) -> FloatMatrix:
    """Return `matrix` with every output divided by its factor, (outputs,)."""
    return FloatMatrix(weight=matrix.weight / factors, bias=matrix.bias / factors)
