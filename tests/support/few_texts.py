"""Exports that measure few texts, with PyTorch's model as the reference: they take a fifth of the time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from biobert_onnx_export.reference.texts import TextSets

FULL = TextSets.read(None)
FEW = replace(
    FULL,
    biomedical=FULL.biomedical[:20],
    calibration=FULL.calibration[:20],
    held_out={"gated": FULL.held_out["gated"][:12], "general": FULL.held_out["general"][:4]},
)
"""The texts that each export is given: what is tried are folders, and these are compared on texts of their own."""


@contextmanager
def few_texts() -> Iterator[None]:
    """Give every export in the block FEW texts, and no optimum."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TextSets, "read", lambda calibration: FEW)
        patch.setattr("biobert_onnx_export.reference.reference.has_optimum", lambda: False)
        yield
