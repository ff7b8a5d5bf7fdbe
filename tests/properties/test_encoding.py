"""`encode` on any list of any texts: shape, order, finite numbers, unit length, the same bits in any grouping."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobert_onnx import SentenceEncoder
from tests.properties.strategies import code_points, texts

lists_of_texts = st.lists(texts, max_size=8)

pytestmark = pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")


@pytest.fixture(scope="module")
def short(artifact: Path) -> SentenceEncoder:
    """An encoder that most texts are too long for."""
    return SentenceEncoder(artifact, max_length=9, threads=1)


@given(texts=lists_of_texts, data=st.data())
def test_each_text_gets_one_finite_vector_with_the_same_bits_in_any_grouping(
    encoder: SentenceEncoder, texts: list[str], data: st.DataObject
) -> None:
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), encoder.dim)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    order = data.draw(st.permutations(range(len(texts))))
    start = data.draw(st.integers(0, len(texts)))
    for part in (order[:start], order[start:]):
        assert (encoder.encode([texts[index] for index in part]) == vectors[part]).all()


@given(texts=lists_of_texts, data=st.data())
def test_normalized_vectors_have_unit_length_whatever_is_kept_of_them(
    encoder: SentenceEncoder, texts: list[str], data: st.DataObject
) -> None:
    kept = data.draw(st.integers(1, encoder.dim))
    vectors = encoder.encode(texts, normalize_embeddings=True, truncate_dim=kept)
    assert vectors.shape == (len(texts), kept)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-6)


@given(texts=lists_of_texts, size=st.integers(1, 9), long_texts=st.sampled_from(["truncate", "window"]))
def test_a_stream_has_the_bits_of_a_list_whether_texts_are_cut_or_windowed(
    short: SentenceEncoder, texts: list[str], size: int, long_texts: str
) -> None:
    vectors = short.encode(texts, long_texts=long_texts)
    chunks = list(short.encode_stream(iter(texts), chunk_size=size, long_texts=long_texts))
    assert [len(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)
    assert np.isfinite(vectors).all()
    assert (np.vstack([np.empty((0, short.dim), np.float32), *chunks]) == vectors).all()


@given(texts=lists_of_texts, prompt=texts, long_texts=st.sampled_from(["truncate", "window"]))
def test_a_prompt_gives_the_bits_of_texts_that_begin_with_it(
    short: SentenceEncoder, texts: list[str], prompt: str, long_texts: str
) -> None:
    expected = short.encode([prompt + text for text in texts], long_texts=long_texts)
    found, counts = short.encode_with_counts(texts, prompt=prompt, long_texts=long_texts)
    assert np.array_equal(found, expected)
    if long_texts == "window":
        assert np.array_equal(counts, short.token_counts(texts, prompt=prompt))


@given(texts=st.lists(code_points, min_size=1, max_size=4))
def test_what_is_no_unicode_is_refused_by_its_index_and_all_else_is_encoded(
    encoder: SentenceEncoder, texts: list[str]
) -> None:
    lone = [any("\ud800" <= character <= "\udfff" for character in text) for text in texts]
    if any(lone):
        with pytest.raises(ValueError, match=rf"sentences\[{lone.index(True)}\] holds a lone surrogate"):
            encoder.encode(texts)
    else:
        assert len(encoder.encode(texts)) == len(texts)
