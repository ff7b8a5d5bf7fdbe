"""The quantized network: the checkpoint's matrices rounded to int8, for any recipe to plan with.

The steps of each layer, in order; each one returns new matrices and statistics, and the products stay the same:

1. Smooth the input of the attention output. This costs nothing at run time: attention mixes tokens, never channels, so
   the value matrix can make the divided input (`_smooth_context`).
2. Split off the outlier units of the feed-forward block (`_split_off_outliers`).
3. Smooth the inputs that come from a LayerNorm, then round the matrices to int8 (`_round`).
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.kernels.plan import SiteKind, layer_name
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.lookup import Int8Table
from biobert_onnx_export.graph.matmul import (
    FloatMatrix,
    FloatProducts,
    Int8Matrix,
    OutlierUnits,
    PerTokenProducts,
    Products,
    StaticProducts,
)
from biobert_onnx_export.graph.network import float_matrices, word_embeddings
from biobert_onnx_export.graph.plan import Plan, Site
from biobert_onnx_export.quantize.calibration import InputStatistics, LayerStatistics, calibrate
from biobert_onnx_export.quantize.int8 import int8_matrix, static_scale
from biobert_onnx_export.quantize.outliers import kept_units, outlier_units, split_outliers
from biobert_onnx_export.quantize.recipes import Recipe
from biobert_onnx_export.quantize.smoothing import divide_outputs, smooth

SMOOTHED_KINDS = frozenset({SiteKind.QUERY_KEY_VALUE, SiteKind.INTERMEDIATE})
"""Sites whose input is a LayerNorm's output: smoothing is meant for its few loud channels."""


@dataclass(frozen=True, kw_only=True)
class SiteTensors:
    """The float32 matrices of a site by name, and what enters it."""

    matrices: Mapping[str, FloatMatrix]
    inputs: InputStatistics


LayerTensors = Mapping[SiteKind, SiteTensors]


@dataclass(frozen=True, kw_only=True)
class QuantizedSite:
    """A site's matrices, in float32 and in int8, for inputs that are divided by `smoothing` (inputs,) if it is given.

    `scale` and `zero_point`: the static scale of its (divided) input.
    """

    matrices: Mapping[str, FloatMatrix]
    integers: Mapping[str, Int8Matrix]
    smoothing: FloatArray | None
    scale: float
    zero_point: int

    def products(self, site: Site, recipe: Recipe) -> Products[FloatMatrix] | Products[Int8Matrix]:
        """Return the way to multiply that `recipe` prescribes for this site, which is `site`."""
        if site in recipe.float_sites:
            return FloatProducts(matrices=self.matrices)
        if site.kind in recipe.per_token:
            return PerTokenProducts(matrices=self.integers, smoothing=self.smoothing)
        return StaticProducts(
            matrices=self.integers, scale=self.scale, zero_point=self.zero_point, smoothing=self.smoothing
        )


@dataclass(frozen=True, kw_only=True)
class QuantizedNetwork:
    """The word embeddings and all sites of a checkpoint in int8, and its outlier units by the index of the layer."""

    words: Int8Table
    sites: Mapping[Site, QuantizedSite]
    outliers: Mapping[int, OutlierUnits]

    def plan(self, recipe: Recipe) -> Plan:
        """Plan the network by `recipe`."""
        products = {site: quantized.products(site, recipe) for site, quantized in self.sites.items()}
        return Plan(words=self.words, sites=products, outliers=self.outliers)


def quantize_network(
    checkpoint: Checkpoint, token_ids: TokenIds, folder: Path, *, progress: Callable[[str], None]
) -> QuantizedNetwork:
    """Round the network of `checkpoint` to int8, for inputs as they are over the texts `token_ids`.

    Graphs for calibration are written into `folder`. `progress` is called with a line for each layer.
    """
    sites: dict[Site, QuantizedSite] = {}
    outliers: dict[int, OutlierUnits] = {}
    layers = checkpoint.geometry.num_hidden_layers
    for layer, statistics in enumerate(calibrate(checkpoint, token_ids, folder)):
        progress(f"rounding layer {layer + 1} of {layers}")
        tensors = _smooth_context(_layer_tensors(checkpoint, statistics, layer), layer)
        tensors, units = _split_off_outliers(tensors)
        if units is not None:
            outliers[layer] = units
        sites |= _round_layer(tensors, layer)
    return QuantizedNetwork(words=Int8Table.of(word_embeddings(checkpoint)), sites=sites, outliers=outliers)


def _layer_tensors(checkpoint: Checkpoint, statistics: LayerStatistics, layer: int) -> LayerTensors:
    return {
        kind: SiteTensors(matrices=float_matrices(checkpoint, Site(layer, kind)), inputs=inputs)
        for kind, inputs in statistics.items()
    }


def _smooth_context(tensors: LayerTensors, layer: int) -> LayerTensors:
    """Smooth the input of the attention output; the outputs of the value matrix take the division."""
    output, attention = tensors[SiteKind.ATTENTION_OUTPUT], tensors[SiteKind.QUERY_KEY_VALUE]
    matrices, inputs, factors = smooth(output.matrices, output.inputs)
    value = f"{layer_name(layer)}.attention.self.value"
    divided = {**attention.matrices, value: divide_outputs(attention.matrices[value], factors)}
    return {
        **tensors,
        SiteKind.QUERY_KEY_VALUE: replace(attention, matrices=divided),
        SiteKind.ATTENTION_OUTPUT: SiteTensors(matrices=matrices, inputs=inputs),
    }


def _split_off_outliers(tensors: LayerTensors) -> tuple[LayerTensors, OutlierUnits | None]:
    """Split the outlier units off the feed-forward block; None if the layer has none."""
    intermediate, output = tensors[SiteKind.INTERMEDIATE], tensors[SiteKind.OUTPUT]
    units = outlier_units(output.inputs.magnitude)
    if not units.size:
        return tensors, None
    ((into_name, into),), ((out_name, out),) = intermediate.matrices.items(), output.matrices.items()
    into, out, outliers = split_outliers(into, out, units)
    inputs = output.inputs.multiplied(kept_units(len(into.bias), units))
    split = {
        **tensors,
        SiteKind.INTERMEDIATE: replace(intermediate, matrices={into_name: into}),
        SiteKind.OUTPUT: SiteTensors(matrices={out_name: out}, inputs=inputs),
    }
    return split, outliers


def _round_layer(tensors: LayerTensors, layer: int) -> dict[Site, QuantizedSite]:
    """Round the sites of a layer, side by side; one thread a product, so the number of CPUs changes no bit."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(min(usable_cpus(), len(tensors))) as executor:
        rounded = executor.map(_round, tensors, tensors.values())
        return {Site(layer, kind): site for kind, site in zip(tensors, rounded, strict=True)}


def _round(kind: SiteKind, tensors: SiteTensors) -> QuantizedSite:
    matrices, inputs, factors = tensors.matrices, tensors.inputs, None
    if kind in SMOOTHED_KINDS:
        matrices, inputs, factors = smooth(matrices, inputs)
    integers = {name: int8_matrix(matrix, inputs) for name, matrix in matrices.items()}
    scale, zero_point = static_scale(inputs)
    return QuantizedSite(
        matrices=tensors.matrices, integers=integers, smoothing=factors, scale=scale, zero_point=zero_point
    )
