"""Pooling written into a graph: from hidden states to one vector for each text."""

import numpy as np
from onnx import TensorProto, numpy_helper

from biobert_onnx_export.graph.bert import Network

SMALLEST_COUNT = 1e-9
"""The smallest number of tokens to divide by, as in sentence-transformers' mean pooling."""


def mean_of_all(network: Network, hidden: str, tokens: str) -> str:
    """Add the mean of `hidden` (batch, tokens, dim) over all tokens; `tokens` (1,) is their number."""
    graph = network.graph
    shape = graph.node("Concat", [graph.integers("one_one", 1, 1), tokens], "pooled.row_shape", axis=0)
    one = numpy_helper.from_array(np.ones(1, dtype=np.float32))
    weights = graph.node("ConstantOfShape", [shape], "pooled.row", value=one)
    count = graph.node("Cast", [tokens], "pooled.count", to=TensorProto.FLOAT)
    return _weighted_mean(network, hidden, weights, count)


def mean_of_unmasked(network: Network, hidden: str) -> str:
    """Add the mean of `hidden` (batch, tokens, dim) over the tokens whose attention_mask is 1."""
    graph = network.graph
    mask = graph.node("Cast", ["attention_mask"], "pooled.mask", to=TensorProto.FLOAT)
    weights = graph.node("Unsqueeze", [mask, graph.integers("axis_1", 1)], "pooled.row")
    total = graph.node("ReduceSum", [mask, graph.integers("axis_1", 1)], "pooled.mask_sum", keepdims=1)
    smallest = graph.constant("pooled.smallest_count", np.float32(SMALLEST_COUNT))
    return _weighted_mean(network, hidden, weights, graph.node("Max", [total, smallest], "pooled.count"))


def first_token(network: Network, hidden: str, pooling: str) -> str:
    """Add the vector of [CLS], (batch, dim), for `pooling` cls; for pooler also BERT's pooler on it."""
    vector = network.graph.node("Gather", [hidden, network.graph.constant("first", np.int64(0))], "pooled.cls", axis=1)
    return vector if pooling == "cls" else _pooler(network, vector)


def finish(network: Network, pooled: str, output: str) -> None:
    """Add the graph's `output`: the `pooled` vectors, at unit length if the checkpoint has a Normalize module."""
    if network.checkpoint.modules.normalized:
        network.graph.node("LpNormalization", [pooled], output, axis=-1, p=2)
    else:
        network.graph.node("Identity", [pooled], output)


def _weighted_mean(network: Network, hidden: str, weights: str, count: str) -> str:
    """Add `weights` (batch or 1, 1, tokens) times the hidden states, divided by `count`.

    A product, not ReduceMean: ReduceMean takes another kernel for a batch of one text, and the bits change.
    """
    graph = network.graph
    total = graph.node("MatMul", [weights, hidden], "pooled.total")
    flat = graph.node("Squeeze", [total, graph.integers("axis_1", 1)], "pooled.flat")
    return graph.node("Div", [flat, count], "pooled.mean")


def _pooler(network: Network, vector: str) -> str:
    """Add tanh(W vector + b), with a separate product for each text.

    In one product for all texts, a batch of one text would take onnxruntime's vector kernel, and the bits would change.
    """
    graph = network.graph
    column = graph.node("Unsqueeze", [vector, graph.integers("last_axis", -1)], "pooler.column")
    product = graph.node("MatMul", [network.tensor("pooler.dense.weight"), column], "pooler.product")
    flat = graph.node("Squeeze", [product, graph.integers("last_axis", -1)], "pooler.flat")
    total = graph.node("Add", [flat, network.tensor("pooler.dense.bias")], "pooler.sum")
    return graph.node("Tanh", [total], "pooler.tanh")
