"""Calibration: the statistics are those of the values that transformers computes."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.network import checkpoint_sites
from biobert_onnx_export.graph.plan import Site
from biobert_onnx_export.quantize.calibration import (
    InputStatistics,
    InputSums,
    calibrate,
)
from biobert_onnx_export.reference.pytorch import pytorch_model

TOKEN_IDS = [[2, 40, 41, 42, 3], [2, 3], [2, 50, 60, 70, 3], [2, 1999, 3]]


def by_site(source: Checkpoint, folder: Path) -> dict[Site, InputStatistics]:
    layers = enumerate(calibrate(source, TOKEN_IDS, folder))
    return {Site(layer, kind): inputs for layer, statistics in layers for kind, inputs in statistics.items()}


@pytest.fixture(scope="module")
def found(source: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Site, InputStatistics]:
    return by_site(source, tmp_path_factory.mktemp("calibration"))


@pytest.fixture(scope="module")
def expected(source: Checkpoint) -> Mapping[Site, list[np.ndarray]]:
    """What transformers' modules take in, (tokens, channels) for each text, for every site."""
    model = pytorch_model(source)
    taken: dict[Site, list[np.ndarray]] = {}

    def keep(site: Site, module: torch.nn.Module) -> None:
        def hook(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            taken.setdefault(site, []).append(inputs[0][0].detach().numpy())

        module.register_forward_pre_hook(hook)

    for site in checkpoint_sites(source):
        keep(site, model.get_submodule(site.matrix_names[0]))
    with torch.inference_mode():
        for ids in TOKEN_IDS:
            model(torch.tensor([ids]))
    return taken


def test_every_site_is_measured(source: Checkpoint, found: Mapping[Site, InputStatistics]) -> None:
    assert list(found) == checkpoint_sites(source)
    assert len(found) == 16


def test_statistics_are_those_of_transformers_with_the_same_weight_for_each_text(
    found: Mapping[Site, InputStatistics], expected: Mapping[Site, list[np.ndarray]]
) -> None:
    for site, texts in expected.items():
        tokens = np.concatenate(texts)
        loudest = float(np.abs(tokens).max())
        mean = np.mean([text.mean(axis=0) for text in texts], axis=0)
        moments = np.mean([text.T @ text / len(text) for text in texts], axis=0)
        assert found[site].least == pytest.approx(tokens.min(axis=0), abs=1e-5 * loudest), site
        assert found[site].greatest == pytest.approx(tokens.max(axis=0), abs=1e-5 * loudest), site
        assert found[site].mean == pytest.approx(mean, abs=1e-5 * loudest), site
        assert found[site].moments == pytest.approx(moments, abs=1e-5 * loudest**2), site


@pytest.fixture
def one_cpu() -> Iterator[None]:
    """This process may use one CPU only."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    yield
    os.sched_setaffinity(0, cpus)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot keep a process from its CPUs")
@pytest.mark.usefixtures("found", "one_cpu")
def test_the_number_of_cpus_changes_no_bit(
    source: Checkpoint, found: Mapping[Site, InputStatistics], tmp_path: Path
) -> None:
    alone = by_site(source, tmp_path)
    for site, inputs in found.items():
        for name, values in vars(inputs).items():
            assert (getattr(alone[site], name) == values).all(), (site, name)


def test_sums_of_two_batches_are_those_of_all_their_texts() -> None:
    rng = np.random.default_rng(3)
    left, right = rng.normal(size=(2, 5, 7)).astype(np.float32), rng.normal(size=(3, 4, 7)).astype(np.float32)
    sums = InputSums.of(left)
    sums.add(InputSums.of(right))
    found, tokens = sums.statistics(), np.concatenate([left.reshape(-1, 7), right.reshape(-1, 7)])
    assert (found.least == tokens.min(axis=0)).all()
    assert (found.greatest == tokens.max(axis=0)).all()
    texts = [*left, *right]
    assert found.mean == pytest.approx(np.mean([text.mean(axis=0) for text in texts], axis=0), abs=1e-6)
    moments = np.mean([text.T @ text / len(text) for text in texts], axis=0)
    assert found.moments == pytest.approx(moments, abs=1e-6)


def test_magnitude_is_the_largest_absolute_value() -> None:
    tokens = np.array([[[1.0, -5.0]], [[2.0, 3.0]]], np.float32)
    assert InputSums.of(tokens).statistics().magnitude.tolist() == [2.0, 5.0]


def test_multiplied_statistics_are_those_of_multiplied_values() -> None:
    values = np.random.default_rng(5).normal(size=(4, 6, 3)).astype(np.float32)
    factors = np.array([0, 2, 0.5], np.float32)
    found = InputSums.of(values).statistics().multiplied(factors)
    expected = InputSums.of(values * factors).statistics()
    for name, numbers in vars(expected).items():
        assert getattr(found, name) == pytest.approx(numbers, rel=1e-5, abs=1e-6), name
