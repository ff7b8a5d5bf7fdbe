"""Token ids of long texts: those of the whole text, from pieces of bounded size."""

import json
import random
import tracemalloc
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer

from biobert_onnx.encoding import tokenizer as module
from biobert_onnx.encoding.tokenizer import CALL_CHARACTERS, CHARACTERS_PER_TOKEN, WORD_CHARACTERS, TextTokenizer
from biobert_onnx.errors import TextTooLongError
from tests.support.texts import TEXTS
from tests.support.token_limits import expect_limited

SHORT_PIECE = 40
"""Characters; the real pieces are thousands of times as long."""

ALPHABET = [
    *"abcXYZ019 .,;:-_()[]<>=/'\t\n",
    "\u0301",
    "\u0338",
    "\u200b",
    "\x00",
    "β",
    "é",
    "患",
    "。",
    "[SEP]",
    "[MASK]",
    "word ",
]
"""What could go wrong at the end of a piece: marks that compose with what is before them, characters that are dropped,
CJK characters, which are words of their own, tokens written in the text."""


@pytest.fixture
def whole(artifact: Path) -> Tokenizer:
    """The artifact's tokenizer, without pieces."""
    return Tokenizer.from_file(str(artifact / "tokenizer.json"))


@pytest.fixture
def ours(artifact: Path) -> TextTokenizer:
    return TextTokenizer(artifact / "tokenizer.json")


def random_texts(count: int, length: int) -> list[str]:
    chance = random.Random(5)
    return ["".join(chance.choices(ALPHABET, k=length)) for _ in range(count)]


def test_texts_in_pieces_have_the_token_ids_of_the_whole(
    ours: TextTokenizer, whole: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE_CHARACTERS", SHORT_PIECE)
    texts = [*random_texts(300, 200), *TEXTS, " ".join(TEXTS)]
    assert [list(ids) for ids in ours.token_ids(texts)] == [whole.encode(text).ids for text in texts]


def test_added_tokens_are_not_torn(whole: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole.add_special_tokens([AddedToken("<E1>"), AddedToken("two words"), AddedToken("a,b;c")])
    whole.save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setattr(module, "PIECE_CHARACTERS", SHORT_PIECE)
    chance = random.Random(6)
    parts = ["<E1>", "two words", "a,b;c", "x", " ", ".", "(", "two", " words", "<E1", ">", "a,"]
    texts = ["".join(chance.choices(parts, k=150)) for _ in range(100)]
    found = TextTokenizer(tmp_path / "tokenizer.json").token_ids(texts)
    assert [list(ids) for ids in found] == [whole.encode(text).ids for text in texts]


@pytest.mark.parametrize("limit", [3, 5, 20])
def test_a_limit_reads_until_more_tokens_are_certain(ours: TextTokenizer, whole: Tokenizer, limit: int) -> None:
    texts = [*random_texts(100, 300), *TEXTS, "gene " * 5000, "." * 5000]
    for text, found in zip(texts, ours.token_ids(texts, limit=limit), strict=True):
        expect_limited(found, whole.encode(text).ids, limit)


class Recorder:
    """Passes calls on to the library's tokenizer and keeps the sizes of the batches."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.characters: list[int] = []
        self.longest = 0

    def encode_batch_fast(self, texts: Sequence[str]) -> Any:
        self.characters.append(sum(map(len, texts)))
        self.longest = max(self.longest, *map(len, texts))
        return self._tokenizer.encode_batch_fast(texts)


@pytest.mark.parametrize("limit", [None, 128])
@pytest.mark.parametrize(("count", "size"), [(1, 20_000_000), (40, 100_000), (1100, 4_000)])
def test_no_call_gets_more_than_a_bounded_number_of_characters(
    ours: TextTokenizer, count: int, size: int, limit: int | None
) -> None:
    recorder = ours._tokenizer = Recorder(ours._tokenizer)
    texts = [("gene " * (size // 5)) for _ in range(count)]
    ours.token_ids(texts, limit=limit)
    piece = module.PIECE_CHARACTERS if limit is None else CHARACTERS_PER_TOKEN * limit
    assert recorder.longest <= piece + len("gene ")
    assert max(recorder.characters) < CALL_CHARACTERS + piece + len("gene ")
    if limit is not None:
        assert sum(recorder.characters) <= count * (piece + len("gene "))


@pytest.mark.parametrize("word", ["a" * 3_000_000, "7b" * 1_000_000, "β" * 400_000, "\u1112\u1161\u11ab" * 200_000])
@pytest.mark.parametrize(("before", "after"), [("", ""), ("a gene ", " found"), ("β", "β."), ("x,", "\u0301y z")])
@pytest.mark.parametrize("limit", [None, 16])
def test_an_endless_word_is_one_unknown_token(
    ours: TextTokenizer, whole: Tokenizer, word: str, before: str, after: str, limit: int | None
) -> None:
    (found,) = ours.token_ids([before + word + after], limit=limit)
    assert list(found) == whole.encode(before + "a" * 500 + after).ids


def test_an_endless_word_takes_a_few_bytes_a_character(ours: TextTokenizer) -> None:
    text = "A" * 4_000_000
    tracemalloc.start()
    try:
        ours.token_ids([text])
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("character", ["\u0301", "😀"])
def test_a_text_without_a_words_end_that_cannot_be_shortened_is_refused(ours: TextTokenizer, character: str) -> None:
    text = "gene " + character * 2 * WORD_CHARACTERS
    with pytest.raises(TextTooLongError, match=r"texts\[1\] has a word of more than 262,144 characters"):
        ours.token_ids(["fine", text])


@pytest.mark.parametrize("sentence", ["a\u00a0", "कख।", "dose\u2014", "中文字", "\u3000", "\u201cTNF\u201d", "x\u2026"])
def test_words_end_before_other_punctuation_and_blanks_too(
    ours: TextTokenizer, whole: Tokenizer, sentence: str
) -> None:
    text = sentence * (2 * WORD_CHARACTERS // len(sentence) + 1)
    (found,) = ours.token_ids([text])
    assert list(found) == whole.encode(text).ids


def test_no_character_that_words_end_before_composes_with_a_mark(ours: TextTokenizer) -> None:
    marks = [chr(code) for code in range(0x300, 0x3100) if unicodedata.combining(chr(code))]
    ends = [
        each
        for each in map(chr, range(0x10000))
        if (ours._cuts._word_end.match(each) or ours._cuts._rare_word_end.match(each))
    ]
    ends = [each for each in ends if not "\u4e00" < each <= "\u9fff"]
    assert len(ends) > 300
    composed = [end + mark for end in ends for mark in marks if len(unicodedata.normalize("NFC", end + mark)) == 1]
    assert composed == []


def test_a_long_text_of_few_tokens_is_read_in_few_pieces(ours: TextTokenizer) -> None:
    recorder = ours._tokenizer = Recorder(ours._tokenizer)
    ours.token_ids([" " * 20_000_000], limit=16)
    assert len(recorder.characters) < 500


def test_chinese_text_with_its_own_punctuation_is_read_in_pieces(ours: TextTokenizer, whole: Tokenizer) -> None:
    sentence = "患者は発熱した。"
    (found,) = ours.token_ids([sentence * 50_000])
    own = whole.encode(sentence).ids[1:-1]
    assert list(found[1:-1]) == own * 50_000


def test_a_tokenizer_of_another_kind_ends_pieces_at_white_space_only(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.loads((artifact / "tokenizer.json").read_text())
    content["pre_tokenizer"] = {"type": "WhitespaceSplit"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    monkeypatch.setattr(module, "PIECE_CHARACTERS", SHORT_PIECE)
    text = "gene,protein;cell " * 40
    (found,) = TextTokenizer(tmp_path / "tokenizer.json").token_ids([text])
    assert list(found) == Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode(text).ids


def test_tokens_are_those_of_the_vocabulary_and_decode_to_texts(ours: TextTokenizer, whole: Tokenizer) -> None:
    ids = [list(each) for each in ours.token_ids(TEXTS)]
    assert ours.vocabulary_size == whole.get_vocab_size() > max(map(max, ids))
    assert [[ours.token(each) for each in one] for one in ids] == [whole.encode(text).tokens for text in TEXTS]
    for skipped in (True, False):
        expected = [whole.decode(one, skip_special_tokens=skipped) for one in ids]
        assert ours.decode(ids, skip_special_tokens=skipped) == expected
