"""Figures of a comparison: whether one encoder can take the place of another, on some texts."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import (
    NEIGHBOURS,
    Floats,
    Neighbourhood,
    centred_cosines,
    cosines,
    neighbours_kept,
    unit_vectors,
)

FITS = 0.9
"""The share of neighbours kept from which one encoder can take the place of another: what an export must keep of its
float32 checkpoint by default."""

FEWEST_TEXTS = 2 * NEIGHBOURS + 1
"""The fewest texts from which a conclusion is drawn: chance alone keeps half of the neighbours of so many."""

SCALE = 2.0
"""How many times longer the vectors of one encoder are, on the mean, where both are compared at unit length."""

RELATED = 0.5
"""The share below which most neighbours are other texts: the encoders have little in common."""


@dataclass(frozen=True, kw_only=True)
class Angles:
    """Cosines of the texts' vectors to the reference's: mean, 1st percentile and least.

    `worst`: the index of the text with the least cosine. `centred_mean`, `centred_min`: the cosines without the mean
    vector of the reference; if the vectors of one are SCALE times as long, all are made of unit length first.
    `mixed_neighbours_kept`: the share of neighbours kept if the vectors are looked up in the index of the reference.
    """

    cosine_mean: float
    cosine_p1: float
    cosine_min: float
    worst: int
    centred_mean: float
    centred_min: float
    mixed_neighbours_kept: float

    @classmethod
    def of(cls, vectors: FloatArray, reference: FloatArray) -> Self:
        """Compare `vectors` with `reference`, (texts, dim) float32 both, of 3 texts or more."""
        cosine = cosines(vectors, reference)
        centred = centred_cosines(*_on_one_scale(vectors, reference))
        return cls(
            cosine_mean=float(cosine.mean()),
            cosine_p1=float(np.percentile(cosine, 1)),
            cosine_min=float(cosine.min()),
            worst=int(cosine.argmin()),
            centred_mean=float(centred.mean()),
            centred_min=float(centred.min()),
            mixed_neighbours_kept=neighbours_kept(vectors, reference, index=reference),
        )


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How well two encoders agree on some texts; `angles` is None if their vectors have different dimensions."""

    texts: int
    neighbourhood: Neighbourhood
    angles: Angles | None

    @classmethod
    def of(cls, vectors: FloatArray, reference: FloatArray) -> Self:
        """Compare `vectors` of A with `reference`, those of B: (texts, any dim) float32 both, of 3 texts or more.

        Memory: that of `Neighbourhood.of`, once at a time. Raises ValueError if all vectors of one are the same.
        """
        _check_that_they_differ("A", vectors)
        _check_that_they_differ("B", reference)
        same = vectors.shape[1] == reference.shape[1]
        return cls(
            texts=len(vectors),
            neighbourhood=Neighbourhood.of(vectors, reference),
            angles=Angles.of(vectors, reference) if same else None,
        )

    @property
    def conclusion(self) -> str:
        """What the figures mean for who has an index of the vectors of the reference, B, in one sentence."""
        kept = self.neighbourhood.neighbours_kept
        if self.texts < FEWEST_TEXTS:
            return (
                f"Of so few texts chance keeps more than half of the {NEIGHBOURS} nearest, so the neighbours say "
                "nothing: give some hundreds of texts."
            )
        if self.angles is not None and self.angles.mixed_neighbours_kept >= FITS:
            return f"A fits the index of B: its searches there find at least {FITS:.0%} of what B's find."
        if kept >= FITS:
            return (
                f"A finds at least {FITS:.0%} of what B finds, but in an index of its own only: encode the texts again "
                "with A."
            )
        if kept >= RELATED:
            return (
                "A does not fit the index of B: most neighbours stay, but too many change; encode the texts again with "
                "A, and judge its searches on your task."
            )
        return (
            "A does not fit the index of B: most neighbours change, as with another model or pooling; encode the texts "
            "again with A, and judge its searches on your task."
        )


def _on_one_scale(vectors: FloatArray, reference: FloatArray) -> tuple[FloatArray | Floats, FloatArray | Floats]:
    """Return both at unit length if one has vectors of another scale, as where only one index is normalized."""
    lengths = [float(np.linalg.norm(each, axis=1).mean()) for each in (vectors, reference)]
    if max(lengths) >= SCALE * min(lengths):
        return unit_vectors(vectors), unit_vectors(reference)
    return vectors, reference


def _check_that_they_differ(name: str, vectors: FloatArray) -> None:
    if all(np.array_equal(vector, vectors[0]) for vector in vectors):
        raise ValueError(
            f"the vectors of {name} are all the same, expected vectors that tell texts apart: compare different texts, "
            "and an index that was filled"
        )
