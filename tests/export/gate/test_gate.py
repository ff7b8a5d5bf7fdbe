"""The gate: the first recipe that passes is taken, and sites are ranked only after two recipes failed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx.kernels.plan import SiteKind
from biobert_onnx_export import FidelityError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.gate import Attempt, rank_sites, try_recipe, write_faithful_graphs
from biobert_onnx_export.gate.measure import gate_figures, worst_cosine
from biobert_onnx_export.graph.bert import checkpoint_sites
from biobert_onnx_export.graph.matmul import FloatProducts
from biobert_onnx_export.graph.plan import Site
from biobert_onnx_export.quantize.calibration import ChannelRanges
from biobert_onnx_export.quantize.recipes import PER_TOKEN, STATIC
from biobert_onnx_export.reference.targets import Targets

Ranges = Mapping[Site, ChannelRanges]


class Folders:
    """Two empty folders, and the lines that the gate reports."""

    def __init__(self, place: Path) -> None:
        self.artifact, self.scratch = place / "artifact", place / "scratch"
        self.artifact.mkdir()
        self.scratch.mkdir()
        self.lines: list[str] = []

    def run_gate(
        self, source: Checkpoint, ranges: Ranges, targets: Targets, min_cosine: float, min_neighbours: float = 0.9
    ) -> Attempt:
        return write_faithful_graphs(
            source,
            ranges,
            targets,
            self.artifact,
            scratch=self.scratch,
            pooling="mean",
            min_cosine=min_cosine,
            min_neighbours=min_neighbours,
            progress=self.lines.append,
        )


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


@pytest.fixture(scope="module")
def attempts(
    source: Checkpoint, ranges: Ranges, targets: Targets, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Attempt]:
    """What the first two recipes reach, by their names."""
    folder = tmp_path_factory.mktemp("reached")
    tried = [try_recipe(source, ranges, targets.gated, each, folder, pooling="mean") for each in (STATIC, PER_TOKEN)]
    return {attempt.recipe.name: attempt for attempt in tried}


@pytest.fixture(scope="module")
def reached(attempts: dict[str, Attempt]) -> dict[str, float]:
    """The worst gated cosine that the first two recipes reach."""
    return {name: attempt.worst_cosine for name, attempt in attempts.items()}


def test_the_first_recipe_is_taken_if_it_passes(
    folders: Folders, source: Checkpoint, ranges: Ranges, targets: Targets, reached: dict[str, float]
) -> None:
    passed = folders.run_gate(source, ranges, targets, reached["static"])
    assert passed.recipe == STATIC
    assert folders.lines == ["quantizing: static"]
    assert list(folders.scratch.iterdir()) == []


def test_the_second_recipe_is_taken_without_a_ranking(
    folders: Folders, source: Checkpoint, ranges: Ranges, targets: Targets, reached: dict[str, float]
) -> None:
    assert reached["static"] < reached["per-token"]
    passed = folders.run_gate(source, ranges, targets, reached["per-token"])
    assert passed.recipe == PER_TOKEN
    assert folders.lines == ["quantizing: static", "quantizing: per-token"]
    assert list(folders.scratch.iterdir()) == []


def test_the_graphs_in_the_folder_are_those_that_passed(
    folders: Folders, source: Checkpoint, ranges: Ranges, targets: Targets, reached: dict[str, float]
) -> None:
    passed = folders.run_gate(source, ranges, targets, reached["per-token"] + 1e-6)
    assert passed.recipe.name in {"per-token+fp32-25%", "per-token+fp32-50%"}
    figures = gate_figures(folders.artifact, targets.gated)
    assert worst_cosine(folders.artifact, targets.gated) == passed.worst_cosine > reached["per-token"]
    assert (figures.worst_cosine, figures.neighbours_kept) == (passed.worst_cosine, passed.neighbours_kept)
    floats = {site for site, products in passed.plan.sites.items() if isinstance(products, FloatProducts)}
    assert floats == passed.recipe.float_sites


def test_without_a_recipe_that_passes_all_four_are_named(
    folders: Folders, source: Checkpoint, ranges: Ranges, targets: Targets
) -> None:
    names = ["static", "per-token", "per-token+fp32-25%", "per-token+fp32-50%"]
    listed = "; ".join(rf"0\.99\d\d and 0\.9\d\d\d \({name}\)".replace("+", r"\+") for name in names)
    message = (
        rf"cosine of 0\.9999999 to float32, and 0\.9 of the texts' neighbours; reached: {listed}: lower min_cosine= or "
        "min_neighbours=, or export with precision='fp32'"
    )
    with pytest.raises(FidelityError, match=message):
        folders.run_gate(source, ranges, targets, 0.9999999)
    *tries, ranking = sorted(folders.lines, key=lambda line: line.startswith("ranking sites"))
    assert tries == [f"quantizing: {name}" for name in names]
    assert folders.lines[2] == ranking


def test_a_recipe_that_loses_neighbours_fails_though_every_cosine_is_high(
    folders: Folders, source: Checkpoint, ranges: Ranges, targets: Targets, attempts: dict[str, Attempt]
) -> None:
    kept = {name: attempt.neighbours_kept for name, attempt in attempts.items()}
    assert kept["static"] < kept["per-token"]
    assert folders.run_gate(source, ranges, targets, -1, min_neighbours=kept["static"]).recipe == STATIC
    assert folders.run_gate(source, ranges, targets, -1, min_neighbours=kept["per-token"]).recipe == PER_TOKEN


def test_both_figures_must_reach_their_limits(
    folders: Folders, source: Checkpoint, ranges: Ranges, targets: Targets
) -> None:
    with pytest.raises(FidelityError, match=r"a cosine of -1 to float32, and 1 of the texts' neighbours; reached: "):
        folders.run_gate(source, ranges, targets, -1, min_neighbours=1)


def test_a_limit_of_zero_asks_for_no_neighbours(attempts: dict[str, Attempt]) -> None:
    lost = replace(attempts["static"], neighbours_kept=0.0)
    assert lost.passes(min_cosine=0.99, min_neighbours=0)
    assert not lost.passes(min_cosine=0.99, min_neighbours=0.01)


def test_the_most_harmful_site_is_ranked_first(
    source: Checkpoint, ranges: Ranges, targets: Targets, tmp_path: Path
) -> None:
    harmful = Site(1, SiteKind.INTERMEDIATE)
    wrong_mean = ranges[harmful].mean + 300 * np.abs(ranges[harmful].magnitude)  # spoils its bias correction
    spoiled = {**ranges, harmful: replace(ranges[harmful], mean=wrong_mean)}
    ranking = rank_sites(source, spoiled, targets.samples, tmp_path, pooling="mean")
    assert ranking[0] == harmful
    assert sorted(map(str, ranking)) == sorted(map(str, checkpoint_sites(source)))
    assert {path.name for path in tmp_path.iterdir()} == {"encoder.onnx", "model.onnx_data", "plan.json"}
