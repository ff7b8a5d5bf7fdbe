"""Calibration: the ranges are those of the values that transformers computes."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.bert import checkpoint_sites
from biobert_onnx_export.graph.plan import Site
from biobert_onnx_export.quantize.calibration import ChannelRanges, ChannelSums, calibrate
from biobert_onnx_export.reference.pytorch import pytorch_model

TOKEN_IDS = [[2, 40, 41, 42, 3], [2, 3], [2, 50, 60, 70, 3], [2, 1999, 3]]


@pytest.fixture(scope="module")
def found(source: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Site, ChannelRanges]:
    return calibrate(source, TOKEN_IDS, tmp_path_factory.mktemp("calibration"))


@pytest.fixture(scope="module")
def expected(source: Checkpoint) -> Mapping[Site, np.ndarray]:
    """What transformers' modules take in, (tokens, channels), for every site."""
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
    return {site: np.concatenate(values) for site, values in taken.items()}


def test_every_site_is_measured(source: Checkpoint, found: Mapping[Site, ChannelRanges]) -> None:
    assert list(found) == checkpoint_sites(source)
    assert len(found) == 16


def test_ranges_are_those_of_transformers(
    found: Mapping[Site, ChannelRanges], expected: Mapping[Site, np.ndarray]
) -> None:
    for site, values in expected.items():
        loudest = float(np.abs(values).max())
        assert found[site].least == pytest.approx(values.min(axis=0), abs=1e-5 * loudest), site
        assert found[site].greatest == pytest.approx(values.max(axis=0), abs=1e-5 * loudest), site
        assert found[site].mean == pytest.approx(values.mean(axis=0), abs=1e-5 * loudest), site
        assert found[site].mean_square == pytest.approx(
            np.square(values).mean(axis=0), rel=1e-3, abs=1e-6 * loudest**2
        ), site


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
    source: Checkpoint, found: Mapping[Site, ChannelRanges], tmp_path: Path
) -> None:
    alone = calibrate(source, TOKEN_IDS, tmp_path)
    for site, ranges in found.items():
        for name, values in vars(ranges).items():
            assert (getattr(alone[site], name) == values).all(), (site, name)


def test_sums_of_two_batches_are_those_of_all_their_tokens() -> None:
    rng = np.random.default_rng(3)
    left, right = rng.normal(size=(2, 5, 7)).astype(np.float32), rng.normal(size=(3, 4, 7)).astype(np.float32)
    found = ChannelSums.of(left).plus(ChannelSums.of(right)).ranges()
    tokens = np.concatenate([left.reshape(-1, 7), right.reshape(-1, 7)])
    assert (found.least == tokens.min(axis=0)).all()
    assert (found.greatest == tokens.max(axis=0)).all()
    assert found.mean == pytest.approx(tokens.mean(axis=0), abs=1e-6)
    assert found.mean_square == pytest.approx(np.square(tokens).mean(axis=0), rel=1e-6)


def test_magnitude_is_the_largest_absolute_value() -> None:
    tokens = np.array([[[1.0, -5.0]], [[2.0, 3.0]]], np.float32)
    assert ChannelSums.of(tokens).ranges().magnitude.tolist() == [2.0, 5.0]
