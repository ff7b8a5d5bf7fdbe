"""The nearest vectors of each vector, and the nearest pairs, block by block: no table of all cosines is held."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray

COSINES_AT_ONCE = 2**22
"""Cosines that are held at a time: 16 MiB of float32, and at most 64 MiB for their places and their copies."""


class Near(NamedTuple):
    """A row of the first vectors, a row of the second, and their cosine."""

    a: int
    b: int
    cosine: float


def nearest_neighbours(a: FloatArray, b: FloatArray, count: int) -> Iterator[Near]:
    """Yield the `count` rows of `b` (m, dim) that are nearest to each row of `a` (n, dim), or all m if they are fewer.

    All rows have unit length. The rows of `a` come in their order, the nearest one of `b` first; of equal cosines, the
    row that stands first. Memory: COSINES_AT_ONCE, or one row of m cosines if that is more.
    """
    count = min(count, len(b))
    step = max(1, COSINES_AT_ONCE // len(b))
    for start in range(0, len(a), step):
        cosines = a[start : start + step] @ b.T
        columns = np.argpartition(cosines, -count, axis=1)[:, -count:]
        found = np.take_along_axis(cosines, columns, axis=1)
        order = np.lexsort((columns, -found), axis=1)
        for row, places in enumerate(order):
            yield from (Near(start + row, int(columns[row, place]), float(found[row, place])) for place in places)


def nearest_pairs(vectors: FloatArray, count: int) -> list[Near]:
    """Return the `count` pairs of different rows of `vectors` (n, dim) that are nearest, or all if they are fewer.

    All rows have unit length. The nearest pair is first; in each, the row that stands first is `a`. Memory:
    COSINES_AT_ONCE, or one row of n cosines if that is more, and `count` pairs.
    """
    best = _Best(count)
    step = max(1, COSINES_AT_ONCE // max(1, len(vectors)))
    for start in range(0, len(vectors) - 1, step):
        rows = vectors[start : start + step]
        cosines = rows @ vectors[start:].T
        cosines[np.tril_indices(len(rows), m=cosines.shape[1])] = -np.inf  # a row itself, and pairs that were seen
        best.add(cosines, start)
    return best.sorted()


class _Best:
    """The best pairs of all that were added, at most `count`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._rows = np.empty((2, 0), dtype=np.intp)
        self._cosines: NDArray[np.float32] = np.empty(0, dtype=np.float32)

    def add(self, cosines: FloatArray, start: int) -> None:
        """Add the pairs of `cosines` (rows, columns) above -inf, whose first row and first column are row `start`."""
        is_full = len(self._cosines) == self._count
        places = np.flatnonzero(cosines > (self._cosines.min() if is_full else -np.inf))
        found = cosines.ravel()[places]
        if len(places) > self._count:
            kept = np.argpartition(found, -self._count)[-self._count :]
            places, found = places[kept], found[kept]
        rows = np.stack(np.divmod(places, cosines.shape[1])) + start
        self._rows, self._cosines = np.hstack((self._rows, rows)), np.hstack((self._cosines, found))
        kept = np.lexsort((*self._rows[::-1], -self._cosines))[: self._count]
        self._rows, self._cosines = self._rows[:, kept], self._cosines[kept]

    def sorted(self) -> list[Near]:
        """Return the pairs, the best one first."""
        return [Near(int(a), int(b), float(cosine)) for a, b, cosine in zip(*self._rows, self._cosines, strict=True)]
