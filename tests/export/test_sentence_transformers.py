"""Parity with the real sentence-transformers, where it is installed (extra `benchmark`)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder, embedding_ranges, quantize_embeddings, similarity
from biobert_onnx_export.reference.texts import TextSets
from tests.support.sentence_transformers import onnx_backend

pytestmark = pytest.mark.filterwarnings("ignore")  # its own, of the packages that it loads


@pytest.fixture(scope="module")
def theirs() -> Any:
    return pytest.importorskip("sentence_transformers")


@pytest.fixture(scope="module")
def embeddings(encoder: SentenceEncoder) -> np.ndarray:
    return encoder.encode(TextSets.read(None).held_out["gated"])


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_quantized_embeddings_are_the_same(theirs: Any, embeddings: np.ndarray, precision: str) -> None:
    kept = embeddings[:, :90]  # not a multiple of 8
    expected = theirs.util.quantize_embeddings(kept, precision)
    found = quantize_embeddings(kept, precision)
    assert found.dtype == expected.dtype
    assert (found == expected).all()


@pytest.mark.parametrize("precision", ["int8", "uint8"])
def test_quantized_embeddings_are_the_same_with_given_ranges(
    theirs: Any, embeddings: np.ndarray, precision: str
) -> None:
    sample, others = embeddings[:30], embeddings[30:]
    assert ((others < sample.min(axis=0)) | (others > sample.max(axis=0))).any()
    expected = theirs.util.quantize_embeddings(others, precision, calibration_embeddings=sample)
    assert (quantize_embeddings(others, precision, ranges=embedding_ranges(sample)) == expected).all()


def test_similarity_is_the_same(theirs: Any, embeddings: np.ndarray) -> None:
    left, right = np.vstack([embeddings[:20], np.zeros_like(embeddings[:1])]), embeddings[20:]
    expected = theirs.SimilarityFunction.to_similarity_fn("cosine")(left, right).numpy()
    assert similarity(left, right) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("normalize", [False, True])
def test_truncated_vectors_are_those_of_its_encode(artifact: Path, encoder: SentenceEncoder, normalize: bool) -> None:
    texts = TextSets.read(None).held_out["gated"][:20]
    expected = onnx_backend(artifact).encode(texts, batch_size=1, truncate_dim=40, normalize_embeddings=normalize)
    found = encoder.encode(texts, truncate_dim=40, normalize_embeddings=normalize)
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() / np.abs(expected).mean() <= 0.005
