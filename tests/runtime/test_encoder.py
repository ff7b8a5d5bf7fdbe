"""What `SentenceEncoder` promises about shapes, bits and errors."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder, TruncationWarning
from biobert_onnx.encoding.tokenizer import CHARACTERS, SLICE, TextTokenizer
from tests.support.texts import TEXTS

LONG = "Mutations of the gene were found in every second patient. " * 60


def test_one_vector_a_text_in_float32(encoder: SentenceEncoder) -> None:
    embeddings = encoder.encode(TEXTS)
    assert embeddings.shape == (len(TEXTS), encoder.dim)
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()


def test_no_texts_give_an_empty_array_of_the_right_width(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)


def one_by_one(encoder: SentenceEncoder) -> np.ndarray:
    return np.vstack([encoder.encode([text]) for text in TEXTS])


def reversed_order(encoder: SentenceEncoder) -> np.ndarray:
    return encoder.encode(TEXTS[::-1])[::-1]


def repeated_and_shuffled(encoder: SentenceEncoder) -> np.ndarray:
    order = list(range(len(TEXTS))) * 40
    random.Random(7).shuffle(order)
    embeddings = encoder.encode([TEXTS[index] for index in order])
    for index in range(len(TEXTS)):
        rows = embeddings[[place for place, chosen in enumerate(order) if chosen == index]]
        assert (rows == rows[0]).all()
    return embeddings[[order.index(index) for index in range(len(TEXTS))]]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("grouping", [one_by_one, reversed_order, repeated_and_shuffled])
def test_a_text_gets_the_same_bits_in_any_company_and_on_any_number_of_threads(
    artifact: Path, encoder: SentenceEncoder, grouping: Callable[[SentenceEncoder], np.ndarray], threads: int
) -> None:
    other = SentenceEncoder(artifact, threads=threads)
    assert (grouping(other) == encoder.encode(TEXTS)).all()


def test_vectors_stay_in_order_from_slice_to_slice(encoder: SentenceEncoder) -> None:
    texts = ["Why?"] * (SLICE - 1) + ["Sepsis", "No.", "x" * CHARACTERS, "TNF-α"]
    alone = np.vstack([encoder.encode([text]) for text in texts[-4:]])
    assert (encoder.encode(texts)[-4:] == alone).all()


@pytest.mark.parametrize("count", [40, 1100])  # in one chunk, and read ahead
def test_no_call_of_the_tokenizer_gets_more_than_a_bounded_number_of_characters(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    seen: list[tuple[int, int]] = []
    whole = TextTokenizer.token_ids

    def token_ids(self: TextTokenizer, texts: Sequence[str]) -> list[list[int]]:
        seen.append((len(texts), sum(map(len, texts[:-1]))))
        return whole(self, texts)

    monkeypatch.setattr(TextTokenizer, "token_ids", token_ids)
    size = 4 * CHARACTERS // count
    texts = [str(index).ljust(size, "x") for index in range(count)]
    encoder = SentenceEncoder(artifact, threads=2)
    for encode in (encoder.encode, lambda texts: list(encoder.encode_stream(texts)), encoder.token_counts):
        seen.clear()
        encode(texts)
        assert sum(number for number, _ in seen) == count
        assert max(characters for _, characters in seen) < CHARACTERS


def test_normalized_vectors_have_unit_length_and_the_same_bits_alone(encoder: SentenceEncoder) -> None:
    together = encoder.encode(TEXTS, normalize_embeddings=True)
    alone = np.vstack([encoder.encode([text], normalize_embeddings=True) for text in TEXTS])
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-6)
    assert (together == alone).all()


def test_truncate_dim_keeps_the_first_numbers_and_normalizes_what_is_kept(encoder: SentenceEncoder) -> None:
    whole = encoder.encode(TEXTS)
    assert (encoder.encode(TEXTS, truncate_dim=encoder.dim) == whole).all()
    assert (encoder.encode(TEXTS, truncate_dim=1) == whole[:, :1]).all()
    kept = whole[:, :7]
    found = encoder.encode(TEXTS, truncate_dim=7, normalize_embeddings=True)
    assert found == pytest.approx(kept / np.linalg.norm(kept, axis=1, keepdims=True), abs=1e-6)


@pytest.mark.parametrize("truncate_dim", [0, -1, 10**6])
def test_truncate_dim_out_of_range_is_refused(encoder: SentenceEncoder, truncate_dim: int) -> None:
    with pytest.raises(ValueError, match=f"truncate_dim is {truncate_dim}, expected 1 to {encoder.dim}"):
        encoder.encode([], truncate_dim=truncate_dim)


def test_blank_texts_equal_the_empty_text(encoder: SentenceEncoder) -> None:
    embeddings = encoder.encode(["", " ", "\t\n", "\u00a0", "\u200b"])
    assert (embeddings == embeddings[0]).all()


def test_a_text_over_max_length_is_cut_there(artifact: Path, encoder: SentenceEncoder) -> None:
    short = SentenceEncoder(artifact, max_length=16, threads=1)
    assert short.max_length == 16
    with pytest.warns(TruncationWarning):
        once, twice, longer = short.encode([LONG]), short.encode([LONG * 2]), encoder.encode([LONG])
    assert (once == twice).all()
    assert (once != longer).any()


def test_a_text_of_five_megabytes_is_cut_and_encoded(encoder: SentenceEncoder) -> None:
    text = LONG * (5_000_000 // len(LONG))
    with pytest.warns(TruncationWarning):
        assert (encoder.encode([text]) == encoder.encode([LONG])).all()


def test_a_word_of_five_megabytes_is_one_unknown_token(encoder: SentenceEncoder) -> None:
    assert (encoder.encode(["a" * 5_000_000]) == encoder.encode(["[UNK]"])).all()


@pytest.mark.parametrize("text", ["one text", b"one text"])
def test_a_bare_string_is_refused_with_the_right_call(encoder: SentenceEncoder, text: str) -> None:
    with pytest.raises(TypeError, match=r"call with \[text\]"):
        encoder.encode(text)
    with pytest.raises(TypeError, match=r"call with \[text\]"):
        encoder.token_counts(text)


@pytest.mark.parametrize("entry", [None, 7, b"bytes", ["a list"]])
def test_an_entry_that_is_no_text_is_named_by_its_index(encoder: SentenceEncoder, entry: object) -> None:
    with pytest.raises(TypeError, match=rf"sentences\[2\] is .*{type(entry).__name__}"):
        encoder.encode(["fine", "fine", entry])  # type: ignore[list-item]


def test_a_lone_surrogate_is_named_by_its_index(encoder: SentenceEncoder) -> None:
    with pytest.raises(ValueError, match=r"sentences\[1\] holds a lone surrogate, '\\ud83d' at character 3"):
        encoder.encode(["fine", "bad\ud83d", "fine"])


@pytest.mark.parametrize("max_length", [0, 2, 10**6, -1])
def test_max_length_out_of_range_is_refused(artifact: Path, max_length: int) -> None:
    with pytest.raises(ValueError, match=f"max_length is {max_length}, expected 3 to"):
        SentenceEncoder(artifact, max_length=max_length)


@pytest.mark.parametrize("threads", [0, -2])
def test_threads_below_one_are_refused(artifact: Path, threads: int) -> None:
    with pytest.raises(ValueError, match=f"threads is {threads}, expected at least 1"):
        SentenceEncoder(artifact, threads=threads)


def test_the_progress_bar_counts_every_text_on_stderr(
    encoder: SentenceEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder.encode(TEXTS, show_progress_bar=True)
    captured = capsys.readouterr()
    assert f"{len(TEXTS)}/{len(TEXTS)} texts" in captured.err
    assert captured.out == ""


def test_no_progress_bar_where_stderr_is_no_terminal(
    encoder: SentenceEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder.encode(["Short."] * 2100)
    assert capsys.readouterr().err == ""


def test_the_manifest_is_at_hand(encoder: SentenceEncoder) -> None:
    assert encoder.manifest.precision == "int8"
    assert encoder.dim == encoder.manifest.dim
    assert encoder.max_length == encoder.manifest.max_length
