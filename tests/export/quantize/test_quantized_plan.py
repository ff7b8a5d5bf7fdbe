"""The plan of a quantized network: a recipe decides each site, and nothing but rounding changes the vectors."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx.kernels.plan import SiteKind
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.measure import encoder_vectors
from biobert_onnx_export.graph.artifact_graphs import write_encoder_graph
from biobert_onnx_export.graph.bert import checkpoint_sites, word_embeddings
from biobert_onnx_export.graph.lookup import FloatTable
from biobert_onnx_export.graph.matmul import FloatProducts, PerTokenProducts, StaticProducts
from biobert_onnx_export.graph.plan import Site
from biobert_onnx_export.quantize.calibration import ChannelRanges
from biobert_onnx_export.quantize.quantized_plan import quantized_plan
from biobert_onnx_export.quantize.recipes import PER_TOKEN, STATIC
from biobert_onnx_export.reference.targets import Targets
from tests.support.checkpoints import DIM

Ranges = Mapping[Site, ChannelRanges]


@pytest.mark.parametrize(("noise_limit", "kind"), [(0.0, PerTokenProducts), (1.0, StaticProducts)])
def test_the_noise_of_a_static_scale_decides_gelu_outputs(
    source: Checkpoint, ranges: Ranges, noise_limit: float, kind: type
) -> None:
    plan = quantized_plan(source, ranges, replace(STATIC, noise_limit=noise_limit))
    for site, products in plan.sites.items():
        assert isinstance(products, kind if site.kind is SiteKind.OUTPUT else StaticProducts), site


def test_per_token_gives_every_site_a_scale_for_each_token(source: Checkpoint, ranges: Ranges) -> None:
    plan = quantized_plan(source, ranges, PER_TOKEN)
    assert list(plan.sites) == checkpoint_sites(source)
    for site, products in plan.sites.items():
        assert isinstance(products, PerTokenProducts), site


def test_a_float_site_is_the_only_one_in_float32(source: Checkpoint, ranges: Ranges) -> None:
    chosen = Site(2, SiteKind.INTERMEDIATE)
    plan = quantized_plan(source, ranges, replace(PER_TOKEN, float_sites=frozenset({chosen})))
    assert [site for site, products in plan.sites.items() if isinstance(products, FloatProducts)] == [chosen]


def test_only_the_layer_with_loud_units_has_outliers(source: Checkpoint, ranges: Ranges) -> None:
    assert list(quantized_plan(source, ranges, STATIC).outliers) == [3]


def test_smoothing_and_outlier_units_leave_the_vectors_unchanged(
    source: Checkpoint, ranges: Ranges, targets: Targets, tmp_path: Path
) -> None:
    everything = frozenset(checkpoint_sites(source))
    plan = quantized_plan(source, ranges, replace(STATIC, float_sites=everything))
    plan = replace(plan, words=FloatTable(vectors=word_embeddings(source)))
    write_encoder_graph(source, plan, tmp_path, pooling="mean")
    expected = targets.samples.vectors
    found = encoder_vectors(tmp_path, targets.samples.token_ids, dim=DIM)
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-5
