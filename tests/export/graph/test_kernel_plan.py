"""plan.json tells of the network what its graphs hold, and points at the bytes that they map."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from biobert_onnx.artifact.paths import ENCODER_GRAPH, MODEL_GRAPH, PLAN, WEIGHTS
from biobert_onnx.kernels.plan import FORMAT, KernelPlan, SiteKind
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.sentence_modules import Dense, LayerNorm, Normalize
from biobert_onnx_export.graph.artifact_graphs import write_encoder_graph, write_graphs
from biobert_onnx_export.graph.matmul import FloatMatrix, OutlierUnits
from biobert_onnx_export.graph.network import float_plan
from biobert_onnx_export.graph.plan import Plan, Site
from biobert_onnx_export.quantize.quantized_network import QuantizedNetwork
from biobert_onnx_export.quantize.recipes import PER_TOKEN, STATIC, Recipe

Tensors = dict[str, NDArray[Any]]
MakePlan = Callable[[str], Plan]

FLOAT_SITES = frozenset({Site(0, SiteKind.QUERY_KEY_VALUE), Site(2, SiteKind.OUTPUT)})
RECIPES: Mapping[str, Recipe] = {
    "static": replace(STATIC, per_token=frozenset()),
    "per-token": PER_TOKEN,
    "some sites in float32": replace(STATIC, float_sites=FLOAT_SITES),
}

of_each_recipe = pytest.mark.parametrize("recipe", RECIPES)


@pytest.fixture(scope="module")
def plan_of(source: Checkpoint, network: QuantizedNetwork) -> MakePlan:
    """A function that makes the plan of a recipe; its second layer has outlier units, as its last one has."""
    random = np.random.default_rng(3)
    size = source.geometry.hidden_size
    into = FloatMatrix(weight=random.normal(size=(size, 5)).astype(np.float32), bias=np.ones(5, dtype=np.float32))
    units = OutlierUnits(into=into, out=random.normal(size=(5, size)).astype(np.float32))

    def make(recipe: str) -> Plan:
        plan = network.plan(RECIPES[recipe])
        return replace(plan, outliers={**plan.outliers, 1: units})

    return make


def read(folder: Path) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads((folder / PLAN).read_bytes())
    return plan


def mapped(folder: Path) -> Tensors:
    """The tensors that the plan in `folder` points at."""
    content = (folder / WEIGHTS).read_bytes()
    tensors = {}
    for name, record in read(folder)["tensors"].items():
        count = int(np.prod(record["shape"]))
        flat = np.frombuffer(content, record["dtype"], count, record["offset"])
        tensors[name] = flat.reshape(record["shape"])
    return tensors


def initializers(path: Path) -> Tensors:
    return {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}


def offsets(path: Path) -> dict[str, int]:
    """Where the tensors of the graph at `path` lie that are not inside the graph."""
    graph = onnx.load(path, load_external_data=False).graph
    return {
        each.name: int(next(entry.value for entry in each.external_data if entry.key == "offset"))
        for each in graph.initializer
        if each.external_data
    }


def is_of_the_kernels(name: str, recipe: Recipe) -> bool:
    """Whether the kernels need the initializer `name`.

    They do not need numbers that stand in the plan itself, sums that packing makes, and tensors of float32 sites.
    """
    constants = (".input_scale", ".input_zero_point", ".weight_sum")
    float_matrices = tuple(f"{matrix}." for site in recipe.float_sites for matrix in site.matrix_names)
    own = name.startswith(("embeddings.", "encoder.", "pooler."))
    return own and not name.endswith(constants) and not name.startswith(float_matrices)


@of_each_recipe
@pytest.mark.parametrize("pooling", ["mean", "pooler", "cls+mean"])
def test_every_tensor_is_the_one_of_the_graphs(
    source: Checkpoint, plan_of: MakePlan, tmp_path: Path, recipe: str, pooling: str
) -> None:
    write_graphs(source, plan_of(recipe), tmp_path, pooling=pooling)
    found = mapped(tmp_path)
    model, encoder = (initializers(tmp_path / graph) for graph in (MODEL_GRAPH, ENCODER_GRAPH))
    for name, tensor in found.items():
        for graph in (model, encoder) if name in encoder else (model,):
            assert (tensor.dtype, tensor.shape) == (graph[name].dtype, graph[name].shape)
            assert np.array_equal(tensor, graph[name])
    assert found.keys() == {name for name in model if is_of_the_kernels(name, RECIPES[recipe])}
    assert ("pooler.dense.bias" in found) == (pooling == "pooler")


@of_each_recipe
@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_the_runtime_reads_a_complete_plan(
    source: Checkpoint, plan_of: MakePlan, tmp_path: Path, recipe: str, pooling: str
) -> None:
    write_graphs(source, plan_of(recipe), tmp_path, pooling=pooling)
    plan, expected = KernelPlan.read(tmp_path), read(tmp_path)
    plan.check_complete(tmp_path / PLAN)
    assert {"format": FORMAT, **asdict(plan)} == expected


@of_each_recipe
def test_a_tensor_is_in_the_weights_file_once_and_aligned(
    source: Checkpoint, plan_of: MakePlan, tmp_path: Path, recipe: str
) -> None:
    write_graphs(source, plan_of(recipe), tmp_path, pooling="mean")
    records = read(tmp_path)["tensors"]
    shared = {name: offset for name, offset in offsets(tmp_path / MODEL_GRAPH).items() if name in records}
    assert len(shared) > 20
    assert shared == {name: records[name]["offset"] for name in shared}
    assert all(record["offset"] % 64 == 0 for record in records.values())
    assert len({record["offset"] for record in records.values()}) == len(records)


def test_scales_and_zero_points_are_those_of_the_graph(source: Checkpoint, plan_of: MakePlan, tmp_path: Path) -> None:
    write_graphs(source, plan_of("static"), tmp_path, pooling="mean")
    model = initializers(tmp_path / MODEL_GRAPH)
    sites = read(tmp_path)["sites"]
    assert len(sites) == 4 * source.geometry.num_hidden_layers
    for name, site in sites.items():
        assert site["products"] == "static"
        assert np.float32(site["scale"]) == site["scale"] == model[f"{name}.input_scale"]
        assert site["zero_point"] == model[f"{name}.input_zero_point"]
        assert site["smoothing"] == (f"{name}.inverse_smoothing" in model)


def test_a_per_token_site_has_no_scale_and_a_float32_site_nothing(
    source: Checkpoint, network: QuantizedNetwork, tmp_path: Path
) -> None:
    recipe = replace(PER_TOKEN, float_sites=FLOAT_SITES)
    write_graphs(source, network.plan(recipe), tmp_path, pooling="mean")
    plan = read(tmp_path)
    for name, site in plan["sites"].items():
        smoothing = name.endswith((".self", ".intermediate"))
        is_float = name in set(map(str, FLOAT_SITES))
        assert site == ({"products": "float32"} if is_float else {"products": "per_token", "smoothing": smoothing})
    tensors = plan["tensors"]
    assert not [name for name in tensors if name.startswith("encoder.layer.0.attention.self.")]
    assert not [name for name in tensors if name.startswith("encoder.layer.2.output.dense.")]


def test_the_sites_come_in_the_order_of_computation(source: Checkpoint, plan_of: MakePlan, tmp_path: Path) -> None:
    write_graphs(source, plan_of("static"), tmp_path, pooling="mean")
    kinds = ("attention.self", "attention.output", "intermediate", "output")
    layers = range(source.geometry.num_hidden_layers)
    assert list(read(tmp_path)["sites"]) == [f"encoder.layer.{layer}.{kind}" for layer in layers for kind in kinds]


def test_geometry_activation_and_format_are_told(
    source: Checkpoint, tiny_checkpoint: Path, plan_of: MakePlan, tmp_path: Path
) -> None:
    write_graphs(source, plan_of("static"), tmp_path, pooling="cls")
    plan = read(tmp_path)
    assert (plan["format"], plan["activation"], plan["pooling"]) == (FORMAT, "gelu", "cls")
    sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    config = json.loads((tiny_checkpoint / "config.json").read_bytes())
    expected = {name: config[name] for name in (*sizes, "max_position_embeddings", "type_vocab_size", "layer_norm_eps")}
    assert plan["geometry"] == {**expected, "embedding_size": config["hidden_size"]}
    assert (plan["padding_id"], plan["attention_bias"], plan["pairs"]) == (None, False, False)


def test_outlier_units_are_counted_and_their_tensors_kept(
    source: Checkpoint, plan_of: MakePlan, tmp_path: Path
) -> None:
    plan = plan_of("static")
    write_graphs(source, plan, tmp_path, pooling="mean")
    counts, tensors = read(tmp_path)["outlier_units"], mapped(tmp_path)
    assert counts == {"encoder.layer.1": 5, "encoder.layer.3": len(plan.outliers[3].into.bias)}
    for layer, units in plan.outliers.items():
        name = f"encoder.layer.{layer}.outliers"
        assert np.array_equal(tensors[f"{name}.into.weight"], units.into.weight)
        assert np.array_equal(tensors[f"{name}.bias"], units.into.bias)
        assert np.array_equal(tensors[f"{name}.out.weight"], units.out)
        assert tensors[f"{name}.out.weight"].shape == (counts[f"encoder.layer.{layer}"], source.geometry.hidden_size)


def test_the_modules_after_pooling_are_named_in_their_order(
    source: Checkpoint, plan_of: MakePlan, tmp_path: Path
) -> None:
    ones, weight = np.ones(7, dtype=np.float32), np.ones((7, source.geometry.hidden_size), dtype=np.float32)
    modules = (
        Normalize(),
        Dense(place="3_Dense", weight=weight, bias=ones, activation="Tanh"),
        LayerNorm(place="4_LayerNorm", weight=ones, bias=ones),
    )
    checkpoint = replace(source, modules=replace(source.modules, after_pooling=modules))
    write_graphs(checkpoint, plan_of("static"), tmp_path, pooling="mean")
    assert read(tmp_path)["after_pooling"] == ["Normalize", "Dense", "LayerNorm"]


def test_without_modules_after_pooling_the_list_is_empty(source: Checkpoint, plan_of: MakePlan, tmp_path: Path) -> None:
    write_graphs(source, plan_of("static"), tmp_path, pooling="mean")
    assert read(tmp_path)["after_pooling"] == []


def test_a_float32_network_has_no_plan(source: Checkpoint, tmp_path: Path) -> None:
    write_graphs(source, float_plan(source), tmp_path, pooling="mean")
    assert {path.name for path in tmp_path.iterdir()} == {ENCODER_GRAPH, MODEL_GRAPH, WEIGHTS}


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_a_candidate_has_the_plan_of_the_artifact_but_for_offsets(
    source: Checkpoint, plan_of: MakePlan, tmp_path: Path, pooling: str
) -> None:
    artifact, candidate = tmp_path / "artifact", tmp_path / "candidate"
    for folder, write in ((artifact, write_graphs), (candidate, write_encoder_graph)):
        folder.mkdir()
        write(source, plan_of("static"), folder, pooling=pooling)
    assert {**read(candidate), "tensors": None} == {**read(artifact), "tensors": None}
    found, expected = mapped(candidate), mapped(artifact)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in found)


def test_two_exports_write_equal_bytes(source: Checkpoint, plan_of: MakePlan, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_graphs(source, plan_of("static"), tmp_path / name, pooling="mean")
    content = (tmp_path / "first" / PLAN).read_bytes()
    assert content == (tmp_path / "second" / PLAN).read_bytes()
    assert content.endswith(b"\n}\n")
    assert (tmp_path / "first" / WEIGHTS).read_bytes() == (tmp_path / "second" / WEIGHTS).read_bytes()


def test_the_manifest_of_an_int8_artifact_lists_the_plan(artifact: Path) -> None:
    files = json.loads((artifact / "manifest.json").read_bytes())["files"]
    assert files[PLAN]["size"] == (artifact / PLAN).stat().st_size
