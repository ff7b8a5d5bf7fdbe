"""The three ways a graph multiplies a site's input by its matrices: float32, static int8, per-row int8.

A site is one place where activations enter matrix products; several matrices may share it (query, key and value).
A plan names, for every site of a checkpoint, one of these ways with its tensors; the network writes it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx_export.graph.lookup import FloatTable, Int8Table
from biobert_onnx_export.graph.writer import GraphWriter

MICROSOFT = "com.microsoft"


@dataclass(frozen=True, kw_only=True)
class FloatMatrix:
    """`weight` (inputs, outputs) and `bias` (outputs,), float32."""

    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, kw_only=True)
class Int8Matrix:
    """`weight` (inputs, outputs) int8 with one float32 `scale` an output column, `bias` (outputs,) float32."""

    weight: NDArray[np.int8]
    scale: FloatArray
    bias: FloatArray


@dataclass(frozen=True, kw_only=True)
class FloatSite:
    """float32 products: x @ weight + bias."""

    matrices: Mapping[str, FloatMatrix]

    def write(self, graph: GraphWriter, site: str, x: str) -> list[str]:
        """Add the products of `x` to `graph`; returns their names in the order of `matrices`."""
        outputs = []
        for name, matrix in self.matrices.items():
            weight = graph.constant(f"{name}.weight", matrix.weight)
            product = graph.node("MatMul", [x, weight], f"{name}.product")
            outputs.append(graph.node("Add", [product, graph.constant(f"{name}.bias", matrix.bias)], name))
        return outputs


@dataclass(frozen=True, kw_only=True)
class StaticSite:
    """uint8 activations with one calibrated `scale` and `zero_point`, after division by `smoothing` (inputs,)."""

    matrices: Mapping[str, Int8Matrix]
    scale: float
    zero_point: int
    smoothing: FloatArray | None

    def write(self, graph: GraphWriter, site: str, x: str) -> list[str]:
        """Add the products of `x` to `graph`; returns their names in the order of `matrices`."""
        x = smoothed(graph, site, x, self.smoothing)
        scale = graph.constant(f"{site}.input_scale", np.float32(self.scale))
        zero_point = graph.constant(f"{site}.input_zero_point", np.uint8(self.zero_point))
        quantized = graph.node("QuantizeLinear", [x, scale, zero_point], f"{site}.quantized")
        return [
            integer_product(graph, quantized, name, matrix, scale, zero_point, bias=True)
            for name, matrix in self.matrices.items()
        ]


@dataclass(frozen=True, kw_only=True)
class RowSite:
    """uint8 activations with a scale a row (token), so that one token's outlier does not coarsen the others.

    Symmetric: the zero point is 128 and the row's largest magnitude is 127 steps away. For GELU outputs, which never
    go below -0.17 (the minimum of x * Phi(x) is -0.16997 at x = -0.7518), the zero point is 16: 239 steps are left for
    the positive side, and the floor of the scale keeps -0.17 within 16 steps.
    """

    matrices: Mapping[str, Int8Matrix]
    after_gelu: bool
    smoothing: FloatArray | None

    GELU_ZERO_POINT = 16
    GELU_LEAST = 0.17
    SIGNED_ZERO_POINT = 128
    SMALLEST_SCALE = 1e-9

    def write(self, graph: GraphWriter, site: str, x: str) -> list[str]:
        """Add the products of `x` to `graph`; returns their names in the order of `matrices`."""
        x = smoothed(graph, site, x, self.smoothing)
        zero_point_value = self.GELU_ZERO_POINT if self.after_gelu else self.SIGNED_ZERO_POINT
        zero_point = graph.constant(f"row_zero_point_{zero_point_value}", np.uint8(zero_point_value))
        one = graph.constant("one", np.float32(1))
        scale = self._row_scale(graph, site, x)
        steps = graph.node("Div", [x, scale], f"{site}.steps")
        quantized = graph.node("QuantizeLinear", [steps, one, zero_point], f"{site}.quantized")
        outputs = []
        for name, matrix in self.matrices.items():
            product = integer_product(graph, quantized, f"{name}.product", matrix, one, zero_point, bias=False)
            scaled = graph.node("Mul", [product, scale], f"{name}.scaled")
            outputs.append(graph.node("Add", [scaled, graph.constant(f"{name}.bias", matrix.bias)], name))
        return outputs

    def _row_scale(self, graph: GraphWriter, site: str, x: str) -> str:
        steps = 255 - self.GELU_ZERO_POINT if self.after_gelu else 127
        floor = self.GELU_LEAST / self.GELU_ZERO_POINT if self.after_gelu else self.SMALLEST_SCALE
        magnitude = x if self.after_gelu else graph.node("Abs", [x], f"{site}.magnitude")
        axes = graph.integers("last_axis", -1)
        top = graph.node("ReduceMax", [magnitude, axes], f"{site}.row_max", keepdims=1)
        step = graph.node("Mul", [top, graph.constant(f"per_{steps}", np.float32(1 / steps))], f"{site}.row_step")
        return graph.node("Max", [step, graph.constant(f"floor_{steps}", np.float32(floor))], f"{site}.row_scale")


Site = FloatSite | StaticSite | RowSite


@dataclass(frozen=True, kw_only=True)
class OutlierUnits:
    """A few feed-forward units of one layer in float32: `into` (hidden, units) with bias, `out` (units, hidden)."""

    into: FloatMatrix
    out: FloatArray

    def write(self, graph: GraphWriter, layer: str, x: str) -> str:
        """Add what the units contribute for the feed-forward input `x`, before any bias; returns its name."""
        name = f"{layer}.outliers"
        inner = self._product(graph, x, f"{name}.into", self.into.weight)
        biased = graph.node("Add", [inner, graph.constant(f"{name}.bias", self.into.bias)], f"{name}.inner")
        active = graph.node("Gelu", [biased], f"{name}.gelu", domain=MICROSOFT)
        return self._product(graph, active, f"{name}.out", self.out)

    def _product(self, graph: GraphWriter, x: str, name: str, weight: FloatArray) -> str:
        """`x` times `weight`, which goes through Identity and so is no constant of the product.

        Constants are packed for another float32 kernel, whose last bits differ: the runtime's first micro-batch runs
        without packing, and must give the same bits. For int8 products the two are equal.
        """
        weight_name = graph.node("Identity", [graph.constant(f"{name}.weight", weight)], f"{name}.unpacked")
        return graph.node("MatMul", [x, weight_name], f"{name}.product")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How word embeddings are looked up, how every site of a network is multiplied, and the layers whose loudest
    feed-forward units stay in float32."""

    words: FloatTable | Int8Table
    sites: Mapping[str, Site]
    outliers: Mapping[str, OutlierUnits] = field(default_factory=dict)


def smoothed(graph: GraphWriter, site: str, x: str, smoothing: FloatArray | None) -> str:
    """`x` divided by `smoothing`, or `x` itself where there is none (it lies in the matrix before)."""
    if smoothing is None:
        return x
    inverse = graph.constant(f"{site}.inverse_smoothing", (1 / smoothing).astype(np.float32))
    return graph.node("Mul", [x, inverse], f"{site}.smoothed")


def integer_product(
    graph: GraphWriter, x: str, name: str, matrix: Int8Matrix, scale: str, zero_point: str, *, bias: bool
) -> str:
    """Add uint8 `x` times the int8 `matrix`, scaled to float32, with the matrix' bias if asked; returns its name."""
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
