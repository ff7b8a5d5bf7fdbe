"""The plain C kernel against numpy: exact integers, and float64 operator by operator and as a whole.

Operators of other vectors must give plain C's bits, also for numbers that no healthy encoder has.
"""

import ctypes
import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.library import PLAIN, Matrix, Site
from biobert_onnx.kernels.plan import ACTIVATIONS, LEAST_SCALE, POOLINGS
from tests.runtime.kernels.conftest import has_avx2
from tests.support.kernel_builds import build_operators
from tests.support.kernel_models import Draws, PackedModel, Shape, draw_ids, draw_model, draw_token_types
from tests.support.kernel_operators import GELU, GELU_NEW, LANES, RELU, Operators, Rounded, tiled_rows
from tests.support.reference_encoder import (
    ReferenceEncoder,
    attend,
    draw_tokens,
    gelu,
    gelu_new,
    layer_norm,
    per_token_product,
)

STEP = 2.0**-24
"""Half a unit in the last place of numbers just below 1: the error of one rounding."""


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Operators:
    return Operators(build_operators(tmp_path_factory.mktemp("operators") / "plain.so", "PLAIN"))


@pytest.fixture(scope="session", params=["AVX2", "AVX512"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Operators:
    if not has_avx2():
        pytest.skip("this machine is no x86-64 CPU with AVX2")
    return Operators(build_operators(tmp_path_factory.mktemp("operators") / f"{request.param}.so", request.param))


def draw_normal(seed: int, *shape: int) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def awkward_numbers() -> FloatArray:
    """Zeros, denormals, infinities, NaN, ties, ends of ranges, and every power of two, both signs."""
    powers = np.float32(2) ** np.arange(-149, 128, dtype=np.float32)
    ends = np.array([87, 87.5, 4.85, 255, 255.5, 0.5, 1.5, 2.5, 254.5, 1e38, 3e38, np.inf], np.float32)
    positive = np.concatenate([[0], powers, ends, np.nextafter(ends, np.float32(0))]).astype(np.float32)
    numbers = np.concatenate([positive, -positive, [np.nan]]).astype(np.float32)
    return np.resize(numbers, -(-len(numbers) // LANES) * LANES)


# exact integers


def test_products_are_exact_integers(plain: Operators, native: ctypes.CDLL) -> None:
    inputs, outputs, rows, zero_point = 192, 80, 32, 131
    draws = Draws(1)
    weights = draws.weights(inputs, outputs)
    values = draws.integers((rows, inputs), 0, 255).astype(np.uint8)
    packed = pack(native, weights, zero_point)
    found = plain.multiply(packed.matrix, tiled_rows(values), np.zeros((rows, outputs), np.float32))
    assert np.array_equal(found, (values.astype(np.int64) - zero_point) @ weights)  # below 2^24, so float32 holds them


@pytest.mark.parametrize(("value", "weight"), [(255, 127), (255, -128), (0, 127)])
def test_the_largest_sums_stay_within_32_bits(plain: Operators, native: ctypes.CDLL, value: int, weight: int) -> None:
    inputs = 65_792  # MOST_INPUTS of plan.py, as a multiple of 64
    packed = pack(native, np.full((inputs, LANES), weight, np.int8), 0)
    values = np.full((LANES, inputs), value, np.uint8)
    found = plain.multiply(packed.matrix, tiled_rows(values), np.zeros((LANES, LANES), np.float32))
    assert (found == np.float32(value * weight * inputs)).all()


def test_scales_biases_and_residuals_are_added_to_products(plain: Operators, native: ctypes.CDLL) -> None:
    draws = Draws(2)
    weights, values = draws.weights(64, 16), draws.integers((16, 64), 0, 255).astype(np.uint8)
    packed = pack(native, weights, 100)
    packed.scale[:], packed.bias[:] = draws.floats((16,), 0.5, 1), draws.floats((16,), -1, 1)
    packed.weight_sums[:] = packed.sums * packed.scale
    residual = draws.floats((16, 16), -8, 8)
    found = plain.multiply(packed.matrix, tiled_rows(values), residual)
    exact = ((values.astype(np.int64) - 100) @ weights) * packed.scale.astype(np.float64) + packed.bias + residual
    assert np.abs(found - exact).max() <= 2 * STEP * np.abs(exact).max()


def test_products_of_tokens_with_scales_of_their_own_are_those_of_float64(
    plain: Operators, native: ctypes.CDLL
) -> None:
    draws, (rows, inputs, outputs) = Draws(21), (32, 192, 80)
    values, weights = draw_tokens(np.random.default_rng(22), rows, inputs), draws.weights(inputs, outputs)
    packed = pack(native, weights, 0)
    packed.scale[:], packed.bias[:] = draws.floats((outputs,), 0.5, 1), draws.floats((outputs,), -1, 1)
    packed.weight_sums[:] = packed.sums * packed.scale
    tokens = [plain.quantize(row) for row in values]
    scales = np.array([(token.scale, token.least) for token in tokens], np.float32)
    tiles = tiled_rows(np.stack([token.values for token in tokens]))
    found = plain.multiply(packed.matrix, tiles, np.zeros((rows, outputs), np.float32), scales)
    scale, bias = packed.scale.astype(np.float64), packed.bias.astype(np.float64)
    expected = per_token_product(values.astype(np.float64), weights.astype(np.float64), scale, bias)
    terms = np.abs(values).max(axis=1, keepdims=True) * np.abs(weights.astype(np.float64)).sum(axis=0) * scale
    assert (np.abs(found - expected) <= 4 * STEP * (terms + np.abs(bias))).all()


def test_packing_puts_four_inputs_side_by_side(native: ctypes.CDLL) -> None:
    weights = Draws(3).weights(128, 48)
    tiles = pack(native, weights, 0).tiles.reshape(3, 2, LANES, LANES, 4)  # 16 outputs, 64 inputs, fours, output, one
    assert np.array_equal(tiles, weights.reshape(2, LANES, 4, 3, LANES).transpose(3, 0, 1, 4, 2))


class Packed:
    """A matrix in tiles, its sums, and scales of 1 and biases of 0 to begin with."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self.tiles = np.empty(inputs * outputs, np.int8)
        self.start, self.sums = np.empty(outputs, np.int32), np.empty(outputs, np.int32)
        self.scale, self.weight_sums, self.bias = np.ones((3, outputs), np.float32)
        self.bias[:] = 0
        parts = (self.tiles, self.start, self.sums, self.scale, self.weight_sums, self.bias)
        self.matrix = Matrix(inputs, outputs, *(part.ctypes.data for part in parts))


def pack(library: ctypes.CDLL, weights: NDArray[np.int8], zero_point: int) -> Packed:
    """Pack a matrix (inputs, outputs), whose rows are part of longer ones as those of queries, keys and values are."""
    inputs, outputs = weights.shape
    wide = np.full((inputs, outputs + 32), 77, np.int8)
    wide[:, 16:-16] = weights
    packed = Packed(inputs, outputs)
    library.pack(
        wide.ctypes.data + 16, outputs + 32, inputs, outputs, packed.tiles.ctypes.data, packed.sums.ctypes.data
    )
    assert np.array_equal(packed.sums, weights.sum(axis=0, dtype=np.int64))
    packed.start[:] = -zero_point * packed.sums
    packed.weight_sums[:] = packed.sums
    return packed


# functions


def test_exp_is_within_two_units_of_the_last_place(plain: Operators) -> None:
    x = np.linspace(-87, 0, 160_000, dtype=np.float32)
    exact = np.exp(x.astype(np.float64))
    assert np.abs(plain.exp(x) / exact - 1).max() < 4 * STEP


def test_exp_is_exactly_one_at_zero_and_stays_at_its_least_value_below_minus_87(plain: Operators) -> None:
    found = plain.exp(np.array([0, -87, -88, -1000, -np.inf] + [0] * 11, np.float32))
    assert found[0] == 1
    assert (found[2:5] == found[1]).all()
    assert found[1] == pytest.approx(math.exp(-87), rel=4 * STEP)


def test_tanh_is_within_2e7_and_odd(plain: Operators) -> None:
    x = np.linspace(-20, 20, 160_000, dtype=np.float32)
    found = plain.tanh(x)
    assert np.abs(found - np.tanh(x.astype(np.float64))).max() < 2e-7
    assert np.array_equal(plain.tanh(-x), -found)
    assert np.array_equal(plain.tanh(np.full(16, 1e30, np.float32)), np.ones(16))


@pytest.mark.parametrize(
    ("activation", "exact", "error"),
    [
        (GELU, gelu, 2.8e-6),  # that of the polynomial, 2.7e-6, and roundings
        (GELU_NEW, gelu_new, 4e-7),
        (RELU, lambda x: np.maximum(x, 0), 0),
    ],
    ids=ACTIVATIONS,
)
def test_activations_are_as_near_as_their_polynomials(
    plain: Operators, activation: int, exact: Callable[[NDArray[np.float64]], NDArray[np.float64]], error: float
) -> None:
    x = np.linspace(-12, 12, 64_000, dtype=np.float32)
    x = x[x != 0]
    x = x[: len(x) // LANES * LANES]
    found = plain.activation(activation, x)
    assert (np.abs(found - exact(x.astype(np.float64))) <= error * np.maximum(np.abs(x) / 2, 1)).all()


def test_rounding_to_uint8_takes_ties_to_even_and_cuts(plain: Operators) -> None:
    x = np.array([0.5, 1.5, 2.5, 254.5, 255.5, 300, np.inf, -0.5, -3, -np.inf, np.nan, 1e9, 3e9, -3e9, 127.49, 0])
    expected = [0, 2, 2, 254, 255, 255, 255, 0, 0, 0, 0, 255, 255, 0, 127, 0]
    assert plain.rounded(x.astype(np.float32)).tolist() == expected


def test_sums_of_sixteen_add_halves(plain: Operators) -> None:
    x = draw_normal(4, 50, LANES)
    halves = x
    while halves.shape[1] > 1:
        middle = halves.shape[1] // 2
        halves = halves[:, :middle] + halves[:, middle:]
    assert np.array_equal(plain.sums_of_sixteen(x), halves[:, 0])


# rows and heads


@pytest.mark.parametrize("hidden", [64, 384, 1024])
def test_layer_norm_and_the_static_input_behind_it_are_those_of_float64(plain: Operators, hidden: int) -> None:
    x, parts = draw_normal(5, hidden) * 3 + 1, draw_normal(6, 4, hidden)
    gain, shift, site_gain, site_shift = parts[0], parts[1], parts[2] * 30, parts[3] * 20 + 128
    found, rounded = plain.normalize(x, (gain, shift, site_gain, site_shift), 1e-12, Site(per_token=0))
    exact = layer_norm(x.astype(np.float64), gain.astype(np.float64), shift.astype(np.float64), 1e-12)
    assert np.abs(found - exact).max() < 3e-6
    steps = layer_norm(x.astype(np.float64), site_gain.astype(np.float64), site_shift.astype(np.float64), 1e-12)
    assert np.abs(rounded.values - np.clip(steps, 0, 255)).max() < 0.5001


def test_layer_norm_gives_the_input_of_a_site_with_a_scale_a_token(plain: Operators) -> None:
    x, parts = draw_normal(7, 256), draw_normal(8, 4, 256)
    _, rounded = plain.normalize(x, tuple(parts), 1e-12, Site(per_token=1))
    exact = layer_norm(x.astype(np.float64), parts[2].astype(np.float64), parts[3].astype(np.float64), 1e-12)
    assert rounded.scale == pytest.approx((exact.max() - exact.min()) / 255, rel=1e-6)
    assert np.abs(rounded.restored - exact).max() < 0.5001 * rounded.scale


def test_a_constant_row_is_normalized_to_the_shift(plain: Operators) -> None:
    parts = draw_normal(9, 4, 64)
    found, _ = plain.normalize(np.full(64, 2, np.float32), tuple(parts), 1e-12, Site(per_token=0))
    assert np.array_equal(found, parts[1])


ROWS: Mapping[str, FloatArray] = {
    "of both signs": draw_normal(10, 192),
    "after GELU": np.maximum(draw_normal(10, 192), np.float32(-0.17)),
    "far from zero": draw_normal(10, 192) + np.float32(1000),
    "below zero": -np.abs(draw_normal(10, 192)) - np.float32(3),
    "large": draw_normal(10, 192) * np.float32(1e37),
    "small": draw_normal(10, 192) * np.float32(1e-34),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_token_takes_all_steps_from_its_least_value_to_its_largest(plain: Operators, row: str) -> None:
    values = ROWS[row]
    rounded = plain.quantize(values)
    assert rounded.least == values.min()
    assert rounded.scale == (values.max() - values.min()) * np.float32(1 / 255)
    assert (rounded.values[np.argmin(values)], rounded.values[np.argmax(values)]) == (0, 255)
    assert np.abs(rounded.restored - values).max() < 0.5001 * rounded.scale


@pytest.mark.parametrize("value", [0, -0.0, 1, -3e38, 3e38, 1e-45, 0.1])
def test_a_row_of_equal_values_takes_the_least_scale_and_stays_as_it_is(plain: Operators, value: float) -> None:
    rounded = plain.quantize(np.full(128, value, np.float32))
    assert rounded.scale == LEAST_SCALE
    assert (rounded.restored == np.float32(value)).all()


def test_a_row_of_denormal_numbers_is_as_near_as_the_least_scale(plain: Operators) -> None:
    values = np.linspace(-60, 60, 64, dtype=np.float32) * np.float32(LEAST_SCALE)
    rounded = plain.quantize(values)
    assert rounded.scale == LEAST_SCALE
    assert np.abs(rounded.restored - values).max() <= 0.5 * LEAST_SCALE


@pytest.mark.parametrize("has_bias", [False, True], ids=["without bias", "with bias"])
@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (1, 7), (2, 2), (17, 17), (33, 33), (64, 64), (131, 131)])
def test_attention_is_that_of_float64(plain: Operators, queries: int, keys: int, size: int, has_bias: bool) -> None:
    query, key, value, bias = attention_inputs(queries, keys, size)
    exact = exact_attention(query, key, value, bias if has_bias else None)
    assert np.abs(plain.attend(query, key, value, bias if has_bias else None) - exact).max() < 1e-5


def attention_inputs(queries: int, keys: int, size: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    tokens = draw_normal(size + keys, 3, keys, size)
    return tokens[0][:queries] / np.float32(math.sqrt(size)), tokens[1], tokens[2], draw_normal(11, 2 * keys - 1)


def exact_attention(
    query: FloatArray, key: FloatArray, value: FloatArray, bias: FloatArray | None
) -> NDArray[np.float64]:
    apart = np.arange(len(query))[:, None] - np.arange(len(key)) + len(key) - 1
    by_query = np.zeros(apart.shape) if bias is None else bias.astype(np.float64)[apart]
    root = math.sqrt(query.shape[1])  # the queries that the kernels take have been divided by it
    return attend(query.astype(np.float64) * root, key.astype(np.float64), value.astype(np.float64), by_query)


# the whole encoder


SITES_OF_TWO_LAYERS = Shape(layers=2).site_names


@pytest.mark.parametrize(
    "per_token", [[], SITES_OF_TWO_LAYERS, SITES_OF_TWO_LAYERS[::3]], ids=["static", "per token", "mixed"]
)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_vectors_are_those_of_a_float64_encoder(
    native: ctypes.CDLL, pooling: str, activation: str, per_token: list[str]
) -> None:
    shape = Shape(
        pooling=pooling,
        activation=activation,
        per_token=frozenset(per_token),
        smoothing=frozenset(Shape().normalized_sites),
        outlier_units=(5, 16),
        has_attention_bias=True,
    )
    expect_reference(native, shape)


@pytest.mark.parametrize(
    "shape",
    [
        Shape(layers=1),
        Shape(layers=3, head_size=64, hidden=192, inner=64),
        Shape(unit_length=True),
        Shape(pooling="pooler", unit_length=True, outlier_units=(0, 1)),
    ],
    ids=["one layer", "heads of 64", "unit length", "pooler of unit length"],
)
def test_encoders_of_other_sizes_are_those_of_float64(native: ctypes.CDLL, shape: Shape) -> None:
    expect_reference(native, shape)


def test_encoders_of_pairs_are_those_of_float64(native: ctypes.CDLL) -> None:
    expect_reference(native, Shape(pairs=True))


def test_tokens_are_counted_without_those_of_padding(native: ctypes.CDLL) -> None:
    expect_reference(native, Shape(words=8, padding_id=3, has_token_types=False, has_attention_bias=True))


def expect_reference(native: ctypes.CDLL, shape: Shape) -> None:
    """Expect float64's vectors, but for texts in which a value is rounded to the next uint8: it was nearly between."""
    drawn = draw_model(shape, 17)
    ids = draw_ids(shape, 18, 12, 4)
    types = draw_token_types(19, 12, 4) if shape.pairs else None
    found = PackedModel.of(drawn).encode(native, native.kernel_count() - 1, ids, token_types=types)
    expected = ReferenceEncoder(drawn).vectors(ids, types)
    assert native.kernel_name(native.kernel_count() - 1).decode() == PLAIN
    largest = np.abs(expected).max(axis=1)
    differences = np.abs(found - expected).max(axis=1) / largest
    assert np.sort(differences)[len(ids) // 2] < 1e-5, "most texts have no such value"
    assert differences.max() < 0.05


# other vectors


def test_functions_of_other_vectors_give_plain_bits(plain: Operators, other: Operators) -> None:
    numbers = np.concatenate([awkward_numbers(), draw_normal(12, 1600) * 10])
    expect_equal(other.exp(-np.abs(numbers)), plain.exp(-np.abs(numbers)))
    expect_equal(other.tanh(numbers), plain.tanh(numbers))
    for activation in range(len(ACTIVATIONS)):
        expect_equal(other.activation(activation, numbers), plain.activation(activation, numbers))
    assert np.array_equal(other.rounded(numbers), plain.rounded(numbers))
    expect_equal(other.sums_of_sixteen(numbers), plain.sums_of_sixteen(numbers))
    for found, expected in zip(other.ends_of_sixteen(numbers), plain.ends_of_sixteen(numbers), strict=True):
        expect_equal(found, expected)


def test_rows_of_other_vectors_are_rounded_to_plain_bits(plain: Operators, other: Operators) -> None:
    awkward = [np.resize(awkward_numbers()[first:], 64) for first in range(0, len(awkward_numbers()), 16)]
    for values in [*ROWS.values(), *awkward]:
        found, expected = other.quantize(values), plain.quantize(values)
        assert np.array_equal(found.values, expected.values)
        expect_equal(ends_of(found), ends_of(expected))


def ends_of(rounded: Rounded) -> FloatArray:
    return np.array([rounded.scale, rounded.least], np.float32)


def test_comparisons_of_other_vectors_give_plain_bits(plain: Operators, other: Operators) -> None:
    numbers = awkward_numbers()
    for shift in range(1, 40):
        for found, expected in zip(
            other.largest_and_least(numbers, np.roll(numbers, shift)),
            plain.largest_and_least(numbers, np.roll(numbers, shift)),
            strict=True,
        ):
            expect_equal(found, expected)


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("keys", [1, 5, 6, 11, 12, 13, 63, 64, 65, 130])
def test_attention_of_other_vectors_gives_plain_bits(plain: Operators, other: Operators, keys: int, size: int) -> None:
    for queries in {1, min(keys, 2), keys}:
        inputs = attention_inputs(queries, keys, size)
        expect_equal(other.attend(*inputs), plain.attend(*inputs))


def expect_equal(found: FloatArray, expected: FloatArray) -> None:
    """Expect equal bits, also of zeros; a NaN is one whatever its sign and payload."""
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    numbers = ~np.isnan(expected)
    assert found[numbers].tobytes() == expected[numbers].tobytes()
