"""Vectors that every kernel gives on every machine, forever: a changed hash is a change of everybody's vectors.

Nothing here is measured: tensors and token ids are drawn from seeded integers. If a hash must change, say so in
CHANGELOG.md and raise INTERFACE if packed weights differ.
"""

import ctypes
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.engine import SWITCH
from biobert_onnx.kernels.library import PLAIN, compiled_kernels, runs_here
from tests.support.drawn_artifacts import TOKENS, write_artifact
from tests.support.kernel_builds import NATIVE_KERNELS
from tests.support.kernel_models import PackedModel, Shape, draw_ids, draw_model

SITES = Shape().site_names
SHAPES = {
    "static": Shape(outlier_units=(5, 0), smoothing=frozenset(SITES[:1])),
    "per token": Shape(per_token=frozenset(SITES), head_size=64, activation="gelu_new", pooling="cls"),
    "mixed": Shape(per_token=frozenset(SITES[::3]), pooling="max", activation="relu", has_attention_bias=True),
    "pooler": Shape(pooling="pooler", unit_length=True, hidden=192, inner=768),
    "counted positions": Shape(words=8, padding_id=3, has_token_types=False, has_attention_bias=True),
}

OF_IDS = {
    "static": "f9d605a93224ecde",
    "per token": "5f56d9119c65f7ef",
    "mixed": "7c1aba03ed50e5bf",
    "pooler": "ca4275272e65ee85",
    "counted positions": "c3741923bb110184",
}
"""The start of the sha256 of the vectors of 3 x 33 token ids."""

TEXTS = ["", "The p53 gene", "BRCA1 & BRCA2!", " ".join(["gene", "of", "7", "cells"] * 30)]

OF_TEXTS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "as they are": ({}, "a0ffad88264b6f1b"),
    "unit length": ({"normalize_embeddings": True}, "7e6650f22b9e0160"),
    "first 50 numbers": ({"truncate_dim": 50}, "04c991182f9644c1"),
    "windows": ({"long_texts": "window"}, "4ea0edd4ce1bd742"),
    "windows of unit length, first 50": (
        {"long_texts": "window", "normalize_embeddings": True, "truncate_dim": 50},
        "49d304899130d830",
    ),
}
"""What `encode` is asked for, and the start of the sha256 of the vectors of TEXTS."""


@pytest.fixture(params=[*NATIVE_KERNELS, PLAIN])
def kernel(request: pytest.FixtureRequest) -> str:
    """The name of a kernel that runs here."""
    name: str = request.param
    if not any(kernel.name == name and runs_here(kernel) for kernel in compiled_kernels()):
        pytest.skip(f"this machine does not run the kernel {name}")
    return name


@pytest.fixture
def encoder(tmp_path: Path, kernel: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SentenceEncoder]:
    monkeypatch.setenv(SWITCH, kernel)
    drawn = draw_model(Shape(words=len(TOKENS), outlier_units=(0, 2)), seed=99)
    with SentenceEncoder(write_artifact(drawn, tmp_path), threads=2, engine="kernels") as encoder:
        assert encoder.kernel == kernel
        yield encoder


@pytest.mark.parametrize("name", SHAPES)
def test_vectors_of_token_ids_are_the_golden_ones(native: ctypes.CDLL, kernel: str, name: str) -> None:
    shape = SHAPES[name]
    index = next(each.index for each in compiled_kernels() if each.name == kernel)
    vectors = PackedModel.of(draw_model(shape, seed=2024)).encode(native, index, draw_ids(shape, 1, 3, 33), threads=2)
    assert hash_of(vectors) == OF_IDS[name]


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")
@pytest.mark.parametrize("name", OF_TEXTS)
def test_vectors_of_texts_are_the_golden_ones(encoder: SentenceEncoder, name: str) -> None:
    options, expected = OF_TEXTS[name]
    assert hash_of(encoder.encode(TEXTS, **options)) == expected


def hash_of(vectors: FloatArray) -> str:
    return hashlib.sha256(vectors.astype("<f4").tobytes()).hexdigest()[:16]
