"""Fidelity: how close the vectors of a graph, and the searches with them, are to those of the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import Neighbourhood, centred_cosines, cosines

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


@dataclass(frozen=True, kw_only=True)
class SearchFidelity:
    """What remains of a search among some texts: cosines (mean, least) of the vectors without the mean of the
    reference's, the share of the 10 nearest texts kept, and the rank correlation of similarities.
    """

    centred_mean: float
    centred_min: float
    neighbours_kept: float
    rank_correlation: float

    @classmethod
    def of(cls, vectors: FloatArray, reference: FloatArray) -> Self:
        """Compare searches with `vectors` with searches with `reference`, (texts, dim) float32 both.

        Raises ValueError for fewer than 3 texts, which no held-out set has: a calibration file has at least 20, and
        half of them are held out.
        """
        centred = centred_cosines(vectors, reference)
        neighbourhood = Neighbourhood.of(vectors, reference)
        return cls(
            centred_mean=round(float(centred.mean()), DIGITS),
            centred_min=round(float(centred.min()), DIGITS),
            neighbours_kept=round(neighbourhood.neighbours_kept, DIGITS),
            rank_correlation=round(neighbourhood.rank_correlation, DIGITS),
        )


def fidelity_record(vectors: FloatArray, reference: FloatArray, lengths: Sequence[int]) -> Mapping[str, Any]:
    """Compare `vectors` with `reference`, whole and by length class; `lengths` are the texts' numbers of tokens.

    The classes have the cosines alone: one may have a single text, and a neighbour may be of any length.
    """
    tokens = np.array(lengths)
    by_length = {}
    for least, most in LENGTH_CLASSES:
        chosen = (least <= tokens) & (tokens <= most)
        if chosen.any():
            name = f"{least}-{most} tokens" if most < LENGTH_CLASSES[-1][1] else f"{least} tokens and more"
            by_length[name] = asdict(Fidelity.of(vectors[chosen], reference[chosen]))
    whole = asdict(Fidelity.of(vectors, reference)) | asdict(SearchFidelity.of(vectors, reference))
    return {**whole, "by_length": by_length}
