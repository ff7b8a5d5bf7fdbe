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

TIE = 1e-6
"""Similarities this close to each other are equal: float32 does not tell them apart."""

LEAST_TEXTS = 3
"""The fewest texts whose neighbours can be ranked: one text and two others."""

SMALLEST_NORM = 1e-30
"""The smallest norm to divide by: a vector of zeros has similarity 0 to every other."""

Floats = NDArray[np.float64]


def cosines(left: FloatArray, right: FloatArray) -> Floats:
    """Return the cosine of each vector of `left` to the same text's vector of `right`, (texts,) float64.

    A vector of zeros, which a Dense with ReLU may give, has cosine 1 to another one and 0 to any other vector.

    >>> cosines(np.array([[3.0, 4.0]], np.float32), np.array([[4.0, 3.0]], np.float32)).tolist()
    [0.96]
    """
    a, b = left.astype(np.float64), right.astype(np.float64)
    product: Floats = (a * b).sum(axis=1)
    norms: Floats = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both_zero = ~(a.any(axis=1) | b.any(axis=1))
    return np.where(norms > 0, product / np.where(norms > 0, norms, 1), both_zero)


def centred_cosines(vectors: FloatArray, reference: FloatArray) -> Floats:
    """Return the cosines after the mean vector of `reference` is taken from all vectors of both, (texts,) float64.

    Vectors of encoders like BioBERT share one large direction, which makes every cosine high (Ethayarajh 2019,
    arXiv 1909.00512). Without it, what tells texts apart remains.
    """
    mean = reference.astype(np.float64).mean(axis=0)
    return cosines(vectors.astype(np.float64) - mean, reference.astype(np.float64) - mean)


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
    def of(cls, vectors: FloatArray, reference: FloatArray, *, index: FloatArray | None = None) -> Self:
        """Compare searches with `vectors` (texts, dim) with searches with `reference` (texts, any dim).

        Every text is looked up among all others by its cosine. `index`, (texts, dim): the vectors among which those of
        `vectors` are looked up; None: they are `vectors` themselves. Memory: QUERIES_AT_ONCE rows of similarities, six
        times, and the vectors in float64. Raises ValueError for fewer than 3 texts.
        """
        if len(vectors) < LEAST_TEXTS:
            raise ValueError(f"{len(vectors)} texts have no neighbours to compare, expected at least {LEAST_TEXTS}")
        found_in, expected_in = _units(vectors if index is None else index), _units(reference)
        looked_up = found_in if index is None else _units(vectors)
        kept, correlations = [], []
        for queries in _blocks(len(vectors)):
            found = _others(looked_up[queries] @ found_in.T, queries)
            expected = _others(expected_in[queries] @ expected_in.T, queries)
            kept.append(_kept(found, expected))
            correlations.append(_rank_correlations(found, expected))
        return cls(
            neighbours_kept=float(np.concatenate(kept).mean()),
            rank_correlation=float(np.concatenate(correlations).mean()),
        )


def _units(vectors: FloatArray) -> Floats:
    doubles = vectors.astype(np.float64)
    units: Floats = doubles / np.maximum(np.linalg.norm(doubles, axis=1, keepdims=True), SMALLEST_NORM)
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
    """Return the share of each query's nearest texts of `found` that are nearest of `expected` as well, (queries,)."""
    count = min(NEIGHBOURS, found.shape[1])
    nearest = np.argsort(-found, axis=1, kind="stable")[:, :count]
    last = np.partition(expected, -count, axis=1)[:, -count, None]
    share: Floats = (np.take_along_axis(expected, nearest, axis=1) >= last - TIE).mean(axis=1)
    return share


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
