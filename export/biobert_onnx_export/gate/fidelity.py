"""Fidelity: how close the vectors of a graph are to those of the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import cosines

LENGTH_CLASSES = ((1, 8), (9, 32), (33, 128), (129, 10**9))
"""The least and greatest number of tokens of a text in each class of a fidelity record."""

DIGITS = 6
"""Decimals of a figure in the manifest."""


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """The cosine of some texts to the reference (mean, 1st percentile, least) and the largest absolute error."""

    texts: int
    cosine_mean: float
    cosine_p1: float
    cosine_min: float
    max_abs_error: float

    @classmethod
    def of(cls, vectors: FloatArray, reference: FloatArray) -> Self:
        """Compare `vectors` with `reference`, (texts, dim) float32 both, of at least one text."""
        cosine = cosines(vectors, reference)
        return cls(
            texts=len(cosine),
            cosine_mean=round(float(cosine.mean()), DIGITS),
            cosine_p1=round(float(np.percentile(cosine, 1)), DIGITS),
            cosine_min=round(float(cosine.min()), DIGITS),
            max_abs_error=round(float(np.abs(vectors - reference).max()), DIGITS),
        )


def fidelity_record(vectors: FloatArray, reference: FloatArray, lengths: Sequence[int]) -> Mapping[str, Any]:
    """Compare `vectors` with `reference`, whole and by length class; `lengths` are the texts' numbers of tokens."""
    tokens = np.array(lengths)
    by_length = {}
    for least, most in LENGTH_CLASSES:
        chosen = (least <= tokens) & (tokens <= most)
        if chosen.any():
            name = f"{least}-{most} tokens" if most < LENGTH_CLASSES[-1][1] else f"{least} tokens and more"
            by_length[name] = asdict(Fidelity.of(vectors[chosen], reference[chosen]))
    return {**asdict(Fidelity.of(vectors, reference)), "by_length": by_length}
