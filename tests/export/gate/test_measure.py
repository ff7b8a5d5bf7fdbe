"""Measurements find wrong graphs: of another checkpoint, of another pooling, and of vectors that are off."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx.comparison.agreement import cosines
from biobert_onnx.encoding.engines import KERNELS, ONNXRUNTIME
from biobert_onnx.kernels.packed import Arrays, pack_in_memory
from biobert_onnx.kernels.plan import KernelPlan
from biobert_onnx_export import FidelityError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.measure import (
    PARITY,
    check_graphs,
    check_parity,
    encoder_vectors,
    gate_figures,
    measure_fidelity,
    worst_cosine,
)
from biobert_onnx_export.graph.artifact_graphs import write_graphs
from biobert_onnx_export.graph.network import float_plan
from biobert_onnx_export.quantize.quantized_network import QuantizedNetwork
from biobert_onnx_export.quantize.recipes import PER_TOKEN
from biobert_onnx_export.reference.targets import Targets
from tests.support.checkpoints import DIM
from tests.support.engines import NO_KERNELS, needs_kernels


@pytest.fixture(scope="module")
def folder(source: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The float32 graphs of the tiny checkpoint."""
    folder = tmp_path_factory.mktemp("float32")
    write_graphs(source, float_plan(source), folder, pooling="mean")
    return folder


@pytest.fixture
def another(source: Checkpoint) -> Checkpoint:
    """The tiny checkpoint with one bias of its last layer changed a little."""
    name = "encoder.layer.3.output.LayerNorm.bias"
    changed = source.tensors[name] + np.linspace(0, 0.001, DIM, dtype=np.float32)
    return replace(source, tensors={**source.tensors, name: changed})


def test_float32_graphs_pass_both_checks(folder: Path, targets: Targets) -> None:
    check_parity(folder, targets.samples, tolerance=PARITY)
    check_graphs(folder, targets.samples)


def test_the_graphs_of_another_checkpoint_fail_parity(another: Checkpoint, targets: Targets, tmp_path: Path) -> None:
    write_graphs(another, float_plan(another), tmp_path, pooling="mean")
    message = r"the float32 encoder\.onnx differs from the reference by .* report it as a fault, with this checkpoint"
    with pytest.raises(FidelityError, match=message):
        check_parity(tmp_path, targets.samples, tolerance=PARITY)


def test_a_model_graph_of_another_pooling_fails_the_check(
    source: Checkpoint, folder: Path, targets: Targets, tmp_path: Path
) -> None:
    write_graphs(source, float_plan(source), tmp_path, pooling="cls")
    for name in ("encoder.onnx", "model.onnx_data"):
        shutil.copy(folder / name, tmp_path / name)
    message = r"model\.onnx has a mean cosine of 0\.\d+ to the reference, and encoder\.onnx 1\.0+: report it"
    with pytest.raises(FidelityError, match=message):
        check_graphs(tmp_path, targets.samples)


def test_the_worst_cosine_is_that_of_the_worst_text(folder: Path, targets: Targets) -> None:
    vectors = targets.gated.vectors.copy()
    vectors[17] = -vectors[17]
    assert worst_cosine(folder, targets.gated) == pytest.approx(1, abs=1e-6)
    assert worst_cosine(folder, replace(targets.gated, vectors=vectors)) == pytest.approx(-1, abs=1e-6)


def test_the_gate_looks_at_the_worst_text_and_at_all_neighbours(folder: Path, targets: Targets) -> None:
    vectors = targets.gated.vectors.copy()
    vectors[17] = -vectors[17]
    figures = gate_figures(folder, replace(targets.gated, vectors=vectors))
    assert figures.worst_cosine == pytest.approx(-1, abs=1e-6)
    assert 0.95 < figures.neighbours_kept < 1
    assert gate_figures(folder, targets.gated).neighbours_kept > 0.999


@needs_kernels
def test_the_gate_takes_each_figure_of_the_worse_engine(
    source: Checkpoint, network: QuantizedNetwork, targets: Targets, tmp_path: Path
) -> None:
    write_graphs(source, network.plan(PER_TOKEN), tmp_path, pooling="mean")
    figures = gate_figures(tmp_path, targets.gated)
    records = [sets["gated"] for sets in measure_fidelity(tmp_path, {"gated": targets.gated}).values()]
    assert len({record["neighbours_kept"] for record in records}) == 2
    assert round(figures.neighbours_kept, 6) == min(record["neighbours_kept"] for record in records)
    assert round(figures.worst_cosine, 6) == min(record["cosine_min"] for record in records)


def test_fidelity_is_measured_on_every_held_out_set(folder: Path, targets: Targets) -> None:
    found = measure_fidelity(folder, targets.held_out)["onnxruntime"]
    assert {name: record["texts"] for name, record in found.items()} == {"gated": 205, "general": 60}
    general = targets.held_out["general"]
    cosine = cosines(encoder_vectors(folder, general.token_ids, dim=DIM), general.vectors)
    assert found["general"]["cosine_mean"] == pytest.approx(cosine.mean(), abs=1e-6)


@needs_kernels
def test_every_engine_is_measured_and_the_weights_are_packed_once(
    source: Checkpoint, network: QuantizedNetwork, targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_graphs(source, network.plan(PER_TOKEN), tmp_path, pooling="mean")
    packed: list[Path] = []

    def counted(folder: Path, plan: KernelPlan) -> Arrays:
        packed.append(folder)
        return pack_in_memory(folder, plan)

    monkeypatch.setattr("biobert_onnx.kernels.engine.pack_in_memory", counted)
    found = measure_fidelity(tmp_path, targets.held_out)
    assert {engine: sorted(records) for engine, records in found.items()} == {
        engine: ["gated", "general"] for engine in (ONNXRUNTIME, KERNELS)
    }
    assert found[KERNELS] != found[ONNXRUNTIME]
    assert packed == [tmp_path]


def test_kernels_that_do_not_run_here_are_not_measured(
    source: Checkpoint, network: QuantizedNetwork, targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_graphs(source, network.plan(PER_TOKEN), tmp_path, pooling="mean")
    for name, value in NO_KERNELS.items():
        monkeypatch.setenv(name, value)
    assert list(measure_fidelity(tmp_path, targets.held_out)) == [ONNXRUNTIME]
