"""GPTQ: integers that fit the inputs that occur, and that no pair of which can saturate."""

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.packed import PAIR_BOUND
from biobert_onnx_export.quantize import gptq
from biobert_onnx_export.quantize.gptq import BLOCK, DAMPING, round_columns
from biobert_onnx_export.quantize.int8 import column_scales

RNG = np.random.default_rng(11)

WEIGHTS = {
    "normal": RNG.normal(size=(384, 64)),
    "heavy tails": RNG.standard_t(2, size=(384, 64)),
    "an odd number of inputs": RNG.normal(size=(97, 33)),
    "one input": RNG.normal(size=(1, 5)),
    "all alike": np.ones((64, 8)),
    "equal pairs": np.repeat(RNG.normal(size=(32, 16)), 2, axis=0),
    "zeros": np.zeros((16, 4)),
    "a whole block and one input": RNG.normal(size=(BLOCK + 1, 7)),
}


@pytest.fixture(params=list(WEIGHTS))
def weight(request: pytest.FixtureRequest) -> FloatArray:
    return WEIGHTS[request.param].astype(np.float32)


def moments_of(inputs: int, *, shared: float, dead: int = 0) -> NDArray[np.float64]:
    """The moments of inputs that share a few causes, as far as `shared` says; the last `dead` are always 0."""
    rng = np.random.default_rng(inputs)
    x = rng.normal(size=(500, inputs)) + shared * rng.normal(size=(500, 4)) @ rng.normal(size=(4, inputs))
    x *= rng.lognormal(size=inputs)
    x[:, inputs - dead :] = 0
    return x.T @ x / len(x)


def squared_error(
    weight: FloatArray, scale: FloatArray, integers: NDArray[np.int8], moments: NDArray[np.float64]
) -> float:
    """The mean squared error of the outputs."""
    error = weight.astype(np.float64) - integers * scale.astype(np.float64)
    return float((error * (moments @ error)).sum())


def published_gptq(weight: FloatArray, scale: FloatArray, moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """The algorithm of the paper, weight by weight, with the inverse of the moments and without the pair bound."""
    order = np.argsort(-np.diagonal(moments), kind="stable")
    damped = moments[np.ix_(order, order)] + DAMPING * np.diagonal(moments).mean() * np.eye(len(moments))
    inverse = np.linalg.cholesky(np.linalg.inv(damped)).T
    left = (weight / scale)[order].astype(np.float64)
    rounded = np.empty_like(left)
    for each in range(len(left)):
        rounded[each] = np.rint(left[each])
        error = (left[each] - rounded[each]) / inverse[each, each]
        left[each + 1 :] -= np.outer(inverse[each, each + 1 :], error)
    return rounded[np.argsort(order)]


@pytest.mark.parametrize("shared", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("dead", [0, 1, 5])
def test_no_pair_of_integers_saturates_sixteen_bits(weight: FloatArray, shared: float, dead: int) -> None:
    moments = moments_of(len(weight), shared=shared, dead=min(dead, len(weight)))
    integers = round_columns(weight, column_scales(weight), moments)
    assert integers.dtype == np.int8
    assert (integers > -128).all()
    padded = np.vstack([integers, np.zeros((len(integers) % 2, integers.shape[1]), dtype=np.int8)]).astype(int)
    pairs = padded.reshape(-1, 2, padded.shape[1])
    assert np.maximum(pairs, 0).sum(axis=1).max(initial=0) <= PAIR_BOUND
    assert np.minimum(pairs, 0).sum(axis=1).min(initial=0) >= -PAIR_BOUND
    assert 255 * PAIR_BOUND <= 2**15 - 1


def test_the_pair_bound_is_kept_where_compensation_would_break_it() -> None:
    """Every weight is as large as its scale allows, and inputs that move together push weights beyond it."""
    weight = (63.4 * np.ones((64, 4))).astype(np.float32)
    rounded = round_columns(weight, np.ones(4, np.float32), np.ones((64, 64)))
    assert rounded.astype(int).reshape(32, 2, 4).sum(axis=1).max() <= PAIR_BOUND
    assert rounded.mean() > 63.2  # plain rounding gives 63 everywhere


def test_independent_inputs_are_rounded_to_the_nearest(weight: FloatArray) -> None:
    scale = column_scales(weight)
    steps = weight.astype(np.float64) / scale
    found = round_columns(weight, scale, np.diag(RNG.uniform(0.1, 10, len(weight))))
    assert np.abs(found - steps).max() <= 0.5001


def test_the_integers_are_those_of_the_published_algorithm() -> None:
    weight = RNG.normal(size=(200, 40)).astype(np.float32)
    scale, moments = 3 * column_scales(weight), moments_of(200, shared=1.0)  # far within the pair bound
    same = round_columns(weight, scale, moments) == published_gptq(weight, scale, moments)
    assert same.mean() > 0.999


@pytest.mark.parametrize(("shared", "most"), [(0.3, 0.95), (1.0, 0.6), (5.0, 0.2)])
def test_the_error_of_the_outputs_is_smaller_than_after_plain_rounding(shared: float, most: float) -> None:
    weight = RNG.normal(size=(256, 32)).astype(np.float32)
    scale, moments = column_scales(weight), moments_of(256, shared=shared)
    plain = np.rint(weight / scale).astype(np.int8)
    error = squared_error(weight, scale, round_columns(weight, scale, moments), moments)
    assert error < most * squared_error(weight, scale, plain, moments)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_the_size_of_the_blocks_is_only_a_matter_of_speed(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = RNG.normal(size=(150, 16)).astype(np.float32)
    scale, moments = column_scales(weight), moments_of(150, shared=1.0)
    expected = round_columns(weight, scale, moments)
    monkeypatch.setattr(gptq, "BLOCK", block)
    assert (round_columns(weight, scale, moments) == expected).mean() > 0.999


def test_inputs_that_never_occur_are_rounded_to_the_nearest() -> None:
    weight = RNG.normal(size=(64, 8)).astype(np.float32)
    scale = column_scales(weight)
    found = round_columns(weight, scale, np.zeros((64, 64)))
    assert np.abs(found * scale - weight).max() <= 0.5001 * scale.max()


def test_the_arguments_are_left_unchanged() -> None:
    weight, moments = RNG.normal(size=(64, 8)).astype(np.float32), moments_of(64, shared=1.0)
    copies = weight.copy(), moments.copy()
    round_columns(weight, column_scales(weight), moments)
    assert (weight == copies[0]).all()
    assert (moments == copies[1]).all()
