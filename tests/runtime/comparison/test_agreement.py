"""Figures of agreement: vectors whose neighbours are known, and a plain computation of the same figures."""

import numpy as np
import pytest

from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import (
    LEAST_TEXTS,
    NEIGHBOURS,
    QUERIES,
    ROWS_AT_ONCE,
    Neighbourhood,
    centred_cosines,
    cosines,
    neighbours_kept,
)


def random_vectors(texts: int, dim: int = 16, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((texts, dim)).astype(np.float32)


def plain_neighbourhood(vectors: FloatArray, index: FloatArray, reference: FloatArray) -> tuple[float, float]:
    """The two figures text by text, with sets and with the Pearson correlation of ranks."""

    def similarities(left: FloatArray, right: FloatArray, text: int) -> list[float]:
        row = left[text].astype(np.float64)
        return [
            float(row @ other / np.linalg.norm(row) / np.linalg.norm(other))
            for place, other in enumerate(right.astype(np.float64))
            if place != text
        ]

    kept, correlations = [], []
    for text in range(len(vectors)):
        found, expected = similarities(vectors, index, text), similarities(reference, reference, text)
        nearest = [set(np.argsort(each)[-NEIGHBOURS:]) for each in (found, expected)]
        kept.append(len(nearest[0] & nearest[1]) / NEIGHBOURS)
        ranks = [np.argsort(np.argsort(each)) for each in (found, expected)]
        correlations.append(float(np.corrcoef(ranks[0], ranks[1])[0, 1]))
    return float(np.mean(kept)), float(np.mean(correlations))


@pytest.mark.parametrize("noise", [0.01, 0.3, 3.0])
def test_the_figures_are_those_of_a_plain_computation(noise: float) -> None:
    reference = random_vectors(70)
    vectors = reference + noise * random_vectors(70, seed=2)
    found = Neighbourhood.of(vectors, reference)
    assert (found.neighbours_kept, found.rank_correlation) == pytest.approx(
        plain_neighbourhood(vectors, vectors, reference)
    )


def test_vectors_can_be_looked_up_in_the_index_of_the_reference() -> None:
    reference = random_vectors(70)
    vectors = reference + 0.3 * random_vectors(70, seed=2)
    kept, _ = plain_neighbourhood(vectors, reference, reference)
    assert neighbours_kept(vectors, reference, index=reference) == pytest.approx(kept)


@pytest.mark.parametrize("scale", [1.0, 0.01, 250.0])
def test_equal_directions_keep_every_neighbour(scale: float) -> None:
    vectors = random_vectors(50)
    assert Neighbourhood.of(vectors * np.float32(scale), vectors).neighbours_kept == 1
    assert Neighbourhood.of(vectors, vectors).rank_correlation == 1


def test_encoders_of_different_dimensions_can_be_compared() -> None:
    vectors = random_vectors(50)
    wider = np.hstack([vectors, np.zeros((50, 4), np.float32)])
    assert Neighbourhood.of(wider, vectors).neighbours_kept == 1


def test_unrelated_vectors_keep_as_many_neighbours_as_chance_does() -> None:
    found = Neighbourhood.of(random_vectors(400, seed=3), random_vectors(400, seed=4))
    assert found.neighbours_kept == pytest.approx(NEIGHBOURS / 399, abs=0.02)
    assert found.rank_correlation == pytest.approx(0, abs=0.02)


def test_equal_texts_are_interchangeable() -> None:
    """Which of 30 equal texts comes first says nothing about an encoder."""
    reference = np.repeat(random_vectors(3), 30, axis=0)
    vectors = reference + np.float32(1e-8) * random_vectors(90, seed=2)
    assert Neighbourhood.of(vectors, reference).neighbours_kept == 1


@pytest.mark.parametrize("spread", [1e-2, 1e-4])
def test_texts_that_are_all_alike_are_no_ties_of_each_other(spread: float) -> None:
    """Vectors with one large direction in common, and nothing else: their neighbours are chance."""
    vectors, reference = (np.float32(1) + np.float32(spread) * random_vectors(300, seed=seed) for seed in (5, 6))
    assert neighbours_kept(vectors, reference) < 0.15


def test_an_index_of_equal_vectors_has_no_neighbours_to_keep() -> None:
    assert neighbours_kept(random_vectors(300), np.ones((300, 16), np.float32)) < 0.15


@pytest.mark.parametrize(("value", "filled"), [(0, 0), (1, 0), (0, 3)])
def test_a_search_among_equal_vectors_finds_what_chance_does(value: float, filled: int) -> None:
    vectors = random_vectors(300)
    index = np.full((300, 16), value, np.float32)
    index[:filled] = vectors[:filled]
    assert neighbours_kept(vectors, index, index=index) < 0.3


def test_fewer_texts_than_neighbours_are_compared_with_all_others() -> None:
    reference = random_vectors(LEAST_TEXTS)
    assert Neighbourhood.of(-reference, reference).neighbours_kept == 1


def test_too_few_texts_are_an_error_that_says_how_many_are_needed() -> None:
    with pytest.raises(ValueError, match="2 texts have no neighbours to compare, expected at least 3"):
        Neighbourhood.of(random_vectors(2), random_vectors(2))


def test_of_many_texts_some_are_looked_up_among_all() -> None:
    reference = random_vectors(QUERIES + 500, dim=4)
    vectors = reference.copy()
    vectors[1] = -vectors[1]  # the second text is not looked up, but it is no longer where it was found
    kept = Neighbourhood.of(vectors, reference).neighbours_kept
    assert 1 - 40 / QUERIES < kept < 1


def test_of_texts_that_tie_the_first_are_the_nearest() -> None:
    """The second half of the index are copies of the first half: 5 directions and their copies are nearest."""
    half = random_vectors(40)
    reference = np.vstack([half, half])
    vectors = reference.copy()
    vectors[79] = vectors[39] = reference[0]
    found = Neighbourhood.of(vectors, reference)
    assert found == Neighbourhood.of(vectors.copy(), reference.copy())
    assert 1 - 2 / 40 - NEIGHBOURS / 80 < found.neighbours_kept < 1


def test_cosines_of_many_texts_are_those_of_each_alone() -> None:
    reference = random_vectors(2 * ROWS_AT_ONCE + 3, dim=4)
    vectors = reference + random_vectors(len(reference), dim=4, seed=2)
    some = [0, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, len(reference) - 1]
    assert cosines(vectors, reference).shape == (len(reference),)
    assert (cosines(vectors, reference)[some] == cosines(vectors[some], reference[some])).all()


def test_a_vector_of_zeros_agrees_with_a_vector_of_zeros_alone() -> None:
    zeros, ones = np.zeros((1, 4), np.float32), np.ones((1, 4), np.float32)
    assert [cosines(zeros, zeros)[0], cosines(zeros, ones)[0], cosines(ones, ones)[0]] == [1, 0, 1]


def test_centred_cosines_show_what_a_shared_direction_hides() -> None:
    shared = np.full((1, 16), 50, np.float32)
    reference = random_vectors(40)
    vectors = reference + 0.5 * random_vectors(40, seed=2)
    assert cosines(vectors + shared, reference + shared).min() > 0.999
    assert centred_cosines(vectors + shared, reference + shared) == pytest.approx(
        centred_cosines(vectors, reference), abs=1e-4
    )
    assert centred_cosines(vectors + shared, reference + shared).mean() < 0.95
