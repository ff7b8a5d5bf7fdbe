"""The plan of a quantized network, from the checkpoint's matrices, the ranges of its sites and a recipe.

The steps of each layer, in order; each one returns new matrices and ranges, and the products stay the same:

1. Smooth the input of the attention output. This costs nothing at run time: attention mixes tokens, never channels, so
   the value matrix can make the divided input (`_smooth_context`).
2. Split off the outlier units of the feed-forward block (`_split_off_outliers`).
3. Smooth the inputs that come from a LayerNorm, then round the matrices to int8 (`_products`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from biobert_onnx.kernels.plan import SiteKind, layer_name
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.bert import float_matrices, word_embeddings
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
from biobert_onnx_export.graph.plan import Plan, Site
from biobert_onnx_export.quantize.calibration import ChannelRanges
from biobert_onnx_export.quantize.int8 import int8_matrix, static_noise, static_scale
from biobert_onnx_export.quantize.outliers import kept_units, outlier_units, split_outliers
from biobert_onnx_export.quantize.recipes import Recipe
from biobert_onnx_export.quantize.smoothing import divide_outputs, smooth

SMOOTHED_KINDS = frozenset({SiteKind.QUERY_KEY_VALUE, SiteKind.INTERMEDIATE})
"""Sites whose input is a LayerNorm's output: smoothing is meant for its few loud channels."""


@dataclass(frozen=True, kw_only=True)
class SiteTensors:
    """The float32 matrices of a site by name, and the ranges of its input."""

    matrices: Mapping[str, FloatMatrix]
    ranges: ChannelRanges


LayerTensors = Mapping[SiteKind, SiteTensors]


def quantized_plan(checkpoint: Checkpoint, ranges: Mapping[Site, ChannelRanges], recipe: Recipe) -> Plan:
    """Plan the network of `checkpoint` by `recipe`; `ranges` are those of every site (`calibrate`)."""
    products: dict[Site, Products[FloatMatrix] | Products[Int8Matrix]] = {}
    outliers: dict[int, OutlierUnits] = {}
    for layer in range(checkpoint.geometry.num_hidden_layers):
        tensors = _smooth_context(_layer_tensors(checkpoint, ranges, layer), layer)
        tensors, units = _split_off_outliers(tensors)
        if units is not None:
            outliers[layer] = units
        products |= {Site(layer, kind): _products(Site(layer, kind), tensors[kind], recipe) for kind in SiteKind}
    return Plan(words=Int8Table.of(word_embeddings(checkpoint)), sites=products, outliers=outliers)


def _layer_tensors(checkpoint: Checkpoint, ranges: Mapping[Site, ChannelRanges], layer: int) -> LayerTensors:
    sites = {kind: Site(layer, kind) for kind in SiteKind}
    return {
        kind: SiteTensors(matrices=float_matrices(checkpoint, site), ranges=ranges[site])
        for kind, site in sites.items()
    }


def _smooth_context(tensors: LayerTensors, layer: int) -> LayerTensors:
    """Smooth the input of the attention output; the outputs of the value matrix take the division."""
    output, attention = tensors[SiteKind.ATTENTION_OUTPUT], tensors[SiteKind.QUERY_KEY_VALUE]
    matrices, ranges, factors = smooth(output.matrices, output.ranges)
    value = f"{layer_name(layer)}.attention.self.value"
    divided = {**attention.matrices, value: divide_outputs(attention.matrices[value], factors)}
    return {
        **tensors,
        SiteKind.QUERY_KEY_VALUE: replace(attention, matrices=divided),
        SiteKind.ATTENTION_OUTPUT: SiteTensors(matrices=matrices, ranges=ranges),
    }


def _split_off_outliers(tensors: LayerTensors) -> tuple[LayerTensors, OutlierUnits | None]:
    """Split the outlier units off the feed-forward block; None if the layer has none."""
    intermediate, output = tensors[SiteKind.INTERMEDIATE], tensors[SiteKind.OUTPUT]
    units = outlier_units(output.ranges.magnitude)
    if not units.size:
        return tensors, None
    ((into_name, into),), ((out_name, out),) = intermediate.matrices.items(), output.matrices.items()
    into, out, outliers = split_outliers(into, out, units)
    ranges = output.ranges.multiplied(kept_units(len(into.bias), units))
    split = {
        **tensors,
        SiteKind.INTERMEDIATE: replace(intermediate, matrices={into_name: into}),
        SiteKind.OUTPUT: SiteTensors(matrices={out_name: out}, ranges=ranges),
    }
    return split, outliers


def _products(site: Site, tensors: SiteTensors, recipe: Recipe) -> Products[FloatMatrix] | Products[Int8Matrix]:
    """Choose the way that `recipe` prescribes for `site`, and make its tensors."""
    if site in recipe.float_sites:
        return FloatProducts(matrices=tensors.matrices)
    matrices, ranges, factors = tensors.matrices, tensors.ranges, None
    if site.kind in SMOOTHED_KINDS:
        matrices, ranges, factors = smooth(matrices, ranges)
    integers = {name: int8_matrix(matrix, ranges.mean) for name, matrix in matrices.items()}
    if site.kind in recipe.per_token and static_noise(ranges) > recipe.noise_limit:
        return PerTokenProducts(matrices=integers, smoothing=factors)
    scale, zero_point = static_scale(ranges)
    return StaticProducts(matrices=integers, scale=scale, zero_point=zero_point, smoothing=factors)
