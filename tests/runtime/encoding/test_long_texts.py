"""Texts over max_length: cut with one warning a call, refused, or encoded in windows."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from biobert_onnx import SentenceEncoder, TruncationWarning
from biobert_onnx.encoding.long_texts import Windows, overlapping_windows, text_vectors, windows_of
from biobert_onnx.encoding.texts import CHUNK_TEXTS
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.errors import TextTooLongError
from tests.support.texts import TEXTS

MAX_LENGTH = 12
OWN = MAX_LENGTH - 2
LONG = "Mutations of the gene were found in every second patient. " * 6


@pytest.fixture(scope="module")
def short(artifact: Path) -> SentenceEncoder:
    """An encoder that finds several of TEXTS too long."""
    return SentenceEncoder(artifact, max_length=MAX_LENGTH, threads=2)


@pytest.fixture(scope="module")
def tokenizer(artifact: Path) -> Tokenizer:
    """The artifact's tokenizer, to be set to cut by the library itself."""
    return Tokenizer.from_file(str(artifact / "tokenizer.json"))


@pytest.fixture(scope="module")
def words(short: SentenceEncoder) -> list[str]:
    """Words of one token each."""
    candidates = sorted({word for text in TEXTS for word in text.split() if word.isalpha()})
    counts = short.token_counts(candidates)
    found = [word for word, count in zip(candidates, counts, strict=True) if count == 3]
    assert len(found) >= 5
    return found


def test_tokens_are_counted_before_any_is_cut(short: SentenceEncoder, tokenizer: Tokenizer) -> None:
    counts = short.token_counts([*TEXTS, LONG])
    assert counts.dtype == np.int64
    assert counts.tolist() == [len(tokenizer.encode(text)) for text in (*TEXTS, LONG)]
    assert counts[TEXTS.index("")] == 2
    assert short.token_counts([]).shape == (0,)


@pytest.mark.parametrize("max_length", [3, 4, MAX_LENGTH, 40])
def test_texts_are_cut_as_the_tokenizers_library_cuts_them(
    artifact: Path, tokenizer: Tokenizer, max_length: int
) -> None:
    texts = [*TEXTS, LONG]
    whole = TextTokenizer(artifact / "tokenizer.json").token_ids(texts)
    windows = windows_of(whole, long_texts="truncate", max_length=max_length)
    tokenizer.enable_truncation(max_length)
    assert windows.token_ids == [tokenizer.encode(text).ids for text in texts]
    assert windows.counts == [1] * len(texts)
    assert windows.tokens == list(map(len, windows.token_ids))
    assert windows.was_cut == [len(ids) > max_length for ids in whole]


@pytest.mark.parametrize(("max_length", "overlap"), [(3, 0), (10, 1), (MAX_LENGTH, 1), (40, 4)])
def test_windows_are_those_of_the_tokenizers_library(
    artifact: Path, tokenizer: Tokenizer, max_length: int, overlap: int
) -> None:
    tokenizer.enable_truncation(max_length, stride=overlap)
    for own in range(max_length - 1, 3 * max_length):
        text = "a " * own
        (whole,) = TextTokenizer(artifact / "tokenizer.json").token_ids([text])
        first = tokenizer.encode(text)
        expected = [first.ids, *(piece.ids for piece in first.overflowing)]
        assert overlapping_windows(whole, max_length=max_length) == expected


def test_one_warning_a_call_says_how_many_texts_were_cut_at_the_callers_line(short: SentenceEncoder) -> None:
    texts = ["Sepsis", LONG, *["Why?"] * 2 * CHUNK_TEXTS, LONG + LONG]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        short.encode(texts)
    assert [(warning.category, warning.filename) for warning in caught] == [(TruncationWarning, __file__)]
    warning = caught[0].message
    assert isinstance(warning, TruncationWarning) and (warning.cut, warning.texts) == (2, 2051)
    message = str(pickle.loads(pickle.dumps(warning)))
    assert message.startswith("2 of 2,051 texts have more tokens than max_length and were cut there")
    assert "long_texts='window'" in message


def test_a_repeated_text_that_is_cut_counts_each_time(short: SentenceEncoder) -> None:
    with pytest.warns(TruncationWarning, match="^3 of 4 texts"):
        short.encode([LONG, "Sepsis", LONG, LONG])


def test_texts_of_max_length_tokens_are_not_warned_of(short: SentenceEncoder, words: list[str]) -> None:
    text = " ".join(words[:5] * 2)
    assert short.token_counts([text]) == [MAX_LENGTH]
    short.encode([text, "Sepsis"])


def test_an_error_names_the_first_long_text(short: SentenceEncoder) -> None:
    repeats = 2 * CHUNK_TEXTS
    texts = ["Why?"] * repeats + ["Sepsis", LONG, LONG * 2]
    message = rf"sentences\[{repeats + 1}\] has more than 12 tokens: split it, or choose long_texts='window'"
    with pytest.raises(TextTooLongError, match=message) as caught:
        short.encode(texts, long_texts="error")
    assert (caught.value.index, caught.value.max_length) == (repeats + 1, 12)


def test_an_error_in_a_stream_names_the_place_in_the_whole_stream(short: SentenceEncoder) -> None:
    texts = [f"No. {number}" for number in range(CHUNK_TEXTS + 3)]
    with pytest.raises(TextTooLongError, match=rf"texts\[{len(texts)}\] has more than 12 tokens"):
        list(short.encode_stream([*texts, LONG], long_texts="error", chunk_size=100))


def test_another_choice_is_refused(short: SentenceEncoder) -> None:
    with pytest.raises(ValueError, match="long_texts is 'warn', expected one of truncate, error, window"):
        short.encode([], long_texts="warn")


def test_the_vector_of_a_long_text_is_the_mean_of_its_windows_by_their_tokens(
    short: SentenceEncoder, words: list[str]
) -> None:
    text = [words[index % len(words)] for index in range(23)]
    windows = [text[:OWN], text[OWN - 1 : 2 * OWN - 1], text[2 * OWN - 2 :]]
    parts = short.encode([" ".join(window) for window in windows]).astype(np.float64)
    expected = (10 * parts[0] + 10 * parts[1] + 5 * parts[2]) / 25
    found = short.encode([" ".join(text)], long_texts="window")
    assert (found == expected.astype(np.float32)).all()


def test_windows_of_unit_vectors_give_a_unit_vector() -> None:
    token_ids = [[1, 5, 2], [1, 5, 6, 7, 2], [1, 8, 2]]
    windows = Windows(token_ids=token_ids, counts=[1, 2], tokens=[3, 6], was_cut=[False, False])
    vectors = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    root = 10**0.5
    assert text_vectors(windows, vectors, normalized=False).tolist() == [[0, 1], [0.75, 0.25]]
    assert text_vectors(windows, vectors, normalized=True) == pytest.approx(np.array([[0, 1], [3 / root, 1 / root]]))


def test_windows_are_added_one_after_the_other() -> None:
    windows = Windows(token_ids=[[1, 5, 2]] * 3, counts=[3], tokens=[5], was_cut=[False])
    huge = 2.0**60
    vectors = np.array([[huge, 1, huge], [1, huge, -huge], [-huge, -huge, 1]], dtype=np.float32)
    assert text_vectors(windows, vectors, normalized=False).tolist() == [[0, 0, np.float32(1 / 3)]]


def test_the_mean_of_windows_is_summed_in_float64_and_divided_once() -> None:
    rng = np.random.default_rng(0)
    own = (1, 510, 37, 300, 255, 4, 99, 3, 250, 11)
    windows = Windows(token_ids=[[0] * (2 + each) for each in own], counts=[10], tokens=[1000], was_cut=[False])
    vectors = rng.normal(size=(10, 48)).astype(np.float32)
    expected = []
    for numbers in vectors.T.tolist():
        total = 0.0
        for number, weight in zip(numbers, own, strict=True):
            total += number * weight
        expected.append(total / sum(own))
    assert (text_vectors(windows, vectors, normalized=False) == np.array([expected], dtype=np.float32)).all()


def test_short_texts_get_the_same_bits_with_windows(short: SentenceEncoder) -> None:
    counts = short.token_counts(TEXTS)
    fitting = [text for text, count in zip(TEXTS, counts, strict=True) if count <= MAX_LENGTH]
    expected = short.encode(fitting)
    found = short.encode([*fitting, LONG], long_texts="window")[:-1]
    assert (found == expected).all()


@pytest.mark.parametrize("truncate_dim", [None, 7])
def test_a_long_text_gets_the_same_bits_in_any_company(short: SentenceEncoder, truncate_dim: int | None) -> None:
    texts = [*TEXTS, LONG]
    alone = np.vstack([short.encode([text], long_texts="window", truncate_dim=truncate_dim) for text in texts])
    together = short.encode(texts[::-1] * 7, long_texts="window", truncate_dim=truncate_dim)
    for repetition in together.reshape(7, len(texts), -1):
        assert (repetition[::-1] == alone).all()


def test_the_progress_bar_counts_texts_and_not_windows(
    short: SentenceEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    short.encode([LONG] * 3, long_texts="window", show_progress_bar=True)
    assert "3/3 texts" in capsys.readouterr().err
