"""Pooling written into a graph: from hidden states to one vector for each text.

The formulas are those of sentence-transformers' Pooling. A text's vector has the same bits in any batch, so a sum over
tokens is a product: ReduceSum and ReduceMean take another kernel for a batch of one text, and the bits change. Where
ReduceSum adds small whole numbers, and in ReduceMax, no bit depends on the order.
"""

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
from onnx import TensorProto, numpy_helper

from biobert_onnx_export.checkpoint.pooling import modes
from biobert_onnx_export.graph.after_pooling import write_product
from biobert_onnx_export.graph.network import Network

SMALLEST_COUNT = 1e-9
"""The smallest number of tokens, or sum of weights, to divide by, as in sentence-transformers."""


def write_pooling(network: Network, hidden: str, tokens: str, pooling: str) -> str:
    """Add the vectors (batch, dim) of `hidden` (batch, tokens, dim) by `pooling`; several modes are concatenated.

    `tokens` (1,) is the length of the batch's texts. In a masked graph, tokens whose attention_mask is 0 do not count.
    """
    modes_of_pooling = modes(pooling)
    writer = PoolingWriter(network, hidden, tokens)
    vectors = {mode: WRITERS[mode](writer) for mode in dict.fromkeys(modes_of_pooling)}
    if len(modes_of_pooling) == 1:
        return vectors[pooling]
    return network.graph.node("Concat", [vectors[mode] for mode in modes_of_pooling], "pooled.concatenated", axis=-1)


class PoolingWriter:
    """Writes modes of pooling of the same hidden states; values that several modes need are written once."""

    def __init__(self, network: Network, hidden: str, tokens: str) -> None:
        """Start with the `hidden` states (batch, tokens, dim) of texts whose length is `tokens` (1,)."""
        self._network = network
        self._graph = network.graph
        self._hidden = hidden
        self._tokens = tokens

    def mean(self) -> str:
        """Add the mean."""
        return self._graph.node("Div", [*self._total_and_count], "pooled.mean")

    def mean_sqrt_len_tokens(self) -> str:
        """Add the sum over the square root of the number of tokens."""
        total, count = self._total_and_count
        root = self._graph.node("Sqrt", [count], "pooled.count_root")
        return self._graph.node("Div", [total, root], "pooled.mean_sqrt_len_tokens")

    def weightedmean(self) -> str:
        """Add the mean with the weights 1, 2, 3 and so on, by the place of the token."""
        graph = self._graph
        if self._network.masked:
            unmasked = graph.node("Mul", [self._mask, self._places], "weightedmean.unmasked")
            weights = graph.node("Unsqueeze", [unmasked, graph.integers("axis_1", 1)], "weightedmean.weights")
        else:
            axes = graph.integers("axes_0_1", 0, 1)
            weights = graph.node("Unsqueeze", [self._places, axes], "weightedmean.weights")
        last_axis = graph.integers("last_axis", -1)
        weight_sum = graph.node("ReduceSum", [weights, last_axis], "weightedmean.weight_sum", keepdims=0)
        total = self._sum(weights, "weightedmean")
        return graph.node("Div", [total, self._at_least_smallest(weight_sum, "weightedmean")], "weightedmean.mean")

    def max(self) -> str:
        """Add the greatest value of each channel."""
        graph, hidden = self._graph, self._hidden
        if self._network.masked:
            mask = graph.node("Cast", ["attention_mask"], "max.mask", to=TensorProto.BOOL)
            column = graph.node("Unsqueeze", [mask, graph.integers("last_axis", -1)], "max.column")
            least = graph.constant("max.least", np.float32(-np.inf))
            hidden = graph.node("Where", [column, hidden, least], "max.unmasked")
        return graph.node("ReduceMax", [hidden, graph.integers("axis_1", 1)], "pooled.max", keepdims=0)

    def cls(self) -> str:
        """Add the hidden state of [CLS]."""
        return self._first

    def pooler(self) -> str:
        """Add BERT's pooler: tanh(W [CLS] + b)."""
        tensors = self._network.checkpoint.tensors
        weight, bias = tensors["pooler.dense.weight"], tensors["pooler.dense.bias"]
        total = write_product(self._graph, self._first, "pooler", matrix="pooler.dense", weight=weight, bias=bias)
        return self._graph.node("Tanh", [total], "pooler.tanh")

    @cached_property
    def _first(self) -> str:
        first = self._graph.constant("first", np.int64(0))
        return self._graph.node("Gather", [self._hidden, first], "pooled.cls", axis=1)

    @cached_property
    def _total_and_count(self) -> tuple[str, str]:
        """Add the sum (batch, dim) over the tokens that count, and their number (batch or 1, 1 or nothing)."""
        weights, count = self._mask_and_count() if self._network.masked else self._ones_and_count()
        return self._sum(weights, "pooled"), count

    def _ones_and_count(self) -> tuple[str, str]:
        graph = self._graph
        shape = graph.node("Concat", [graph.integers("one_one", 1, 1), self._tokens], "pooled.row_shape", axis=0)
        one = numpy_helper.from_array(np.ones(1, dtype=np.float32))
        weights = graph.node("ConstantOfShape", [shape], "pooled.row", value=one)
        return weights, graph.node("Cast", [self._tokens], "pooled.count", to=TensorProto.FLOAT)

    def _mask_and_count(self) -> tuple[str, str]:
        graph, mask = self._graph, self._mask
        weights = graph.node("Unsqueeze", [mask, graph.integers("axis_1", 1)], "pooled.row")
        total = graph.node("ReduceSum", [mask, graph.integers("axis_1", 1)], "pooled.mask_sum", keepdims=1)
        return weights, self._at_least_smallest(total, "pooled")

    @cached_property
    def _mask(self) -> str:
        """Add the attention_mask (batch, tokens) in float32."""
        return self._graph.node("Cast", ["attention_mask"], "pooled.mask", to=TensorProto.FLOAT)

    @cached_property
    def _places(self) -> str:
        """Add the numbers 1, 2, 3 and so on, (tokens,) float32."""
        graph, one = self._graph, self._graph.constant("one_int64", np.int64(1))
        last = graph.node("Squeeze", [self._tokens], "weightedmean.last")
        end = graph.node("Add", [last, one], "weightedmean.end")
        numbers = graph.node("Range", [one, end, one], "weightedmean.numbers")
        return graph.node("Cast", [numbers], "weightedmean.places", to=TensorProto.FLOAT)

    def _sum(self, weights: str, name: str) -> str:
        """Add `weights` (batch or 1, 1, tokens) times the hidden states, (batch, dim)."""
        total = self._graph.node("MatMul", [weights, self._hidden], f"{name}.total")
        return self._graph.node("Squeeze", [total, self._graph.integers("axis_1", 1)], f"{name}.flat")

    def _at_least_smallest(self, total: str, name: str) -> str:
        """Add the divisor that `total` is, kept from zero: all tokens of a text may be masked."""
        if not self._network.masked:
            return total
        smallest = self._graph.constant("pooled.smallest_count", np.float32(SMALLEST_COUNT))
        return self._graph.node("Max", [total, smallest], f"{name}.count")


WRITERS: Mapping[str, Callable[[PoolingWriter], str]] = {
    "mean": PoolingWriter.mean,
    "mean_sqrt_len_tokens": PoolingWriter.mean_sqrt_len_tokens,
    "weightedmean": PoolingWriter.weightedmean,
    "max": PoolingWriter.max,
    "cls": PoolingWriter.cls,
    "pooler": PoolingWriter.pooler,
}
"""How each mode is written."""
