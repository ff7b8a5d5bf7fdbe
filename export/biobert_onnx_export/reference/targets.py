"""The targets of an export: token ids of texts, and the reference's vectors that a graph should give them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.texts import GATED, TokenSets


@dataclass(frozen=True, kw_only=True)
class Target:
    """The token ids of some texts and their reference vectors, (texts, dim) float32."""

    token_ids: TokenIds
    vectors: FloatArray

    @classmethod
    def of(cls, reference: Reference, token_ids: TokenIds) -> Self:
        """Compute the reference vectors of `token_ids`."""
        return cls(token_ids=token_ids, vectors=reference.embeddings(token_ids))


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The target of a sample of the calibration texts, and of every held-out set by its name."""

    samples: Target
    held_out: Mapping[str, Target]

    @classmethod
    def of(cls, reference: Reference, tokens: TokenSets) -> Self:
        """Compute the reference vectors of every set that graphs are measured on."""
        return cls(
            samples=Target.of(reference, tokens.samples),
            held_out={name: Target.of(reference, ids) for name, ids in tokens.held_out.items()},
        )

    @property
    def gated(self) -> Target:
        """The held-out set whose figures decide whether a recipe passes the gate."""
        return self.held_out[GATED]
