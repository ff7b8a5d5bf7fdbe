"""Int8 products: exact on every CPU, close to float32, with outlier units kept apart."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx.encoding.sessions import open_session
from biobert_onnx_export.graph.lookup import Int8Table
from biobert_onnx_export.graph.matmul import Int8Matrix, RowSite, StaticSite, integer_product
from biobert_onnx_export.graph.writer import GraphWriter, WeightsFile
from biobert_onnx_export.quantize.calibration import SiteStatistics
from biobert_onnx_export.quantize.quantized_plan import OUTLIER_UNITS, int8_columns, outlier_units, static_noise

RNG = np.random.default_rng(11)

WEIGHTS = {
    "normal": RNG.normal(size=(768, 64)),
    "heavy tails": RNG.standard_t(2, size=(768, 64)),
    "an odd number of inputs": RNG.normal(size=(97, 33)),
    "one input": RNG.normal(size=(1, 5)),
    "all alike": np.ones((64, 8)),
    "equal pairs": np.repeat(RNG.normal(size=(32, 16)), 2, axis=0),
    "zeros": np.zeros((16, 4)),
}


@pytest.fixture(params=list(WEIGHTS))
def weight(request: pytest.FixtureRequest) -> NDArray[np.float32]:
    return WEIGHTS[request.param].astype(np.float32)


def test_weights_are_rounded_by_at_most_half_a_step(weight: NDArray[np.float32]) -> None:
    integers, scale = int8_columns(weight)
    assert np.abs(integers * scale - weight).max() <= scale.max() * 0.5001
    assert (np.abs(integers.astype(int)) <= 127).all()


def test_no_pair_of_weights_can_overflow_sixteen_bits(weight: NDArray[np.float32]) -> None:
    integers, _ = int8_columns(weight)
    padded = np.vstack([integers, np.zeros((len(integers) % 2, integers.shape[1]), dtype=np.int8)]).astype(int)
    pairs = padded.reshape(-1, 2, padded.shape[1])
    assert 255 * np.maximum(pairs, 0).sum(axis=1).max() <= 2**15 - 1
    assert 255 * np.minimum(pairs, 0).sum(axis=1).min() >= -(2**15)


def test_integer_products_are_exact_for_the_worst_input(weight: NDArray[np.float32], tmp_path: Path) -> None:
    integers, _ = int8_columns(weight)
    largest = np.where(integers > 0, 255, 0).astype(np.float32).T  # one row a column, everything of one sign
    matrix = Int8Matrix(
        weight=integers, scale=np.ones(weight.shape[1], np.float32), bias=np.zeros(weight.shape[1], np.float32)
    )

    def write(graph: GraphWriter) -> None:
        one, zero = graph.constant("one", np.float32(1)), graph.constant("zero", np.uint8(0))
        quantized = graph.node("QuantizeLinear", ["x", one, zero], "quantized")
        integer_product(graph, quantized, "y", matrix, one, zero, bias=True)

    found = run_float_graph(write, largest, tmp_path)
    assert (found == largest.astype(np.int64) @ integers.astype(np.int64)).all()


def run_float_graph(write: object, x: NDArray[np.float32], folder: Path) -> NDArray[np.float32]:
    """The value "y" of the graph that `write` adds to, for the float32 input "x"."""
    with WeightsFile(folder / "weights.bin") as weights:
        graph = GraphWriter(weights)
        graph.node("Cast", ["bits"], "x", to=1)
        write(graph)  # type: ignore[operator]
        graph.write(folder / "graph.onnx", inputs={"bits": ("rows", "inputs")}, outputs={"y": ("rows", None)})
    session = open_session(folder / "graph.onnx")
    y: NDArray[np.float32] = session.run(["y"], {"bits": x.astype(np.int64)})[0]
    return y


@pytest.mark.parametrize("kind", ["static", "row", "row after GELU"])
def test_each_kind_of_site_is_close_to_float32(kind: str, tmp_path: Path) -> None:
    weight = RNG.normal(size=(128, 32)).astype(np.float32)
    bias = RNG.normal(size=32).astype(np.float32)
    integers, scale = int8_columns(weight)
    matrices = {"y": Int8Matrix(weight=integers, scale=scale, bias=bias)}
    least = 0 if kind == "row after GELU" else -100
    x = RNG.integers(least, 100, size=(20, 128)).astype(np.float32)
    sites: dict[str, StaticSite | RowSite] = {
        "static": StaticSite(matrices=matrices, scale=200 / 255, zero_point=128, smoothing=None),
        "row": RowSite(matrices=matrices, after_gelu=False, smoothing=np.full(128, 2, np.float32)),
        "row after GELU": RowSite(matrices=matrices, after_gelu=True, smoothing=None),
    }
    site = sites[kind]
    expected = (x / 2 if kind == "row" else x) @ weight + bias
    found = run_float_graph(lambda graph: site.write(graph, "site", "x"), x, tmp_path)
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 0.02


def test_a_row_does_not_change_with_the_rows_beside_it(tmp_path: Path) -> None:
    integers, scale = int8_columns(RNG.normal(size=(64, 8)).astype(np.float32))
    site = RowSite(
        matrices={"y": Int8Matrix(weight=integers, scale=scale, bias=np.zeros(8, np.float32))},
        after_gelu=False,
        smoothing=None,
    )
    x = RNG.integers(-50, 50, size=(9, 64)).astype(np.float32)
    loud = np.vstack([x, 1000 * x])
    alone = run_float_graph(lambda graph: site.write(graph, "site", "x"), x, tmp_path)
    beside = run_float_graph(lambda graph: site.write(graph, "site", "x"), loud, tmp_path)
    assert (beside[: len(x)] == alone).all()


def test_the_loudest_units_are_outliers_where_one_towers_above_the_rest() -> None:
    magnitude = RNG.uniform(1, 3, size=3072).astype(np.float32)
    assert outlier_units(magnitude).size == 0
    magnitude[1234] = 100
    units = outlier_units(magnitude)
    assert 1234 in units
    assert units.size == OUTLIER_UNITS
    assert (magnitude[units].min() >= np.delete(magnitude, units)).all()


@pytest.mark.parametrize("largest", [1.0, 30.0])
def test_static_noise_is_the_rounding_error_that_a_static_scale_makes(largest: float) -> None:
    x = RNG.uniform(-1, 1, size=(4000, 32)).astype(np.float32)
    x[0, 0] = largest
    ranges = SiteStatistics(least=x.min(0), greatest=x.max(0), mean=x.mean(0), power=np.square(x).mean(0))
    step = (x.max() - x.min()) / 255
    error = np.rint(x / step) * step - x
    assert static_noise(ranges) == pytest.approx(np.sqrt(np.square(error).mean() / np.square(x).mean()), rel=0.05)


def test_rows_of_an_int8_table_are_within_half_a_step_of_their_own() -> None:
    rows = (RNG.normal(size=(200, 48)) * RNG.uniform(0.01, 5, size=(200, 1))).astype(np.float32)
    rows[7] = 0
    table = Int8Table.of(rows)
    assert (np.abs(table.rows * table.scale - rows) <= table.scale * 0.5001).all()
    assert table.scale.shape == (200, 1)


def test_a_graph_looks_up_the_rows_of_an_int8_table(tmp_path: Path) -> None:
    table = Int8Table.of(RNG.normal(size=(50, 16)).astype(np.float32))
    with WeightsFile(tmp_path / "weights.bin") as weights:
        graph = GraphWriter(weights)
        table.write(graph, "words", "ids")
        graph.write(tmp_path / "graph.onnx", inputs={"ids": ("texts",)}, outputs={"words": ("texts", 16)})
    ids = np.array([3, 0, 49, 3])
    (found,) = open_session(tmp_path / "graph.onnx").run(["words"], {"ids": ids})
    assert (found == table.rows[ids].astype(np.float32) * table.scale[ids]).all()
