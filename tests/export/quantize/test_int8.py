"""int8 weights: exact on every CPU, and close to float32."""

from collections.abc import Callable

import numpy as np
import pytest

from biobert_onnx._types import FloatArray
from biobert_onnx_export.graph.matmul import FloatMatrix, Int8Matrix, integer_product
from biobert_onnx_export.graph.writer import GraphWriter
from biobert_onnx_export.quantize.calibration import ChannelRanges
from biobert_onnx_export.quantize.int8 import int8_columns, int8_matrix, static_noise, static_scale

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


def ranges_of(x: FloatArray) -> ChannelRanges:
    """The ranges of `x`, (tokens, channels)."""
    return ChannelRanges(
        least=x.min(axis=0), greatest=x.max(axis=0), mean=x.mean(axis=0), mean_square=np.square(x).mean(axis=0)
    )


def test_weights_are_rounded_by_at_most_half_a_step(weight: FloatArray) -> None:
    integers, scale = int8_columns(weight)
    assert np.abs(integers * scale - weight).max() <= scale.max() * 0.5001
    assert (np.abs(integers.astype(int)) <= 127).all()


def test_no_pair_of_weights_overflows_sixteen_bits(weight: FloatArray) -> None:
    integers, _ = int8_columns(weight)
    padded = np.vstack([integers, np.zeros((len(integers) % 2, integers.shape[1]), dtype=np.int8)]).astype(int)
    pairs = padded.reshape(-1, 2, padded.shape[1])
    assert 255 * np.maximum(pairs, 0).sum(axis=1).max() <= 2**15 - 1
    assert 255 * np.minimum(pairs, 0).sum(axis=1).min() >= -(2**15)


def test_products_are_exact_for_the_worst_input(
    weight: FloatArray, run_nodes: Callable[[Callable[[GraphWriter], object], FloatArray], FloatArray]
) -> None:
    integers, _ = int8_columns(weight)
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
    rounded = int8_matrix(matrix, x.mean(axis=0))
    error = x @ (rounded.weight * rounded.scale) + rounded.bias - (x @ matrix.weight + matrix.bias)
    uncorrected = error - rounded.bias + matrix.bias
    assert error.mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-4)
    assert np.abs(uncorrected.mean(axis=0)).max() > 1e-2


@pytest.mark.parametrize(("least", "greatest"), [(-1.0, 3.0), (0.5, 2.0), (-4.0, -1.0), (0.0, 0.0)])
def test_a_static_scale_holds_the_range_and_zero(least: float, greatest: float) -> None:
    scale, zero_point = static_scale(ranges_of(np.array([[least], [greatest]], np.float32)))
    assert scale > 0
    assert 0 <= zero_point <= 255
    assert scale * (0 - zero_point) <= min(least, 0) + scale / 2
    assert scale * (255 - zero_point) >= max(greatest, 0) - scale / 2


@pytest.mark.parametrize("largest", [1.0, 30.0])
def test_static_noise_is_the_rounding_error_of_a_static_scale(largest: float) -> None:
    x = RNG.uniform(-1, 1, size=(4000, 32)).astype(np.float32)
    x[0, 0] = largest
    step = (x.max() - x.min()) / 255
    error = np.rint(x / step) * step - x
    expected = np.sqrt(np.square(error).mean() / np.square(x).mean())
    assert static_noise(ranges_of(x)) == pytest.approx(expected, rel=0.05)
