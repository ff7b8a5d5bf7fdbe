"""The gate: the first recipe that passes is taken, and sites are ranked only after one failed."""

from dataclasses import replace
from pathlib import Path

import pytest

from biobert_onnx.kernels.plan import SiteKind
from biobert_onnx_export import FidelityError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.gate import Attempt, rank_sites, try_recipe, write_faithful_graphs
from biobert_onnx_export.gate.measure import gate_figures, worst_cosine
from biobert_onnx_export.graph.matmul import FloatProducts
from biobert_onnx_export.graph.network import checkpoint_sites
from biobert_onnx_export.graph.plan import Site
from biobert_onnx_export.quantize.quantized_network import QuantizedNetwork
from biobert_onnx_export.quantize.recipes import PER_TOKEN
from biobert_onnx_export.reference.targets import Targets


class Folders:
    """Two empty folders, and the lines that the gate reports."""

    def __init__(self, place: Path) -> None:
        self.artifact, self.scratch = place / "artifact", place / "scratch"
        self.artifact.mkdir()
        self.scratch.mkdir()
        self.lines: list[str] = []

    def run_gate(
        self,
        source: Checkpoint,
        network: QuantizedNetwork,
        targets: Targets,
        min_cosine: float,
        min_neighbours: float = 0.9,
    ) -> Attempt:
        return write_faithful_graphs(
            source,
            network,
            targets,
            self.artifact,
            scratch=self.scratch,
            pooling="mean",
            recipe=PER_TOKEN,
            min_cosine=min_cosine,
            min_neighbours=min_neighbours,
            progress=self.lines.append,
        )


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


@pytest.fixture(scope="module")
def first(
    source: Checkpoint, network: QuantizedNetwork, targets: Targets, tmp_path_factory: pytest.TempPathFactory
) -> Attempt:
    """What the first recipe reaches."""
    folder = tmp_path_factory.mktemp("reached")
    return try_recipe(source, network, targets.gated, PER_TOKEN, folder, pooling="mean")


def test_the_first_recipe_is_taken_without_a_ranking_if_it_passes(
    folders: Folders, source: Checkpoint, network: QuantizedNetwork, targets: Targets, first: Attempt
) -> None:
    passed = folders.run_gate(source, network, targets, first.worst_cosine)
    assert passed.recipe == PER_TOKEN
    assert folders.lines == ["measuring the recipe per-token"]
    assert list(folders.scratch.iterdir()) == []


def test_the_graphs_in_the_folder_are_those_that_passed(
    folders: Folders, source: Checkpoint, network: QuantizedNetwork, targets: Targets, first: Attempt
) -> None:
    passed = folders.run_gate(source, network, targets, first.worst_cosine + 1e-6)
    assert passed.recipe.name in {"per-token+fp32-25%", "per-token+fp32-50%"}
    figures = gate_figures(folders.artifact, targets.gated)
    assert worst_cosine(folders.artifact, targets.gated) == passed.worst_cosine > first.worst_cosine
    assert (figures.worst_cosine, figures.neighbours_kept) == (passed.worst_cosine, passed.neighbours_kept)
    floats = {site for site, products in passed.plan.sites.items() if isinstance(products, FloatProducts)}
    assert floats == passed.recipe.float_sites


def test_without_a_recipe_that_passes_all_are_named(
    folders: Folders, source: Checkpoint, network: QuantizedNetwork, targets: Targets
) -> None:
    names = ["per-token", "per-token+fp32-25%", "per-token+fp32-50%"]
    listed = "; ".join(rf"0\.99\d\d and 0\.9\d\d\d \({name}\)".replace("+", r"\+") for name in names)
    message = (
        rf"cosine of 0\.9999999 to float32, and 0\.9 of the texts' neighbours; reached: {listed}: lower min_cosine= or "
        "min_neighbours=, or export with precision='fp32'"
    )
    with pytest.raises(FidelityError, match=message):
        folders.run_gate(source, network, targets, 0.9999999)
    line, ranking, *lines = folders.lines
    assert [line, *lines] == [f"measuring the recipe {name}" for name in names]
    assert ranking.startswith("ranking sites")


def test_a_recipe_that_loses_neighbours_fails_though_every_cosine_is_high(
    folders: Folders, source: Checkpoint, network: QuantizedNetwork, targets: Targets, first: Attempt
) -> None:
    kept = first.neighbours_kept
    assert folders.run_gate(source, network, targets, -1, min_neighbours=kept).recipe == PER_TOKEN
    passed = folders.run_gate(source, network, targets, -1, min_neighbours=kept + 1e-6)
    assert passed.recipe.name in {"per-token+fp32-25%", "per-token+fp32-50%"}
    assert passed.neighbours_kept > kept


def test_both_figures_must_reach_their_limits(
    folders: Folders, source: Checkpoint, network: QuantizedNetwork, targets: Targets
) -> None:
    with pytest.raises(FidelityError, match=r"a cosine of -1 to float32, and 1 of the texts' neighbours; reached: "):
        folders.run_gate(source, network, targets, -1, min_neighbours=1)


def test_a_limit_of_zero_asks_for_no_neighbours(first: Attempt) -> None:
    lost = replace(first, neighbours_kept=0.0)
    assert lost.passes(min_cosine=0.99, min_neighbours=0)
    assert not lost.passes(min_cosine=0.99, min_neighbours=0.01)


def test_the_most_harmful_site_is_ranked_first(
    source: Checkpoint, network: QuantizedNetwork, targets: Targets, tmp_path: Path
) -> None:
    harmful = Site(1, SiteKind.INTERMEDIATE)
    quantized = network.sites[harmful]
    wrong = {name: replace(matrix, bias=matrix.bias + 5) for name, matrix in quantized.integers.items()}
    spoiled = replace(network, sites={**network.sites, harmful: replace(quantized, integers=wrong)})
    ranking = rank_sites(source, spoiled, PER_TOKEN, targets.samples, tmp_path, pooling="mean")
    assert ranking[0] == harmful
    assert sorted(map(str, ranking)) == sorted(map(str, checkpoint_sites(source)))
    assert {path.name for path in tmp_path.iterdir()} == {"encoder.onnx", "model.onnx_data", "plan.json"}
