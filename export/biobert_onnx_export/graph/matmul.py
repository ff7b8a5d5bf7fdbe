"""The three ways in which a graph multiplies the input of a site by its matrices: float32, static int8, per-token int8.

A way holds its tensors, and `write` adds its nodes to a graph. A `Plan` names one way for every site.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.plan import LEAST_SCALE, STEPS
from biobert_onnx_export.graph.activation import write_activation
from biobert_onnx_export.graph.writer import MICROSOFT, GraphWriter


@dataclass(frozen=True, kw_only=True)
class FloatMatrix:
    """`weight` (inputs, outputs) and `bias` (outputs,), float32."""

    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, kw_only=True)
class Int8Matrix:
    """`weight` (inputs, outputs) int8, one float32 `scale` for each output column, and `bias` (outputs,) float32."""

    weight: NDArray[np.int8]
    scale: FloatArray
    bias: FloatArray


Matrix = TypeVar("Matrix", FloatMatrix, Int8Matrix)


@dataclass(frozen=True, kw_only=True)
class Products(ABC, Generic[Matrix]):
    """One way to multiply the input of a site by each of its `matrices`, which have the checkpoint's names."""

    matrices: Mapping[str, Matrix]

    @abstractmethod
    def write(self, graph: GraphWriter, site: str, x: str) -> list[str]:
        """Add the products of `x` to `graph`; returns their names in the order of `matrices`."""

    def only(self, names: Iterable[str]) -> Self:
        """Return the same way for the matrices called `names` alone."""
        return replace(self, matrices={name: self.matrices[name] for name in names})


@dataclass(frozen=True, kw_only=True)
class FloatProducts(Products[FloatMatrix]):
    """float32 products: x @ weight + bias."""

    def write(self, graph: GraphWriter, site: str, x: str) -> list[str]:
        """Add the products of `x` to `graph`; returns their names in the order of `matrices`."""
        outputs = []
        for name, matrix in self.matrices.items():
            weight = graph.constant(f"{name}.weight", matrix.weight)
            product = graph.node("MatMul", [x, weight], f"{name}.product")
            outputs.append(graph.node("Add", [product, graph.constant(f"{name}.bias", matrix.bias)], name))
        return outputs


@dataclass(frozen=True, kw_only=True)
class StaticProducts(Products[Int8Matrix]):
    """int8 products of uint8 activations that share one calibrated `scale` and `zero_point`.

    The activations are divided by `smoothing` (inputs,) first; None: they need no division.
    """

    scale: float
    zero_point: int
    smoothing: FloatArray | None

    def write(self, graph: GraphWriter, site: str, x: str) -> list[str]:
        """Add the products of `x` to `graph`; returns their names in the order of `matrices`."""
        x = _divide(graph, site, x, self.smoothing)
        scale = graph.constant(f"{site}.input_scale", np.float32(self.scale))
        zero_point = graph.constant(f"{site}.input_zero_point", np.uint8(self.zero_point))
        quantized = graph.node("QuantizeLinear", [x, scale, zero_point], f"{site}.quantized")
        return [
            integer_product(graph, quantized, name, matrix, scale, zero_point, bias=True)
            for name, matrix in self.matrices.items()
        ]


@dataclass(frozen=True, kw_only=True)
class PerTokenProducts(Products[Int8Matrix]):
    """int8 products of uint8 activations with one scale for each token: one token's outlier leaves the others alone.

    The activations are divided by `smoothing` (inputs,) first; None: they need no division.

    The 256 steps of uint8 reach from a token's least value to its largest: x = q * scale + least, whatever their signs.
    So x @ W = (q @ W) * scale + least * (the sum of each column of W), and the last factor is a constant of the graph.
    """

    smoothing: FloatArray | None

    def write(self, graph: GraphWriter, site: str, x: str) -> list[str]:
        """Add the products of `x` to `graph`; returns their names in the order of `matrices`."""
        x = _divide(graph, site, x, self.smoothing)
        least = graph.node("ReduceMin", [x, graph.integers("last_axis", -1)], f"{site}.least", keepdims=1)
        above = graph.node("Sub", [x, least], f"{site}.above_least")
        scale = self._token_scales(graph, site, above)
        quantized = self._quantize(graph, site, above, scale)
        return [
            self._product(graph, name, matrix, quantized, scale=scale, least=least)
            for name, matrix in self.matrices.items()
        ]

    def _token_scales(self, graph: GraphWriter, site: str, above: str) -> str:
        """Add the scale of each token, (batch, tokens, 1): its range over the number of steps."""
        width = graph.node("ReduceMax", [above, graph.integers("last_axis", -1)], f"{site}.range", keepdims=1)
        step = graph.node("Mul", [width, graph.constant("per_step", np.float32(1 / STEPS))], f"{site}.step")
        return graph.node("Max", [step, graph.constant("least_scale", np.float32(LEAST_SCALE))], f"{site}.scale")

    def _quantize(self, graph: GraphWriter, site: str, above: str, scale: str) -> str:
        """Add the uint8 values; with scale 1 after a division, as QuantizeLinear takes no scale for each token."""
        steps = graph.node("Div", [above, scale], f"{site}.steps")
        return graph.node("QuantizeLinear", [steps, *_unit_scale(graph)], f"{site}.quantized")

    def _product(
        self, graph: GraphWriter, name: str, matrix: Int8Matrix, quantized: str, *, scale: str, least: str
    ) -> str:
        """Add one product; its bias is added last, where onnxruntime joins it with the operator that follows."""
        product = integer_product(graph, quantized, f"{name}.product", matrix, *_unit_scale(graph), bias=False)
        scaled = graph.node("Mul", [product, scale], f"{name}.scaled")
        sums = graph.constant(f"{name}.weight_sum", weight_sums(matrix))
        total = graph.node("Add", [scaled, graph.node("Mul", [least, sums], f"{name}.offset")], f"{name}.total")
        return graph.node("Add", [total, graph.constant(f"{name}.bias", matrix.bias)], name)


@dataclass(frozen=True, kw_only=True)
class OutlierUnits:
    """A few feed-forward units of one layer in float32: `into` (hidden, units) with bias, `out` (units, hidden)."""

    into: FloatMatrix
    out: FloatArray

    def write(self, graph: GraphWriter, layer: str, x: str, activation: str) -> str:
        """Add the contribution of the units for the feed-forward input `x`, before any bias; returns its name."""
        name = f"{layer}.outliers"
        inner = unpacked_product(graph, x, f"{name}.into", self.into.weight)
        biased = graph.node("Add", [inner, graph.constant(f"{name}.bias", self.into.bias)], f"{name}.inner")
        active = write_activation(graph, biased, f"{name}.active", activation)
        return unpacked_product(graph, active, f"{name}.out", self.out)


def unpacked_product(graph: GraphWriter, x: str, name: str, weight: FloatArray) -> str:
    """Add `x` times `weight` (inputs, outputs), which passes through Identity, so the product does not see a constant.

    onnxruntime packs constants for another float32 kernel, whose last bits differ. The runtime's first micro-batch runs
    without packing and must give the same bits. int8 products give the same bits either way.
    """
    weight_name = graph.node("Identity", [graph.constant(f"{name}.weight", weight)], f"{name}.unpacked")
    return graph.node("MatMul", [x, weight_name], f"{name}.product")


def integer_product(
    graph: GraphWriter, x: str, name: str, matrix: Int8Matrix, scale: str, zero_point: str, *, bias: bool
) -> str:
    """Add uint8 `x` times the int8 `matrix`, scaled to float32, and its bias if `bias`; returns the output's name."""
    prefix = name.removesuffix(".product")
    inputs = [
        x,
        graph.constant(f"{prefix}.weight_int8", matrix.weight),
        scale,
        graph.constant(f"{prefix}.weight_scale", matrix.scale),
        zero_point,
        graph.constant("weight_zero_point", np.int8(0)),
    ]
    if bias:
        inputs.append(graph.constant(f"{prefix}.bias", matrix.bias))
    return graph.node("MatMulIntegerToFloat", inputs, name, domain=MICROSOFT)


def weight_sums(matrix: Int8Matrix) -> FloatArray:
    """Return the sum of each column of the weights that `matrix` stands for, (outputs,) float32.

    The integers are summed first, exactly: as in C, one product rounds.
    """
    sums: FloatArray = matrix.weight.sum(axis=0, dtype=np.int32).astype(np.float32) * matrix.scale
    return sums


def inverse_smoothing(smoothing: FloatArray) -> FloatArray:
    """Return what the input of a site is multiplied by, (inputs,) float32; a division would take longer."""
    inverse: FloatArray = (1 / smoothing).astype(np.float32)
    return inverse


def _unit_scale(graph: GraphWriter) -> tuple[str, str]:
    """Add the scale 1 and the zero point 0, of uint8 activations that are whole numbers already."""
    return graph.constant("unit_scale", np.float32(1)), graph.constant("no_zero_point", np.uint8(0))


def _divide(graph: GraphWriter, site: str, x: str, smoothing: FloatArray | None) -> str:
    """Add the division of `x` by `smoothing`; return `x` itself if there is nothing to divide by."""
    if smoothing is None:
        return x
    inverse = graph.constant(f"{site}.inverse_smoothing", inverse_smoothing(smoothing))
    return graph.node("Mul", [x, inverse], f"{site}.smoothed")
