"""Vectors of token ids, computed with the runtime's own micro-batches, and pooling in numpy."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.micro_batches import run_micro_batches
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.pooling import modes

RunBatch = Callable[[NDArray[np.int64]], FloatArray]
"""A function from input_ids (texts, tokens) int64, all texts of one length, to vectors (texts, dim) float32."""


def vectors_of(run: RunBatch, token_ids: TokenIds, *, dim: int) -> FloatArray:
    """Compute the vectors of `token_ids`, (texts, dim) float32, on every CPU that this process may use."""
    out = np.empty((len(token_ids), dim), dtype=np.float32)
    batches = run_micro_batches(lambda ids, *others: run(ids), token_ids, out=out, threads=usable_cpus())
    for _ in batches:
        pass
    return out


def pool(hidden: FloatArray, checkpoint: Checkpoint, pooling: str) -> FloatArray:
    """Pool the last layer's output `hidden` (texts, tokens, dim), without padding, to vectors (texts, dim).

    The formulas are those of sentence-transformers' Pooling; several modes are concatenated in their order.
    """
    parts = [_POOLED[mode](hidden, checkpoint) for mode in modes(pooling)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _mean(hidden: FloatArray, checkpoint: Checkpoint) -> FloatArray:
    mean: FloatArray = hidden.mean(axis=1)
    return mean


def _mean_sqrt_len_tokens(hidden: FloatArray, checkpoint: Checkpoint) -> FloatArray:
    """The sum over the square root of the number of tokens."""
    vectors: FloatArray = hidden.sum(axis=1) / np.sqrt(np.float32(hidden.shape[1]))
    return vectors


def _weightedmean(hidden: FloatArray, checkpoint: Checkpoint) -> FloatArray:
    """The mean with the weights 1, 2, 3 and so on (Muennighoff 2022, arXiv 2202.08904)."""
    weights = np.arange(1, hidden.shape[1] + 1, dtype=np.float32)
    vectors: FloatArray = (hidden * weights[:, None]).sum(axis=1) / weights.sum()
    return vectors


def _max(hidden: FloatArray, checkpoint: Checkpoint) -> FloatArray:
    greatest: FloatArray = hidden.max(axis=1)
    return greatest


def _cls(hidden: FloatArray, checkpoint: Checkpoint) -> FloatArray:
    return hidden[:, 0].copy()


def _pooler(hidden: FloatArray, checkpoint: Checkpoint) -> FloatArray:
    weight, bias = checkpoint.tensors["pooler.dense.weight"], checkpoint.tensors["pooler.dense.bias"]
    vectors: FloatArray = np.tanh(hidden[:, 0] @ weight.T + bias)
    return vectors


_POOLED: Mapping[str, Callable[[FloatArray, Checkpoint], FloatArray]] = {
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt_len_tokens,
    "weightedmean": _weightedmean,
    "max": _max,
    "cls": _cls,
    "pooler": _pooler,
}


def relative_difference(found: FloatArray, expected: FloatArray) -> float:
    """Return the largest difference relative to the largest component of `expected`; nan if that is zero.

    >>> relative_difference(np.array([[1.0, 4.5]], np.float32), np.array([[1.0, 4.0]], np.float32))
    0.125
    """
    difference, largest = float(np.abs(found - expected).max()), float(np.abs(expected).max())
    return difference / largest if largest else float("nan")
