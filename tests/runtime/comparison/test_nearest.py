"""The nearest vectors: all that a full table of cosines has, in memory that holds no full table."""

import tracemalloc
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from biobert_onnx._types import FloatArray
from biobert_onnx.comparison import nearest
from biobert_onnx.comparison.nearest import nearest_neighbours, nearest_pairs
from biobert_onnx.embeddings import scale_to_unit_length

MEBIBYTE = 2**20


def units(rows: int, dim: int = 16, *, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((rows, dim), dtype=np.float32)
    scale_to_unit_length(vectors)
    return vectors


@pytest.fixture(params=[1, 100, 2**22])
def blocks_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one row, of some rows, and of all."""
    monkeypatch.setattr(nearest, "COSINES_AT_ONCE", request.param)


@pytest.mark.usefixtures("blocks_of")
@pytest.mark.parametrize("count", [1, 4, 50])
def test_neighbours_are_those_of_the_full_table(count: int) -> None:
    a, b = units(23), units(31, seed=1)
    cosines = a @ b.T
    expected = [(row, column) for row in range(23) for column in np.argsort(-cosines[row])[:count]]
    found = list(nearest_neighbours(a, b, count))
    assert [near[:2] for near in found] == expected
    np.testing.assert_allclose([near.cosine for near in found], [cosines[near[:2]] for near in found], atol=1e-6)


@pytest.mark.usefixtures("blocks_of")
@pytest.mark.parametrize("count", [1, 4, 1000])
def test_pairs_are_those_of_the_full_table(count: int) -> None:
    vectors = units(29)
    cosines = vectors @ vectors.T
    expected = sorted(combinations(range(29), 2), key=lambda pair: -cosines[pair])[:count]
    found = nearest_pairs(vectors, count)
    assert [near[:2] for near in found] == expected
    np.testing.assert_allclose([near.cosine for near in found], [cosines[near[:2]] for near in found], atol=1e-6)


def test_of_equal_cosines_the_row_that_stands_first_is_first() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]], dtype=np.float32)
    assert [near.b for near in nearest_neighbours(vectors[:1], vectors, 5)] == [0, 2, 4, 1, 3]
    assert [near[:2] for near in nearest_pairs(vectors, 4)] == [(0, 2), (0, 4), (1, 3), (2, 4)]


def test_a_row_alone_has_no_pair() -> None:
    assert nearest_pairs(units(1), 5) == nearest_pairs(units(0), 5) == []


@pytest.mark.parametrize(
    "search",
    [lambda vectors: nearest_pairs(vectors, 1000), lambda vectors: list(nearest_neighbours(vectors, vectors, 1))],
)
def test_memory_does_not_hold_all_cosines(search: Callable[[FloatArray], object]) -> None:
    vectors = units(9000)  # all cosines would take 309 MiB
    tracemalloc.start()
    try:
        search(vectors)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * MEBIBYTE
