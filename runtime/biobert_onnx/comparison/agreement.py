"""Agreement of two encoders on the same texts: the angle between a text's two vectors, and what a search finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray

NEIGHBOURS = 10
"""How many nearest texts of a text are compared."""

QUERIES = 1000
"""The most texts whose neighbours are looked up; of more texts, this many are taken, evenly spaced."""

QUERIES_AT_ONCE = 32
"""Texts whose similarities to all others are held at a time: 26 MB of float64 for each 100,000 texts."""

ROWS_AT_ONCE = 4096
"""Vectors that are converted to float64 at a time for their cosines: 25 MB for 768 numbers."""

TIE = 1e-6
"""Similarities this close to each other tie: float32 vectors of one text differ by less from batch to batch."""

TIE_SHARE = 1e-3
"""But a tie is no more than this share of how much the similarities of a text vary (their standard deviation): those of
some encoders are all close to 1."""

LEAST_TEXTS = 3
"""The fewest texts whose neighbours can be ranked: one text and two others."""

SMALLEST_NORM = 1e-30
"""The smallest norm to divide by: a vector of zeros has similarity 0 to every other."""

Floats = NDArray[np.float64]


def cosines(left: FloatArray, right: FloatArray) -> Floats:
    """Return the cosine of each vector of `left` to the same text's vector of `right`, (texts,) float64.

    A vector of zeros, which a Dense with ReLU may give, has cosine 1 to another one and 0 to any other vector. Memory:
    a few thousand vectors in float64 at a time.

    >>> cosines(np.array([[3.0, 4.0]], np.float32), np.array([[4.0, 3.0]], np.float32)).tolist()
    [0.96]
    """
    return _cosines(left, right, origin=np.zeros(left.shape[1]))


def centred_cosines(vectors: FloatArray | Floats, reference: FloatArray | Floats) -> Floats:
    """Return the cosines after the mean vector of `reference` is taken from all vectors of both, (texts,) float64.

    Vectors of encoders like BioBERT share one large direction, which makes every cosine high (Ethayarajh 2019,
    arXiv 1909.00512). Without it, what tells texts apart remains.
    """
    return _cosines(vectors, reference, origin=reference.mean(axis=0, dtype=np.float64))


def _cosines(left: FloatArray | Floats, right: FloatArray | Floats, *, origin: Floats) -> Floats:
    """Return the cosines of the vectors from `origin` (dim,) to those of `left` and `right`."""
    parts = [np.empty(0)]
    for start in range(0, len(left), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        a, b = left[rows] - origin, right[rows] - origin
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        both_zero = ~(a.any(axis=1) | b.any(axis=1))
        parts.append(np.where(norms > 0, (a * b).sum(axis=1) / np.where(norms > 0, norms, 1), both_zero))
    return np.concatenate(parts)


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """How much of a search survives when one encoder takes the place of another.

    `neighbours_kept`: the mean share of a text's 10 nearest texts by one encoder that are among its 10 nearest by the
    other; texts that tie with the tenth count as well. `rank_correlation`: the mean over the texts of Spearman's rank
    correlation of a text's similarities to all others by the two.
    """

    neighbours_kept: float
    rank_correlation: float

    @classmethod
    def of(cls, vectors: FloatArray, reference: FloatArray) -> Self:
        """Compare searches with `vectors` (texts, dim) with searches with `reference` (texts, any dim).

        Every text is looked up among all others by its cosine. Memory: QUERIES_AT_ONCE rows of similarities, six times,
        and the vectors of both in float64. Raises ValueError for fewer than 3 texts.
        """
        kept, correlations = [], []
        for found, expected in _searches(vectors, reference, index=vectors):
            kept.append(_kept(found, expected))
            correlations.append(_rank_correlations(found, expected))
        return cls(
            neighbours_kept=float(np.concatenate(kept).mean()),
            rank_correlation=float(np.concatenate(correlations).mean()),
        )


def neighbours_kept(vectors: FloatArray, reference: FloatArray, *, index: FloatArray | None = None) -> float:
    """Return what `Neighbourhood` has under this name, without the ranks, which take longer.

    `index`, (texts, dim): the vectors among which those of `vectors` are looked up; None: `vectors` themselves.
    """
    index = vectors if index is None else index
    kept = [_kept(found, expected) for found, expected in _searches(vectors, reference, index=index)]
    return float(np.concatenate(kept).mean())


def _searches(vectors: FloatArray, reference: FloatArray, *, index: FloatArray) -> Iterator[tuple[Floats, Floats]]:
    """Yield some texts' similarities to all others, by `vectors` in `index` and by `reference`, block by block."""
    if len(vectors) < LEAST_TEXTS:
        raise ValueError(f"{len(vectors)} texts have no neighbours to compare, expected at least {LEAST_TEXTS}")
    expected_in = unit_vectors(reference)
    found_in = expected_in if index is reference else unit_vectors(index)
    for queries in _blocks(len(vectors)):
        found = _others(unit_vectors(vectors[queries]) @ found_in.T, queries)
        yield found, _others(expected_in[queries] @ expected_in.T, queries)


def unit_vectors(vectors: FloatArray) -> Floats:
    """Return `vectors` (texts, dim) at unit length, float64; a vector of zeros stays."""
    units: Floats = vectors.astype(np.float64)
    for start in range(0, len(units), ROWS_AT_ONCE):
        some = units[start : start + ROWS_AT_ONCE]
        some /= np.maximum(np.linalg.norm(some, axis=1, keepdims=True), SMALLEST_NORM)
    return units


def _blocks(texts: int) -> Iterator[NDArray[np.intp]]:
    """Yield the indices of the texts to look up, some at a time."""
    queries = np.linspace(0, texts - 1, min(texts, QUERIES)).round().astype(np.intp)
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        yield queries[start : start + QUERIES_AT_ONCE]


def _others(similarities: Floats, queries: NDArray[np.intp]) -> Floats:
    """Return `similarities` (queries, texts) without those of the queries to themselves, (queries, texts - 1)."""
    is_other = np.ones(similarities.shape, dtype=bool)
    is_other[np.arange(len(queries)), queries] = False
    return similarities[is_other].reshape(len(queries), -1)


def _kept(found: Floats, expected: Floats) -> Floats:
    """Return the share of each query's nearest texts of `found` that are nearest of `expected` as well, (queries,).

    Where more texts of `found` tie with the last of the nearest than there are places left, each has the same chance of
    a place, and the share is the mean over all choices: the order of the texts is no agreement.
    """
    count = min(NEIGHBOURS, found.shape[1])
    tie = np.minimum(TIE, TIE_SHARE * expected.std(axis=1, keepdims=True))
    ties = (expected >= _last_of_nearest(expected, count) - tie) & (tie > 0)
    is_expected = _nearest(expected, count) | ties
    last = _last_of_nearest(found, count)
    is_nearer, is_last = found > last, found == last
    places_left = count - is_nearer.sum(axis=1)
    of_last = places_left * (is_last & is_expected).sum(axis=1) / is_last.sum(axis=1)
    share: Floats = ((is_nearer & is_expected).sum(axis=1) + of_last) / count
    return share


def _nearest(similarities: Floats, count: int) -> NDArray[np.bool_]:
    """Return which `count` texts are nearest in each row; of those that tie with the last, the first ones are.

    A partition takes a tenth of the time of sorting the rows.
    """
    last = _last_of_nearest(similarities, count)
    is_nearer, is_last = similarities > last, similarities == last
    nearest: NDArray[np.bool_] = is_nearer | is_last & (
        is_last.cumsum(axis=1) <= count - is_nearer.sum(axis=1, keepdims=True)
    )
    return nearest


def _last_of_nearest(similarities: Floats, count: int) -> Floats:
    """Return the similarity of the last of the `count` nearest texts, (queries, 1)."""
    return np.partition(similarities, -count, axis=1)[:, -count, None]


def _rank_correlations(found: Floats, expected: Floats) -> Floats:
    """Return Spearman's correlation of each row: 1 - 6 sum(d^2) / (n (n^2 - 1)), d the differences of n ranks."""
    count = found.shape[1]
    differences = _ranks(found) - _ranks(expected)
    correlations: Floats = 1 - 6 * np.square(differences).sum(axis=1) / (count * (count**2 - 1.0))
    return correlations


def _ranks(similarities: Floats) -> Floats:
    """Return the rank of each number in its row, from 0; equal numbers rank in the order of the texts."""
    ranks = np.empty(similarities.shape)
    order = np.argsort(similarities, axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(similarities.shape[1], dtype=np.float64)[None], axis=1)
    return ranks
