"""The plan of a quantized network: a recipe decides each site, and nothing but rounding changes the vectors."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from biobert_onnx.kernels.plan import SiteKind
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.measure import encoder_vectors
from biobert_onnx_export.graph.artifact_graphs import write_encoder_graph
from biobert_onnx_export.graph.lookup import FloatTable
from biobert_onnx_export.graph.matmul import FloatProducts, PerTokenProducts, StaticProducts
from biobert_onnx_export.graph.network import checkpoint_sites, word_embeddings
from biobert_onnx_export.graph.plan import Site
from biobert_onnx_export.quantize.quantized_network import QuantizedNetwork
from biobert_onnx_export.quantize.recipes import PER_TOKEN, STATIC
from biobert_onnx_export.reference.targets import Targets
from tests.support.checkpoints import DIM


def test_static_leaves_a_scale_for_each_token_to_gelu_outputs(network: QuantizedNetwork) -> None:
    for site, products in network.plan(STATIC).sites.items():
        assert isinstance(products, PerTokenProducts if site.kind is SiteKind.OUTPUT else StaticProducts), site


def test_every_recipe_takes_the_same_integers(network: QuantizedNetwork) -> None:
    static, per_token = (network.plan(recipe).sites for recipe in (STATIC, PER_TOKEN))
    assert all(static[site].matrices is per_token[site].matrices for site in static)


def test_per_token_gives_every_site_a_scale_for_each_token(source: Checkpoint, network: QuantizedNetwork) -> None:
    plan = network.plan(PER_TOKEN)
    assert list(plan.sites) == checkpoint_sites(source)
    for site, products in plan.sites.items():
        assert isinstance(products, PerTokenProducts), site


def test_a_float_site_is_the_only_one_in_float32(source: Checkpoint, network: QuantizedNetwork) -> None:
    chosen = Site(2, SiteKind.INTERMEDIATE)
    plan = network.plan(replace(PER_TOKEN, float_sites=frozenset({chosen})))
    assert [site for site, products in plan.sites.items() if isinstance(products, FloatProducts)] == [chosen]


def test_only_the_layer_with_loud_units_has_outliers(source: Checkpoint, network: QuantizedNetwork) -> None:
    assert list(network.plan(STATIC).outliers) == [3]


def test_smoothing_and_outlier_units_leave_the_vectors_unchanged(
    source: Checkpoint, network: QuantizedNetwork, targets: Targets, tmp_path: Path
) -> None:
    everything = frozenset(checkpoint_sites(source))
    plan = network.plan(replace(STATIC, float_sites=everything))
    plan = replace(plan, words=FloatTable(vectors=word_embeddings(source)))
    write_encoder_graph(source, plan, tmp_path, pooling="mean")
    expected = targets.samples.vectors
    found = encoder_vectors(tmp_path, targets.samples.token_ids, dim=DIM)
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-5
