"""Work on embeddings: unit length, cosine similarity, fewer bits, JSON."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray

PRECISIONS = ("int8", "uint8", "binary", "ubinary")

LEVELS = 256
"""Values of an 8-bit number."""

NORM_FLOOR = 1e-12
"""The smallest norm to divide by, as in torch.nn.functional.normalize."""

ROWS_AT_ONCE = 256
"""Rows whose squares are held at a time: 768 KiB of float32 with 768 numbers a row, which a cache can hold."""

UNUSABLE = "the embeddings, or their ranges, hold NaN or infinity: drop these rows"

RANGES = "first the least and then the greatest number of each dimension: take them with embedding_ranges(sample)"

Floats = NDArray[np.floating]


def scale_to_unit_length(embeddings: Floats) -> None:
    """Divide each row of `embeddings` (n, dim) by its norm, in place; a row of zeros stays.

    Each operation is the IEEE one of the array's dtype, and squares are added in the order of `_row_sums`: a row gets
    the same bits on every CPU, alone and beside others.
    """
    for start in range(0, len(embeddings), ROWS_AT_ONCE):
        rows = embeddings[start : start + ROWS_AT_ONCE]
        rows /= np.maximum(np.sqrt(_row_sums(np.square(rows))), NORM_FLOOR)


def similarity(left: Floats, right: Floats) -> NDArray[np.float32]:
    """Return the cosine of each row of `left` (n, dim) to each row of `right` (m, dim): (n, m) float32.

    A vector of zeros has cosine 0 to every other. Raises TypeError or ValueError unless both are embeddings of one dim.

    >>> similarity(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0], [-3.0, -4.0], [0.0, 0.0]])).round(6).tolist()
    [[0.9599999785423279, -1.0, 0.0]]
    """
    _check_embeddings(left)
    _check_embeddings(right)
    if left.shape[1] != right.shape[1]:
        raise ValueError(
            f"left has {left.shape[1]} numbers a row and right {right.shape[1]}: compare embeddings of one encoder "
            "and one truncate_dim"
        )
    units = [rows.astype(np.float32) for rows in (left, right)]
    for rows in units:
        scale_to_unit_length(rows)
    cosines: NDArray[np.float32] = units[0] @ units[1].T
    return cosines


def quantize_embeddings(
    embeddings: Floats, precision: str, *, ranges: Floats | None = None
) -> NDArray[np.int8] | NDArray[np.uint8]:
    """Return `embeddings` (n, dim) in fewer bits, as sentence_transformers.quantize_embeddings does.

    "uint8": (n, dim) uint8, the place of a number between the least (0) and the greatest (255) of its dimension,
    rounded down. "int8": (n, dim) int8, the same less 128.
    "ubinary": (n, dim / 8 rounded up) uint8, a bit a number, set if it is above 0, the first of eight the highest.
    "binary": (n, dim / 8 rounded up) int8, the same less 128 a byte.

    `ranges`, for uint8 and int8: (2, dim), least and greatest number of each dimension; numbers beyond them are
    clipped. None takes those of `embeddings` themselves, and then two calls cannot be compared: take
    `embedding_ranges` of a large sample once, keep them, and pass them in every call.

    Raises ValueError for another precision, for NaN, for ranges of another shape or reversed, and without ranges for
    fewer than two rows or infinity; TypeError or ValueError unless `embeddings` is a float array of two dimensions.

    >>> quantize_embeddings(np.array([[0.0, 5.0], [0.5, 9.0], [2.0, 5.0]]), "uint8", ranges=np.array([[0, 4], [1, 6]]))
    array([[  0, 127],
           [127, 255],
           [255, 127]], dtype=uint8)
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}, expected one of {', '.join(PRECISIONS)}")
    _check_embeddings(embeddings)
    if np.isnan(embeddings).any():
        raise ValueError(UNUSABLE)
    if precision.endswith("binary"):
        codes = np.packbits(embeddings > 0, axis=1)
    else:
        codes = _levels(embeddings, embedding_ranges(embeddings) if ranges is None else ranges)
    return codes if precision.startswith("u") else (codes.astype(np.int16) - LEVELS // 2).astype(np.int8)


def embedding_ranges(embeddings: Floats) -> Floats:
    """Return the least and greatest number of each dimension of `embeddings` (n, dim): (2, dim).

    They are the `ranges` of `quantize_embeddings`.

    Raises ValueError for fewer than two rows, TypeError or ValueError unless it is a float array of two dimensions.
    """
    _check_embeddings(embeddings)
    if len(embeddings) < 2:
        raise ValueError(
            f"{len(embeddings)} embeddings have no ranges to quantize by, expected at least 2, better thousands: pass "
            "ranges=embedding_ranges(sample), of a large sample"
        )
    return np.stack([embeddings.min(axis=0), embeddings.max(axis=0)])


def json_rows(embeddings: FloatArray) -> Iterator[str]:
    """Yield each row of `embeddings` (n, dim) float32 as a JSON array of numbers.

    Each number has the fewest digits that give the same float32 again, 9 at most: a row of 768 takes about 9 kB.

    >>> list(json_rows(np.array([[0.1, -2.0], [1e-7, 1 / 3]], dtype=np.float32)))
    ['[0.1, -2.0]', '[1e-07, 0.33333334]']
    """
    for row in embeddings:
        yield f"[{', '.join(map(str, row))}]"


def _row_sums(values: Floats) -> Floats:
    """Return the sum of each row of `values` (n, dim), as (n, 1); `values` is overwritten.

    The last half of the columns is added to the first half, column by column, until one is left; of an odd number, the
    column in the middle waits. So five columns give ((a + d) + c) + (b + e). numpy's own sums have another order where
    the CPU's vectors have another width.
    """
    columns = values.shape[1]
    while columns > 1:
        half = columns // 2
        values[:, :half] += values[:, columns - half : columns]
        columns -= half
    return values[:, :1]


def _levels(embeddings: Floats, ranges: Floats) -> NDArray[np.uint8]:
    if not np.isfinite(ranges).all():
        raise ValueError(UNUSABLE)
    shape = (2, embeddings.shape[1])
    if np.shape(ranges) != shape:
        raise ValueError(f"ranges have shape {np.shape(ranges)}, expected {shape}, {RANGES}")
    least, greatest = np.asarray(ranges)
    reversed_dims = np.flatnonzero(least > greatest)
    if reversed_dims.size:
        dim = reversed_dims[0]
        raise ValueError(f"ranges of dimension {dim} are {least[dim]} and {greatest[dim]}, expected {RANGES}")
    # sentence-transformers' order of rounding: the greatest may become 254.
    steps = (greatest - least) / (LEVELS - 1)
    steps = np.where(steps == 0, 1, steps)  # a dimension that never changes
    levels: NDArray[np.uint8] = np.clip(np.floor((embeddings - least) / steps), 0, LEVELS - 1).astype(np.uint8)
    return levels


def _check_embeddings(embeddings: Floats) -> None:
    if not isinstance(embeddings, np.ndarray) or not np.issubdtype(embeddings.dtype, np.floating):
        kind = getattr(embeddings, "dtype", type(embeddings).__name__)
        raise TypeError(f"expected embeddings, an array of floating-point numbers, got {kind}: pass what encode gives")
    if embeddings.ndim != 2:
        raise ValueError(f"embeddings have shape {embeddings.shape}, expected (n, dim): one row is embeddings[:1]")
