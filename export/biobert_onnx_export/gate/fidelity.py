"""Step 6, the fidelity gate: how close a graph's vectors are to the reference's, and whether that is close enough."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray

LENGTH_CLASSES = ((1, 8), (9, 32), (33, 128), (129, 10**9))
"""Bounds, in tokens, of the classes that a report is broken down by."""

DIGITS = 6
"""Decimals kept in the manifest."""


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """Cosine to the reference over a set of texts (mean, 1st percentile, least) and the largest absolute error."""

    texts: int
    cosine_mean: float
    cosine_p1: float
    cosine_min: float
    max_abs_error: float

    @classmethod
    def of(cls, vectors: FloatArray, reference: FloatArray) -> Self:
        """The fidelity of `vectors` to `reference`, (texts, dim) float32 both, at least one text."""
        cosine = cosines(vectors, reference)
        return cls(
            texts=len(cosine),
            cosine_mean=round(float(cosine.mean()), DIGITS),
            cosine_p1=round(float(np.percentile(cosine, 1)), DIGITS),
            cosine_min=round(float(cosine.min()), DIGITS),
            max_abs_error=round(float(np.abs(vectors - reference).max()), DIGITS),
        )


def cosines(left: FloatArray, right: FloatArray) -> NDArray[np.float64]:
    """The cosine of each row of `left` to the same row of `right`, (texts,) float64.

    >>> cosines(np.array([[3.0, 4.0]], np.float32), np.array([[4.0, 3.0]], np.float32)).tolist()
    [0.96]
    """
    a, b = left.astype(np.float64), right.astype(np.float64)
    product: NDArray[np.float64] = (a * b).sum(axis=1)
    norms: NDArray[np.float64] = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return product / norms


def fidelity_record(vectors: FloatArray, reference: FloatArray, lengths: Sequence[int]) -> Mapping[str, Any]:
    """The fidelity of a set of texts, whole and by length class, as the manifest holds it."""
    tokens = np.array(lengths)
    by_length = {}
    for least, most in LENGTH_CLASSES:
        chosen = (least <= tokens) & (tokens <= most)
        if chosen.any():
            name = f"{least}-{most} tokens" if most < LENGTH_CLASSES[-1][1] else f"{least} tokens and more"
            by_length[name] = asdict(Fidelity.of(vectors[chosen], reference[chosen]))
    return {**asdict(Fidelity.of(vectors, reference)), "by_length": by_length}
