"""The ways to multiply: each is close to float32, and a token does not change with the tokens beside it."""

from collections.abc import Callable

import numpy as np
import pytest

from biobert_onnx._types import FloatArray
from biobert_onnx_export.graph.matmul import (
    FloatMatrix,
    FloatProducts,
    Int8Matrix,
    PerTokenProducts,
    StaticProducts,
    weight_sums,
)
from biobert_onnx_export.graph.writer import GraphWriter
from biobert_onnx_export.quantize.int8 import column_scales
from tests.support.reference_encoder import draw_tokens, per_token_product

RunNodes = Callable[[Callable[[GraphWriter], object], FloatArray], FloatArray]

RNG = np.random.default_rng(11)


def rounded(weight: FloatArray, bias: FloatArray) -> Int8Matrix:
    """`weight` to the nearest integers."""
    scale = column_scales(weight)
    return Int8Matrix(weight=np.rint(weight / scale).astype(np.int8), scale=scale, bias=bias)


@pytest.mark.parametrize("kind", ["static", "per token", "per token after smoothing"])
def test_each_way_is_close_to_float32(kind: str, run_nodes: RunNodes) -> None:
    weight = RNG.normal(size=(128, 32)).astype(np.float32)
    bias = RNG.normal(size=32).astype(np.float32)
    matrices = {"y": rounded(weight, bias)}
    x = RNG.integers(-100, 100, size=(20, 128)).astype(np.float32)
    ways: dict[str, StaticProducts | PerTokenProducts] = {
        "static": StaticProducts(matrices=matrices, scale=200 / 255, zero_point=128, smoothing=None),
        "per token": PerTokenProducts(matrices=matrices, smoothing=None),
        "per token after smoothing": PerTokenProducts(matrices=matrices, smoothing=np.full(128, 2, np.float32)),
    }
    expected = (x / 2 if kind == "per token after smoothing" else x) @ weight + bias
    found = run_nodes(lambda graph: ways[kind].write(graph, "site", "x"), x)
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 0.02


def test_products_of_tokens_with_scales_of_their_own_are_those_of_float64(run_nodes: RunNodes) -> None:
    bias = RNG.normal(size=32).astype(np.float32)
    matrix = rounded(RNG.normal(size=(128, 32)).astype(np.float32), bias)
    weights, scale = matrix.weight, matrix.scale
    products = PerTokenProducts(matrices={"y": matrix}, smoothing=None)
    tokens = np.rint(1e8 * draw_tokens(RNG, 20, 128)).astype(np.float32)  # the graph takes whole numbers
    found = run_nodes(lambda graph: products.write(graph, "site", "x"), tokens)
    expected = per_token_product(*(each.astype(np.float64) for each in (tokens, weights, scale, bias)))
    terms = np.abs(tokens).max(axis=1, keepdims=True) * np.abs(weights.astype(np.float64)).sum(axis=0) * scale
    assert (np.abs(found - expected) <= 2.0**-22 * (terms + np.abs(bias))).all()


@pytest.mark.parametrize("value", [0, 1, -7, 2**60])
def test_a_token_of_equal_values_is_multiplied_without_rounding_it(run_nodes: RunNodes, value: int) -> None:
    bias = RNG.normal(size=8).astype(np.float32)
    matrix = rounded(RNG.normal(size=(64, 8)).astype(np.float32), bias)
    products = PerTokenProducts(matrices={"y": matrix}, smoothing=None)
    found = run_nodes(lambda graph: products.write(graph, "site", "x"), np.full((3, 64), value, np.float32))
    assert (found == np.float32(value) * weight_sums(matrix) + bias).all()
    assert (weight_sums(matrix) == (matrix.weight.sum(axis=0) * matrix.scale).astype(np.float32)).all()


def test_a_token_does_not_change_with_the_tokens_beside_it(run_nodes: RunNodes) -> None:
    matrices = {"y": rounded(RNG.normal(size=(64, 8)).astype(np.float32), np.zeros(8, np.float32))}
    products = PerTokenProducts(matrices=matrices, smoothing=None)
    x = RNG.integers(-50, 50, size=(9, 64)).astype(np.float32)
    loud = np.vstack([x, 1000 * x])
    alone = run_nodes(lambda graph: products.write(graph, "site", "x"), x)
    beside = run_nodes(lambda graph: products.write(graph, "site", "x"), loud)
    assert (beside[: len(x)] == alone).all()


def test_a_part_of_the_matrices_gives_their_products_alone(run_nodes: RunNodes) -> None:
    matrix = FloatMatrix(weight=np.eye(3, dtype=np.float32), bias=np.ones(3, np.float32))
    products = FloatProducts(matrices={"other": matrix, "y": matrix})
    part = products.only(["y"])
    assert list(part.matrices) == ["y"]
    assert list(products.matrices) == ["other", "y"]
    found = run_nodes(lambda graph: part.write(graph, "site", "x"), np.array([[1, 2, 3]], np.float32))
    assert found.tolist() == [[2, 3, 4]]
