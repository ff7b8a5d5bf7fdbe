"""The modules after pooling, in numpy: Dense, LayerNorm and Normalize as sentence-transformers computes them."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.embeddings import scale_to_unit_length
from biobert_onnx_export.checkpoint.sentence_modules import LAYER_NORM_EPSILON, Dense, LayerNorm, SentenceModule

LEAKY_SLOPE = 0.01
"""The slope of torch.nn.LeakyReLU below zero, its default."""


def apply(modules: Sequence[SentenceModule], vectors: FloatArray) -> FloatArray:
    """Return what `modules` make of `vectors`, (texts, dim) float32; `vectors` may be overwritten."""
    for module in modules:
        if isinstance(module, Dense):
            vectors = _dense(module, vectors)
        elif isinstance(module, LayerNorm):
            vectors = _layer_norm(module, vectors)
        else:
            scale_to_unit_length(vectors)
    return vectors


def _dense(module: Dense, vectors: FloatArray) -> FloatArray:
    product = vectors @ module.weight.T
    return _ACTIVATIONS[module.activation](product if module.bias is None else product + module.bias)


def _layer_norm(module: LayerNorm, vectors: FloatArray) -> FloatArray:
    deviation = vectors - vectors.mean(axis=1, keepdims=True)
    variance = np.square(deviation).mean(axis=1, keepdims=True)
    normalized: FloatArray = deviation / np.sqrt(variance + np.float32(LAYER_NORM_EPSILON))
    return normalized * module.weight + module.bias


def _gelu(x: FloatArray) -> FloatArray:
    """GELU with the exact error function: x/2 * (1 + erf(x / sqrt(2)))."""
    erf = np.vectorize(math.erf, otypes=[np.float32])(x / np.float32(math.sqrt(2)))
    active: FloatArray = x * np.float32(0.5) * (1 + erf)
    return active


def _leaky_relu(x: FloatArray) -> FloatArray:
    return np.where(x < 0, x * np.float32(LEAKY_SLOPE), x)


def _sigmoid(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), by way of tanh, which does not overflow."""
    active: FloatArray = np.float32(0.5) * (1 + np.tanh(x * np.float32(0.5)))
    return active


_ACTIVATIONS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "Identity": lambda x: x,
    "Tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, np.float32(0)),
    "LeakyReLU": _leaky_relu,
    "GELU": _gelu,
    "Sigmoid": _sigmoid,
}
