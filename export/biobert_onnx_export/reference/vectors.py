"""Vectors of token ids, computed with the runtime's own micro-batches, and pooling in numpy."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.micro_batches import run_micro_batches
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint

RunBatch = Callable[[NDArray[np.int64]], FloatArray]
"""A function from input_ids (texts, tokens) int64, all texts of one length, to vectors (texts, dim) float32."""


def vectors_of(run: RunBatch, token_ids: TokenIds, *, dim: int) -> FloatArray:
    """Compute the vectors of `token_ids`, (texts, dim) float32, on every CPU that this process may use."""
    out = np.empty((len(token_ids), dim), dtype=np.float32)
    for _ in run_micro_batches(lambda input_ids, threads: run(input_ids), token_ids, out=out, threads=usable_cpus()):
        pass
    return out


def pool(hidden: FloatArray, checkpoint: Checkpoint, pooling: str) -> FloatArray:
    """Pool the last layer's output `hidden` (texts, tokens, dim), without padding, to vectors (texts, dim)."""
    if pooling == "mean":
        mean: FloatArray = hidden.mean(axis=1)
        return mean
    if pooling == "cls":
        return hidden[:, 0].copy()
    weight, bias = checkpoint.tensors["pooler.dense.weight"], checkpoint.tensors["pooler.dense.bias"]
    vectors: FloatArray = np.tanh(hidden[:, 0] @ weight.T + bias)
    return vectors


def relative_difference(found: FloatArray, expected: FloatArray) -> float:
    """Return the largest difference relative to the largest component of `expected`; nan if that is zero.

    >>> relative_difference(np.array([[1.0, 4.5]], np.float32), np.array([[1.0, 4.0]], np.float32))
    0.125
    """
    difference, largest = float(np.abs(found - expected).max()), float(np.abs(expected).max())
    return difference / largest if largest else float("nan")
