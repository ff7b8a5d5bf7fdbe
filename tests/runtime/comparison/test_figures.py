"""Figures of a comparison, and the sentence that says what they mean."""

import numpy as np
import pytest

from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import Neighbourhood, centred_cosines, cosines, neighbours_kept
from biobert_onnx.comparison.figures import Comparison


def random_vectors(texts: int, dim: int = 16, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((texts, dim)).astype(np.float32)


def rotated(vectors: FloatArray) -> FloatArray:
    """The same angles between texts, in other directions."""
    rotation, _ = np.linalg.qr(random_vectors(vectors.shape[1], vectors.shape[1], seed=9))
    turned: FloatArray = vectors @ rotation
    return turned


def test_the_figures_are_those_of_the_agreement() -> None:
    reference = random_vectors(80)
    vectors = reference + 0.2 * random_vectors(80, seed=2)
    figures = Comparison.of(vectors, reference)
    cosine, centred = cosines(vectors, reference), centred_cosines(vectors, reference)
    angles = figures.angles
    assert angles is not None
    assert figures.neighbourhood == Neighbourhood.of(vectors, reference)
    assert (angles.cosine_mean, angles.cosine_min) == (cosine.mean(), cosine.min())
    assert (angles.centred_mean, angles.centred_min) == (centred.mean(), centred.min())
    assert angles.cosine_p1 == np.percentile(cosine, 1)
    assert cosine[angles.worst] == angles.cosine_min
    mixed = neighbours_kept(vectors, reference, index=reference)
    assert angles.mixed_neighbours_kept == mixed != figures.neighbourhood.neighbours_kept


def test_vectors_of_different_dimensions_have_neighbours_and_no_angles() -> None:
    reference = random_vectors(80)
    figures = Comparison.of(np.hstack([reference, np.zeros((80, 4), np.float32)]), reference)
    assert figures.angles is None
    assert figures.neighbourhood.neighbours_kept == 1


@pytest.mark.parametrize(
    ("vectors", "conclusion"),
    [
        (random_vectors(200) * 2, "A fits the index of B: its searches there find at least 90% of what B's find."),
        (rotated(random_vectors(200)), "A finds at least 90% of what B finds, but in an index of its own only: "),
        (np.pad(random_vectors(200), ((0, 0), (0, 3))), "A finds at least 90% of what B finds, but in an index of its"),
        (
            random_vectors(200) + 0.3 * random_vectors(200, seed=2),
            "A does not fit the index of B: most neighbours stay",
        ),
        (random_vectors(200, seed=2), "A does not fit the index of B: most neighbours change"),
        (random_vectors(200, dim=5, seed=2), "A does not fit the index of B: most neighbours change"),
    ],
    ids=["scaled", "rotated", "wider", "related", "unrelated", "unrelated, of another dim"],
)
def test_the_conclusion_says_what_to_do(vectors: FloatArray, conclusion: str) -> None:
    assert Comparison.of(vectors, random_vectors(200)).conclusion.startswith(conclusion)


@pytest.mark.parametrize("scale", [1e-3, 10.0])
def test_the_scale_of_an_index_changes_no_angle(scale: float) -> None:
    reference = random_vectors(80) + np.float32(2)
    angles = Comparison.of(reference * np.float32(scale), reference).angles
    assert angles is not None
    assert angles.centred_min == pytest.approx(1, abs=1e-5)


def test_an_index_of_unit_length_has_the_angles_of_its_raw_vectors() -> None:
    reference = random_vectors(80) + np.float32(2)
    units = reference / np.linalg.norm(reference, axis=1, keepdims=True)
    for vectors, other in ((units, reference), (reference, units)):
        angles = Comparison.of(vectors, other).angles
        assert angles is not None
        assert angles.centred_min == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("texts", [11, 12, 20])
@pytest.mark.parametrize("seed", [1, 2])
def test_where_chance_keeps_most_neighbours_nothing_is_concluded(texts: int, seed: int) -> None:
    conclusion = Comparison.of(random_vectors(texts, seed=seed), random_vectors(texts)).conclusion
    assert conclusion.startswith("Of so few texts chance keeps more than half of the 10 nearest")


def test_of_more_texts_chance_does_not_fit_and_equal_vectors_do() -> None:
    reference = random_vectors(21)
    assert Comparison.of(reference, reference).conclusion.startswith("A fits the index of B")
    for seed in range(2, 50):
        assert "does not fit" in Comparison.of(random_vectors(21, seed=seed), reference).conclusion


@pytest.mark.parametrize("same", [np.zeros((40, 16), np.float32), np.ones((40, 16), np.float32)])
def test_vectors_that_are_all_the_same_are_an_error(same: FloatArray) -> None:
    vectors = random_vectors(40)
    with pytest.raises(ValueError, match="the vectors of B are all the same, expected vectors that tell texts apart"):
        Comparison.of(vectors, same)
    with pytest.raises(ValueError, match="the vectors of A are all the same"):
        Comparison.of(same, vectors)
