"""Smoothing moves loud channels into the weights and leaves the products unchanged."""

import numpy as np
import pytest

from biobert_onnx._types import FloatArray
from biobert_onnx_export.graph.matmul import FloatMatrix
from biobert_onnx_export.quantize.calibration import InputStatistics
from biobert_onnx_export.quantize.smoothing import divide_outputs, smooth, smoothing_factors

RNG = np.random.default_rng(5)


@pytest.fixture
def x() -> FloatArray:
    """Activations (tokens, channels) whose channel 3 is a hundred times as loud as the others."""
    x = RNG.normal(size=(200, 16)).astype(np.float32)
    x[:, 3] *= 100
    return x


@pytest.fixture
def ranges(x: FloatArray) -> InputStatistics:
    return InputStatistics(
        least=x.min(axis=0), greatest=x.max(axis=0), mean=x.mean(axis=0), moments=x.T.astype(np.float64) @ x / len(x)
    )


@pytest.fixture
def matrices() -> dict[str, FloatMatrix]:
    return {
        name: FloatMatrix(weight=RNG.normal(size=(16, 8)).astype(np.float32), bias=np.ones(8, np.float32))
        for name in ("query", "key")
    }


def test_products_stay_the_same(x: FloatArray, matrices: dict[str, FloatMatrix], ranges: InputStatistics) -> None:
    smoothed, _, factors = smooth(matrices, ranges)
    for name, matrix in matrices.items():
        expected = x @ matrix.weight + matrix.bias
        found = (x / factors) @ smoothed[name].weight + smoothed[name].bias
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_the_ranges_are_those_of_the_divided_input(
    x: FloatArray, matrices: dict[str, FloatMatrix], ranges: InputStatistics
) -> None:
    _, found, factors = smooth(matrices, ranges)
    divided = x / factors
    assert found.least == pytest.approx(divided.min(axis=0), rel=1e-5)
    assert found.greatest == pytest.approx(divided.max(axis=0), rel=1e-5)
    assert found.mean == pytest.approx(divided.mean(axis=0), rel=1e-3, abs=1e-6)
    assert found.moments == pytest.approx((x / factors).T @ (x / factors) / len(x), rel=1e-4, abs=1e-4)


def test_a_loud_channel_becomes_quiet(matrices: dict[str, FloatMatrix], ranges: InputStatistics) -> None:
    _, found, _ = smooth(matrices, ranges)
    others = np.arange(16) != 3
    assert ranges.magnitude[3] > 50 * np.median(ranges.magnitude[others])
    assert found.magnitude[3] < 10 * np.median(found.magnitude[others])


def test_factors_follow_the_formula(matrices: dict[str, FloatMatrix], ranges: InputStatistics) -> None:
    largest = np.maximum(*(np.abs(matrix.weight).max(axis=1) for matrix in matrices.values()))
    expected = ranges.magnitude**0.6 / largest**0.4
    assert smoothing_factors(matrices, ranges) == pytest.approx(expected, rel=1e-5)


def test_the_arguments_are_left_unchanged(matrices: dict[str, FloatMatrix], ranges: InputStatistics) -> None:
    weights, magnitude = {name: matrix.weight.copy() for name, matrix in matrices.items()}, ranges.magnitude.copy()
    smooth(matrices, ranges)
    assert all((matrices[name].weight == weight).all() for name, weight in weights.items())
    assert (ranges.magnitude == magnitude).all()


def test_a_dead_channel_gets_a_finite_factor(matrices: dict[str, FloatMatrix], ranges: InputStatistics) -> None:
    dead = np.ones(16, np.float32)
    dead[0] = 0
    factors = smoothing_factors(matrices, ranges.multiplied(dead))
    assert np.isfinite(factors).all()
    assert factors.min() > 0


def test_dividing_the_outputs_of_a_matrix_divides_its_products(x: FloatArray, matrices: dict[str, FloatMatrix]) -> None:
    factors = RNG.uniform(0.5, 4, size=8).astype(np.float32)
    matrix = matrices["query"]
    divided = divide_outputs(matrix, factors)
    expected = (x @ matrix.weight + matrix.bias) / factors
    assert x @ divided.weight + divided.bias == pytest.approx(expected, rel=1e-4, abs=1e-3)
