"""MPNet's bias of relative positions: each head adds a number to a score, by how far the key is from the query.

Distances are put into 32 groups (Raffel et al. 2020, arXiv 1910.10683, section 2.1): 16 for keys before the query and
16 behind it; 8 of each 16 are the distances 0 to 7, the others grow up to 128 in equal steps of the logarithm.
"""

import math

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.plan import ATTENTION_BIAS
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.config import RELATIVE_BUCKETS
from biobert_onnx_export.checkpoint.tensors import RELATIVE_BIAS
from biobert_onnx_export.graph.writer import GraphWriter

FARTHEST = 128
"""Distances from this one on are one group: `relative_position_bucket` of transformers' MPNetEncoder."""


def relative_buckets(distances: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the group of each distance, query - key: 0 to 31.

    The logarithm is taken in float32 as in PyTorch, which decides the group where it is a whole number of steps.

    >>> relative_buckets(np.array([-200, -1, 0, 1, 7, 8, 16, 200])).tolist()
    [31, 17, 0, 1, 7, 8, 10, 15]
    """
    half = RELATIVE_BUCKETS // 2
    exact = half // 2
    behind, far = np.where(distances < 0, half, 0), np.abs(distances)
    steps = np.log(np.maximum(far, exact).astype(np.float32) / np.float32(exact))
    steps = steps / np.float32(math.log(FARTHEST / exact)) * np.float32(half - exact)
    grown = np.minimum(exact + steps.astype(np.int64), half - 1)
    buckets: NDArray[np.int64] = behind + np.where(far < exact, far, grown)
    return buckets


def attention_bias(checkpoint: Checkpoint) -> FloatArray:
    """Return the bias of each head by query - key + positions - 1, (heads, 2 * positions - 1) float32."""
    positions = checkpoint.geometry.positions
    buckets = relative_buckets(np.arange(1 - positions, positions))
    return np.ascontiguousarray(checkpoint.tensors[RELATIVE_BIAS][buckets].T)


def write_attention_bias(graph: GraphWriter, attended: str, checkpoint: Checkpoint) -> str:
    """Add the bias (1, heads, tokens, tokens) of the tokens in `attended`, (batch, tokens, dim); returns its name."""
    name, table = "attention_bias", graph.constant(ATTENTION_BIAS, attention_bias(checkpoint))
    zero, one = graph.constant("zero_int64", np.int64(0)), graph.constant("one_int64", np.int64(1))
    tokens = graph.node("Shape", [attended], f"{name}.tokens", start=1, end=2)
    count = graph.node("Squeeze", [tokens], f"{name}.count")
    keys = graph.node("Range", [zero, count, one], f"{name}.keys")
    queries = graph.node("Unsqueeze", [keys, graph.integers("axis_1", 1)], f"{name}.queries")
    distance = graph.node("Sub", [queries, keys], f"{name}.distance")
    least = graph.constant(f"{name}.least", np.int64(checkpoint.geometry.positions - 1))
    index = graph.node("Add", [distance, least], f"{name}.index")
    by_head = graph.node("Gather", [table, index], f"{name}.by_head", axis=1)
    return graph.node("Unsqueeze", [by_head, graph.integers("axis_0", 0)], name)
