"""int8 weights: exact on every CPU, and close to float32."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx_export.graph.matmul import FloatMatrix, Int8Matrix, integer_product
from biobert_onnx_export.graph.writer import GraphWriter
from biobert_onnx_export.quantize.calibration import InputStatistics
from biobert_onnx_export.quantize.int8 import column_scales, int8_matrix, static_scale

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
def weight(request: pytest.FixtureRequest) -> FloatArray:
    return WEIGHTS[request.param].astype(np.float32)


def statistics_of(x: FloatArray) -> InputStatistics:
    """The statistics of `x`, (tokens, channels)."""
    return InputStatistics(
        least=x.min(axis=0), greatest=x.max(axis=0), mean=x.mean(axis=0), moments=x.T.astype(np.float64) @ x / len(x)
    )


def nearest(weight: FloatArray) -> NDArray[np.int8]:
    """`weight` in steps of its scales, rounded to the nearest."""
    integers: NDArray[np.int8] = np.rint(weight / column_scales(weight)).astype(np.int8)
    return integers


def test_the_largest_pair_of_a_column_takes_the_whole_range(weight: FloatArray) -> None:
    padded = np.vstack([nearest(weight), np.zeros((len(weight) % 2, weight.shape[1]))]).astype(int)
    pairs = padded.reshape(-1, 2, padded.shape[1])
    largest = np.maximum(np.maximum(pairs, 0).sum(axis=1), np.maximum(-pairs, 0).sum(axis=1)).max(axis=0)
    assert (largest <= 128).all()
    assert (largest[weight.any(axis=0)] >= 126).all()


def test_products_are_exact_for_the_worst_input(
    weight: FloatArray, run_nodes: Callable[[Callable[[GraphWriter], object], FloatArray], FloatArray]
) -> None:
    integers = nearest(weight)
    largest = np.where(integers > 0, 255, 0).astype(np.float32).T  # for each column, everything of one sign
    ones, zeros = np.ones(weight.shape[1], np.float32), np.zeros(weight.shape[1], np.float32)
    matrix = Int8Matrix(weight=integers, scale=ones, bias=zeros)

    def write(graph: GraphWriter) -> None:
        one, zero = graph.constant("one", np.float32(1)), graph.constant("zero", np.uint8(0))
        quantized = graph.node("QuantizeLinear", ["x", one, zero], "quantized")
        integer_product(graph, quantized, "y", matrix, one, zero, bias=True)

    found = run_nodes(write, largest)
    assert (found == largest.astype(np.int64) @ integers.astype(np.int64)).all()


def test_bias_correction_takes_back_the_mean_rounding_error() -> None:
    x = RNG.normal(loc=3, size=(500, 40)).astype(np.float32)
    matrix = FloatMatrix(weight=RNG.normal(size=(40, 8)).astype(np.float32), bias=np.ones(8, np.float32))
    rounded = int8_matrix(matrix, statistics_of(x))
    error = x @ (rounded.weight * rounded.scale) + rounded.bias - (x @ matrix.weight + matrix.bias)
    uncorrected = error - rounded.bias + matrix.bias
    assert error.mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-4)
    assert np.abs(uncorrected.mean(axis=0)).max() > 1e-2


@pytest.mark.parametrize(("least", "greatest"), [(-1.0, 3.0), (0.5, 2.0), (-4.0, -1.0), (0.0, 0.0)])
def test_a_static_scale_holds_the_range_and_zero(least: float, greatest: float) -> None:
    scale, zero_point = static_scale(statistics_of(np.array([[least], [greatest]], np.float32)))
    assert scale > 0
    assert 0 <= zero_point <= 255
    assert scale * (0 - zero_point) <= min(least, 0) + scale / 2
    assert scale * (255 - zero_point) >= max(greatest, 0) - scale / 2
