"""The kernels' plan of an int8 network: plan.json, which the kernels read in place of the graph.

It says how large the encoder is, how the input of each site is rounded, and where each tensor lies in the weights file.
The tensors have the names of the graphs' initializers, so that each one lies in the file once. A site in float32 has no
tensors here: the kernels do not multiply it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.plan import (
    ATTENTION_BIAS,
    FORMAT,
    POSITIONS,
    TOKEN_TYPES,
    WORDS,
    Geometry,
    KernelPlan,
    SiteKind,
    SiteRecord,
    TensorRecord,
    layer_name,
)
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.config import EncoderGeometry
from biobert_onnx_export.checkpoint.pooling import POOLER, modes
from biobert_onnx_export.graph.lookup import Int8Table
from biobert_onnx_export.graph.matmul import (
    FloatMatrix,
    FloatProducts,
    Int8Matrix,
    OutlierUnits,
    PerTokenProducts,
    Products,
    StaticProducts,
    inverse_smoothing,
)
from biobert_onnx_export.graph.network import checkpoint_sites, counted_positions
from biobert_onnx_export.graph.plan import Plan
from biobert_onnx_export.graph.relative_positions import attention_bias
from biobert_onnx_export.graph.writer import WeightsFile

WAYS: Mapping[type[object], Literal["static", "per_token", "float32"]] = {
    StaticProducts: "static",
    PerTokenProducts: "per_token",
    FloatProducts: "float32",
}
"""The plan's word for each way to multiply the input of a site."""

NamedTensors = Iterator[tuple[str, NDArray[np.int8] | FloatArray]]


def write_kernel_plan(
    checkpoint: Checkpoint, plan: Plan, weights: WeightsFile, path: Path, *, pooling: str, pairs: bool = False
) -> None:
    """Write plan.json at `path` and its tensors into `weights`, if the word embeddings of `plan` are int8.

    A float32 plan gets no file: the kernels compute int8 networks only.
    """
    if isinstance(plan.words, Int8Table):
        tensors = [*_embeddings(checkpoint, plan.words), *_layers(checkpoint, plan), *_pooler(checkpoint, pooling)]
        records = {name: _place(weights, name, tensor) for name, tensor in tensors}
        content = {"format": FORMAT, **asdict(_kernel_plan(checkpoint, plan, pooling, records, pairs=pairs))}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")


def _kernel_plan(
    checkpoint: Checkpoint, plan: Plan, pooling: str, tensors: Mapping[str, TensorRecord], *, pairs: bool
) -> KernelPlan:
    return KernelPlan(
        geometry=_geometry(checkpoint.geometry),
        padding_id=checkpoint.geometry.padding_id,
        attention_bias=checkpoint.geometry.relative_attention_num_buckets > 0,
        activation=checkpoint.geometry.hidden_act,
        pooling=pooling,
        after_pooling=[type(module).__name__ for module in checkpoint.modules.after_pooling],
        sites={str(site): _site_record(plan.sites[site]) for site in checkpoint_sites(checkpoint)},
        outlier_units={layer_name(layer): len(units.into.bias) for layer, units in sorted(plan.outliers.items())},
        tensors=tensors,
        pairs=pairs,
    )


def _geometry(sizes: EncoderGeometry) -> Geometry:
    """Return the sizes that the kernels read."""
    return {
        "hidden_size": sizes.hidden_size,
        "embedding_size": sizes.embedding_size,
        "num_hidden_layers": sizes.num_hidden_layers,
        "num_attention_heads": sizes.num_attention_heads,
        "intermediate_size": sizes.intermediate_size,
        "vocab_size": sizes.vocab_size,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.type_vocab_size,
        "layer_norm_eps": sizes.layer_norm_eps,
    }


def _site_record(products: Products[FloatMatrix] | Products[Int8Matrix]) -> SiteRecord:
    """Describe how a site is multiplied; the number `scale` reads as the very float32 that the graphs hold."""
    record: SiteRecord = {"products": WAYS[type(products)]}
    if isinstance(products, StaticProducts):
        record["scale"], record["zero_point"] = float(np.float32(products.scale)), products.zero_point
    if isinstance(products, StaticProducts | PerTokenProducts):
        record["smoothing"] = products.smoothing is not None
    return record


def _place(weights: WeightsFile, name: str, tensor: NDArray[np.int8] | FloatArray) -> TensorRecord:
    """Put `tensor` into `weights` unless it is there; return its type, its shape and the byte where it begins."""
    offset = int(weights.place(name, tensor)["offset"])
    dtype: Literal["int8", "float32"] = "int8" if tensor.dtype == np.int8 else "float32"
    return {"dtype": dtype, "shape": list(tensor.shape), "offset": offset}


def _layers(checkpoint: Checkpoint, plan: Plan) -> NamedTensors:
    """Yield the tensors of all layers, in the order of computation."""
    for site in checkpoint_sites(checkpoint):
        products = plan.sites[site]
        if isinstance(products, StaticProducts | PerTokenProducts):
            yield from _products(str(site), products)
        if site.kind is SiteKind.OUTPUT and site.layer in plan.outliers:
            yield from _outliers(layer_name(site.layer), plan.outliers[site.layer])
        if site.kind in (SiteKind.ATTENTION_OUTPUT, SiteKind.OUTPUT):
            yield from _layer_norm(checkpoint, str(site))


def _embeddings(checkpoint: Checkpoint, words: Int8Table) -> NamedTensors:
    yield f"{WORDS}.weight_int8", words.vectors
    yield f"{WORDS}.weight_scale", words.scale
    geometry = checkpoint.geometry
    yield POSITIONS, checkpoint.tensors[POSITIONS] if geometry.padding_id is None else counted_positions(checkpoint)
    if geometry.type_vocab_size:
        yield from _of_checkpoint(checkpoint, TOKEN_TYPES)
    if geometry.relative_attention_num_buckets:
        yield ATTENTION_BIAS, attention_bias(checkpoint)
    yield from _layer_norm(checkpoint, "embeddings")


def _products(site: str, products: StaticProducts | PerTokenProducts) -> NamedTensors:
    if products.smoothing is not None:
        yield f"{site}.inverse_smoothing", inverse_smoothing(products.smoothing)
    for name, matrix in products.matrices.items():
        yield f"{name}.weight_int8", matrix.weight
        yield f"{name}.weight_scale", matrix.scale
        yield f"{name}.bias", matrix.bias


def _outliers(layer: str, units: OutlierUnits) -> NamedTensors:
    yield f"{layer}.outliers.into.weight", units.into.weight
    yield f"{layer}.outliers.bias", units.into.bias
    yield f"{layer}.outliers.out.weight", units.out


def _pooler(checkpoint: Checkpoint, pooling: str) -> NamedTensors:
    if POOLER in modes(pooling):
        yield from _of_checkpoint(checkpoint, "pooler.dense.weight", "pooler.dense.bias")


def _layer_norm(checkpoint: Checkpoint, name: str) -> NamedTensors:
    yield from _of_checkpoint(checkpoint, f"{name}.LayerNorm.weight", f"{name}.LayerNorm.bias")


def _of_checkpoint(checkpoint: Checkpoint, *names: str) -> NamedTensors:
    for name in names:
        yield name, checkpoint.tensors[name]
