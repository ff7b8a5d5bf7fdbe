"""Fidelity figures of a few vectors that can be computed by hand."""

import numpy as np
import pytest

from biobert_onnx.comparison.agreement import Neighbourhood, centred_cosines, cosines
from biobert_onnx_export.gate.fidelity import Fidelity, SearchFidelity, fidelity_record

REFERENCE = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]], np.float32)
FOUND = np.array([[4.0, 3.0], [2.0, 0.0], [0.0, 2.5]], np.float32)


def test_cosines_are_taken_text_by_text() -> None:
    assert cosines(FOUND, REFERENCE) == pytest.approx([0.96, 1.0, 1.0])


def test_a_vector_of_zeros_is_like_another_one_alone() -> None:
    zeros = np.zeros((1, 2), np.float32)
    assert cosines(zeros, zeros) == [1.0]
    assert cosines(zeros, REFERENCE[:1]) == cosines(REFERENCE[:1], zeros) == [0.0]


def test_figures_are_those_of_the_cosines_and_of_the_largest_error() -> None:
    found = Fidelity.of(FOUND, REFERENCE)
    assert found.texts == 3
    assert found.cosine_mean == pytest.approx((0.96 + 1 + 1) / 3, abs=1e-6)
    assert found.cosine_p1 == pytest.approx(np.percentile([0.96, 1, 1], 1), abs=1e-6)
    assert found.cosine_min == pytest.approx(0.96)
    assert found.max_abs_error == 1.0


def test_a_record_has_one_part_for_each_length_class_with_texts() -> None:
    record = fidelity_record(FOUND, REFERENCE, [8, 9, 200])
    assert record["texts"] == 3
    assert list(record["by_length"]) == ["1-8 tokens", "9-32 tokens", "129 tokens and more"]
    assert [part["texts"] for part in record["by_length"].values()] == [1, 1, 1]
    assert record["by_length"]["1-8 tokens"]["cosine_min"] == pytest.approx(0.96)


def test_figures_of_searches_are_those_of_the_agreement_with_six_decimals() -> None:
    reference = np.random.default_rng(1).standard_normal((60, 8)).astype(np.float32)
    vectors = reference + 0.2 * np.random.default_rng(2).standard_normal((60, 8)).astype(np.float32)
    found, expected = SearchFidelity.of(vectors, reference), Neighbourhood.of(vectors, reference)
    centred = centred_cosines(vectors, reference)
    assert 0.5 < found.neighbours_kept < 1
    assert (found.neighbours_kept, found.rank_correlation, found.centred_mean, found.centred_min) == (
        round(expected.neighbours_kept, 6),
        round(expected.rank_correlation, 6),
        round(centred.mean(), 6),
        round(centred.min(), 6),
    )


def test_a_set_has_the_figures_of_searches_and_its_length_classes_have_none() -> None:
    record = fidelity_record(FOUND, REFERENCE, [8, 9, 200])
    searches = {"centred_mean", "centred_min", "neighbours_kept", "rank_correlation"}
    assert searches <= set(record)
    assert all(not searches & set(part) for part in record["by_length"].values())
