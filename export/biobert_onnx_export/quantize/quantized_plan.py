"""Step 5, quantization: a plan of int8 products from the checkpoint's matrices, the statistics and a recipe.

Rules and where they come from:

- Smoothing (SmoothQuant, Xiao et al. 2022, arXiv 2211.10438): channel j of a site's input is divided, and row j of its
  matrices multiplied, by max|x_j|^alpha / max|w_j|^(1 - alpha), so that outlier channels do not decide the scale. At
  the attention output it costs nothing at run time: attention mixes tokens, never channels, so the value matrix's
  columns take the division.
- Outlier units (mixed-precision decomposition, Dettmers et al. 2022, arXiv 2208.07339): trained BERTs have a few
  feed-forward units that reach a hundred times the others on [SEP] and punctuation (Kovaleva et al. 2021, arXiv
  2105.06990). They would coarsen their tokens' whole row, so they leave the int8 matrices and stay in float32.
- Weights: int8, symmetric, one scale an output column, bounded in pairs (`int8_columns`).
- Bias correction (Nagel et al. 2019, arXiv 1906.04721): rounding the weights shifts each output by mean(x) times the
  rounding error; the bias takes it back.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.bert import float_matrix, layers, sites, word_rows
from biobert_onnx_export.graph.lookup import Int8Table
from biobert_onnx_export.graph.matmul import (
    FloatMatrix,
    FloatSite,
    Int8Matrix,
    OutlierUnits,
    Plan,
    RowSite,
    Site,
    StaticSite,
)
from biobert_onnx_export.quantize.calibration import SiteStatistics

ALPHA = 0.7
"""The share of the difficulty that smoothing moves from activations into weights."""

SMOOTHED = ("attention.self", "intermediate")
"""Kinds of site whose input is a LayerNorm's output: its few loud channels are what smoothing is for."""

SMALLEST = 1e-5
"""The least magnitude that scales are made from: a dead channel must not divide by zero."""

OUTLIER_FACTOR = 2.0
"""A layer has outlier units when its loudest one exceeds this many times the 99th percentile of all its units."""

OUTLIER_UNITS = 16
"""How many of the loudest units such a layer keeps in float32: one AVX-512 register wide, 0.5 % of 3,072."""

LARGEST = 127
"""Largest magnitude of an int8 weight, and of the sum of two neighbours of one sign before rounding (int8_columns)."""

WEIGHT_BITS = 8
UINT8_STEPS = 255


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How sites are multiplied: in float32 those in `floats`; per row those of the kinds in `row` where the rounding
    noise of a static scale would exceed `row_noise` (`static_noise`); static the others."""

    name: str
    row: frozenset[str]
    row_noise: float
    floats: frozenset[str] = frozenset()


@dataclass(kw_only=True)
class _Draft:
    """One site on its way to a plan: its matrices and the ranges of its input, changed together."""

    matrices: dict[str, FloatMatrix]
    ranges: SiteStatistics

    def smooth(self) -> FloatArray:
        """Divide the input and multiply the matrices by the smoothing factors, (inputs,), which are returned."""
        weights = np.max([np.abs(matrix.weight).max(axis=1) for matrix in self.matrices.values()], axis=0)
        magnitude, weights = np.maximum(self.ranges.magnitude, SMALLEST), np.maximum(weights, SMALLEST)
        factors: FloatArray = (magnitude**ALPHA / weights ** (1 - ALPHA)).astype(np.float32)
        for name, matrix in self.matrices.items():
            self.matrices[name] = FloatMatrix(weight=matrix.weight * factors[:, None], bias=matrix.bias)
        self.ranges = self.ranges.multiplied(np.reciprocal(factors))
        return factors


def quantized_plan(checkpoint: Checkpoint, statistics: Mapping[str, SiteStatistics], recipe: Recipe) -> Plan:
    """The plan of `recipe` for `checkpoint`, calibrated by `statistics` (one entry a site)."""
    drafts = {
        site: _Draft(matrices={name: float_matrix(checkpoint, name) for name in names}, ranges=statistics[site])
        for site, names in sites(checkpoint)
    }
    outliers = {}
    for layer in layers(checkpoint):
        _smooth_context(drafts, layer)
        units = outlier_units(statistics[f"{layer}.output"].magnitude)
        if units.size:
            outliers[layer] = _take_out(drafts, layer, units)
    return Plan(
        words=Int8Table.of(word_rows(checkpoint)),
        sites={site: _site(site, draft, recipe) for site, draft in drafts.items()},
        outliers=outliers,
    )


def outlier_units(magnitude: FloatArray) -> NDArray[np.intp]:
    """Indices, ascending, of the units that a layer whose units reach `magnitude`, (units,), keeps in float32.

    >>> outlier_units(np.ones(3072, dtype=np.float32)).size
    0
    """
    if magnitude.max() <= OUTLIER_FACTOR * np.quantile(magnitude, 0.99):
        return np.empty(0, dtype=np.intp)
    return np.sort(np.argsort(-magnitude, kind="stable")[:OUTLIER_UNITS])


def int8_columns(weight: FloatArray) -> tuple[NDArray[np.int8], FloatArray]:
    """`weight` (inputs, outputs) as int8 with one float32 scale a column: weight is about int8 * scale.

    On x86-64 without VNNI, onnxruntime's uint8 x int8 kernel adds the products of rows 2i and 2i + 1 in 16 bits and
    saturates at 32,767, where 255 * (127 + 127) is 64,770. So each column's scale also keeps every such pair's sum of
    one sign within 127 before rounding, which is at most 128 after it, and 255 * 128 = 32,640 fits: no input can
    saturate, and every CPU computes the same integers.

    >>> weight, scale = int8_columns(np.array([[1.0], [0.5], [-1.0]], dtype=np.float32))
    >>> weight.ravel().tolist()
    [85, 42, -85]
    """
    even, odd = weight[0::2], weight[1::2]
    odd = np.vstack([odd, np.zeros_like(even[len(odd) :])])
    positive = np.maximum(even, 0) + np.maximum(odd, 0)
    negative = np.maximum(-even, 0) + np.maximum(-odd, 0)
    largest = np.maximum(positive, negative).max(axis=0)
    scale = np.where(largest > 0, largest / LARGEST, 1).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


def static_noise(ranges: SiteStatistics) -> float:
    """Rounding noise of a static scale relative to the activations, root mean square both.

    A uniform quantizer's error has the standard deviation step / sqrt(12) (Bennett 1948).
    """
    step, _ = _static_scale(ranges)
    return step / math.sqrt(12 * max(float(ranges.power.mean()), SMALLEST**2))


def _smooth_context(drafts: dict[str, _Draft], layer: str) -> None:
    """Smooth the attention output's input; the value matrix, which makes it, takes the division."""
    factors = drafts[f"{layer}.attention.output"].smooth()
    values = drafts[f"{layer}.attention.self"].matrices
    name = f"{layer}.attention.self.value"
    values[name] = FloatMatrix(weight=values[name].weight / factors, bias=values[name].bias / factors)


def _take_out(drafts: dict[str, _Draft], layer: str, units: NDArray[np.intp]) -> OutlierUnits:
    """Move `units` of the layer's feed-forward block out of its int8 matrices, where zeros stay behind."""
    into, out = drafts[f"{layer}.intermediate"], drafts[f"{layer}.output"]
    (into_name, into_matrix), (out_name, out_matrix) = *into.matrices.items(), *out.matrices.items()
    kept = np.ones(len(into_matrix.bias), dtype=np.float32)
    kept[units] = 0
    into.matrices[into_name] = FloatMatrix(weight=into_matrix.weight * kept, bias=into_matrix.bias * kept)
    out.matrices[out_name] = FloatMatrix(weight=out_matrix.weight * kept[:, None], bias=out_matrix.bias)
    out.ranges = out.ranges.multiplied(kept)
    return OutlierUnits(
        into=FloatMatrix(weight=into_matrix.weight[:, units], bias=into_matrix.bias[units]),
        out=out_matrix.weight[units],
    )


def _site(site: str, draft: _Draft, recipe: Recipe) -> Site:
    if site in recipe.floats:
        return FloatSite(matrices=draft.matrices)
    smoothing = draft.smooth() if site.endswith(SMOOTHED) else None
    integers = {name: _int8_matrix(matrix, draft.ranges.mean) for name, matrix in draft.matrices.items()}
    kind = site.split(".", 3)[3]
    if kind in recipe.row and static_noise(draft.ranges) > recipe.row_noise:
        return RowSite(matrices=integers, after_gelu=kind == "output", smoothing=smoothing)
    scale, zero_point = _static_scale(draft.ranges)
    return StaticSite(matrices=integers, scale=scale, zero_point=zero_point, smoothing=smoothing)


def _static_scale(ranges: SiteStatistics) -> tuple[float, int]:
    least, greatest = min(0.0, float(ranges.least.min())), max(0.0, float(ranges.greatest.max()))
    scale = max(greatest - least, SMALLEST) / UINT8_STEPS
    return scale, round(-least / scale)


def _int8_matrix(matrix: FloatMatrix, mean: FloatArray) -> Int8Matrix:
    weight, scale = int8_columns(matrix.weight)
    shift = mean @ (matrix.weight - weight * scale)
    return Int8Matrix(weight=weight, scale=scale, bias=(matrix.bias + shift).astype(np.float32))
