"""Unit length in one order of operations; cosine similarities and quantized embeddings, worked out by hand."""

from typing import Any

import numpy as np
import pytest

from biobert_onnx import embedding_ranges, quantize_embeddings, similarity
from biobert_onnx._types import FloatArray
from biobert_onnx.embeddings import ROWS_AT_ONCE, scale_to_unit_length

EMBEDDINGS = np.array([[0.0, -255.0, 7.0], [127.9, 255.0, 7.0], [255.0, 2.0, 7.0]], dtype=np.float32)
RANGES = np.array([[0.0, -255.0, 7.0], [255.0, 255.0, 7.0]], dtype=np.float32)
UINT8 = [[0, 0, 0], [127, 255, 0], [255, 128, 0]]


def vectors_of(dim: int, *, rows: int = 5) -> FloatArray:
    return np.random.default_rng(dim).normal(scale=[[10.0**row] for row in range(rows)], size=(rows, dim)).astype("f4")


def units_of(vectors: FloatArray) -> FloatArray:
    units = vectors.copy()
    scale_to_unit_length(units)
    return units


@pytest.mark.parametrize("dim", [1, 2, 3, 5, 7, 64, 100, 384, 767, 768, 1024])
def test_unit_length_is_that_of_float64_within_rounding(dim: int) -> None:
    vectors = vectors_of(dim)
    exact = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    assert units_of(vectors) == pytest.approx(exact, rel=3e-7)


@pytest.mark.parametrize("dim", [1, 2, 3, 5, 7, 64, 100, 384, 767, 768, 1024])
def test_unit_length_has_the_bits_of_single_float32_operations_in_the_documented_order(dim: int) -> None:
    vectors = vectors_of(dim)
    expected = []
    for vector in vectors:
        squares = [number * number for number in vector]
        while len(squares) > 1:
            half = len(squares) // 2
            first, middle, last = squares[:half], squares[half:-half], squares[-half:]
            squares = [left + right for left, right in zip(first, last, strict=True)] + middle
        norm = np.sqrt(squares[0])
        expected.append([number / norm for number in vector])
    assert (units_of(vectors) == np.array(expected)).all()


def test_a_row_gets_unit_length_with_the_same_bits_alone_and_beside_others() -> None:
    vectors = np.random.default_rng(0).normal(size=(ROWS_AT_ONCE + 3, 129)).astype(np.float32)
    alone = np.vstack([units_of(row[None]) for row in vectors])
    assert (units_of(vectors) == alone).all()


@pytest.mark.parametrize("tiny", [0.0, 1e-30])
def test_a_row_too_short_to_have_unit_length_stays_finite(tiny: float) -> None:
    vectors = np.array([[tiny, 0.0, -tiny], [0.0, 3.0, 4.0]], dtype=np.float32)
    assert (units_of(vectors) == vectors / np.array([[1e-12], [5]], dtype=np.float32)).all()


def test_similarity_is_the_cosine_of_every_pair() -> None:
    left = np.array([[3.0, 4.0], [0.0, 2.0]], dtype=np.float32)
    right = np.array([[4.0, 3.0], [-6.0, -8.0], [5.0, 0.0]], dtype=np.float32)
    cosines = similarity(left, right)
    assert cosines.dtype == np.float32
    assert cosines == pytest.approx(np.array([[0.96, -1.0, 0.6], [0.6, -0.8, 0.0]]), abs=1e-6)


def test_a_vector_of_zeros_is_similar_to_nothing() -> None:
    zeros = np.zeros((1, 3), dtype=np.float32)
    assert (similarity(np.vstack([zeros, EMBEDDINGS]), zeros) == 0).all()


def test_similarity_changes_neither_argument() -> None:
    left, right = EMBEDDINGS.copy(), EMBEDDINGS[:1].copy()
    similarity(left, right)
    assert (left == EMBEDDINGS).all() and (right == EMBEDDINGS[:1]).all()


def test_embeddings_of_different_dimensions_are_not_compared() -> None:
    with pytest.raises(ValueError, match="left has 3 numbers a row and right 2"):
        similarity(EMBEDDINGS, EMBEDDINGS[:, :2])


def test_8_bit_numbers_are_places_between_least_and_greatest_rounded_down() -> None:
    unsigned = quantize_embeddings(EMBEDDINGS, "uint8", ranges=RANGES)
    assert unsigned.dtype == np.uint8
    assert unsigned.tolist() == UINT8
    signed = quantize_embeddings(EMBEDDINGS, "int8", ranges=RANGES)
    assert signed.dtype == np.int8
    assert signed.tolist() == [[value - 128 for value in row] for row in UINT8]


def test_without_ranges_those_of_the_embeddings_are_taken() -> None:
    assert (embedding_ranges(EMBEDDINGS) == RANGES).all()
    assert quantize_embeddings(EMBEDDINGS, "uint8").tolist() == UINT8


def test_numbers_beyond_the_ranges_are_clipped() -> None:
    beyond = np.array([[-999.0, 999.0, 7.0]], dtype=np.float32)
    assert quantize_embeddings(beyond, "uint8", ranges=RANGES).tolist() == [[0, 255, 0]]
    assert quantize_embeddings(beyond, "int8", ranges=RANGES).tolist() == [[-128, 127, -128]]


def test_bits_are_packed_from_the_first_dimension_on_and_filled_with_zeros() -> None:
    signs = np.array([[1, -1, -1, 0, -1, -1, -1, 1, 1, 1], [-1] * 10], dtype=np.float32)
    unsigned = quantize_embeddings(signs, "ubinary")
    assert unsigned.dtype == np.uint8
    assert unsigned.tolist() == [[0b10000001, 0b11000000], [0, 0]]
    signed = quantize_embeddings(signs, "binary")
    assert signed.dtype == np.int8
    assert signed.tolist() == [[0b10000001 - 128, 0b11000000 - 128], [-128, -128]]


@pytest.mark.parametrize(("precision", "width"), [("uint8", 3), ("int8", 3), ("ubinary", 1), ("binary", 1)])
def test_no_embeddings_stay_none(precision: str, width: int) -> None:
    assert quantize_embeddings(EMBEDDINGS[:0], precision, ranges=RANGES).shape == (0, width)


@pytest.mark.parametrize("rows", [0, 1])
def test_ranges_of_fewer_than_two_embeddings_are_refused_with_the_remedy(rows: int) -> None:
    with pytest.raises(ValueError, match=rf"{rows} embeddings have no ranges.*ranges=embedding_ranges\(sample\)"):
        quantize_embeddings(EMBEDDINGS[:rows], "int8")


def test_ranges_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match=r"ranges of dimension 0 are 255.0 and 0.0, expected first the least and then"):
        quantize_embeddings(EMBEDDINGS, "int8", ranges=RANGES[::-1])
    with pytest.raises(ValueError, match=r"ranges have shape \(2, 2\), expected \(2, 3\)"):
        quantize_embeddings(EMBEDDINGS, "int8", ranges=RANGES[:, :2])


@pytest.mark.parametrize("precision", ["uint8", "int8", "ubinary", "binary"])
@pytest.mark.parametrize("ranges", [None, RANGES])
def test_numbers_that_are_none_have_no_place(precision: str, ranges: FloatArray | None) -> None:
    holed = EMBEDDINGS.copy()
    holed[1, 1] = np.nan
    with pytest.raises(ValueError, match="hold NaN or infinity: drop these rows"):
        quantize_embeddings(holed, precision, ranges=ranges)


@pytest.mark.parametrize("precision", ["int4", "float32", "", "INT8"])
def test_another_precision_is_refused(precision: str) -> None:
    with pytest.raises(ValueError, match=f"precision is '{precision}', expected one of int8, uint8, binary, ubinary"):
        quantize_embeddings(EMBEDDINGS, precision)


def test_what_is_no_embeddings_is_refused() -> None:
    a_list: Any = [[1.0]]
    with pytest.raises(TypeError, match="floating-point numbers, got list"):
        quantize_embeddings(a_list, "binary")
    integers: Any = EMBEDDINGS.astype(np.int8)
    with pytest.raises(TypeError, match="floating-point numbers, got int8"):
        similarity(integers, EMBEDDINGS)
    with pytest.raises(ValueError, match=r"shape \(3,\), expected \(n, dim\)"):
        similarity(EMBEDDINGS, EMBEDDINGS[0])
