"""Token ids of long texts under byte-level BPE and MPNet's WordPiece: pieces have those of the whole text."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer
from tokenizers.normalizers import NFKC, Lowercase, StripAccents
from tokenizers.normalizers import Sequence as NormalizerSequence

from biobert_onnx.encoding import tokenizer as module
from biobert_onnx.encoding.tokenizer import WORD_CHARACTERS, TextTokenizer
from biobert_onnx.errors import TextTooLongError
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from tests.support.texts import TEXTS
from tests.support.token_limits import expect_limited
from tests.support.tokenizers import (
    HARD_TEXTS,
    MPNET_CONFIG,
    MPNET_UNCASED,
    write_roberta_tokenizer,
    write_vocabulary,
)

ADDED = (
    AddedToken("<E1>", rstrip=True),
    AddedToken("<e2>", lstrip=True, rstrip=True, special=True),
    AddedToken("two words"),
    AddedToken("a,b;c", normalized=False),
    AddedToken(".x", single_word=True),
    AddedToken("Gene", single_word=True),
    AddedToken("n\u00a0b"),
)

KINDS: Mapping[str, Mapping[str, Any]] = {
    "bytes": {},
    "bytes, a blank before": {"add_prefix_space": True},
    "bytes, added tokens": {"added": ADDED},
    "bytes, a blank before, added tokens": {"add_prefix_space": True, "added": ADDED},
    "bytes, lower-cased": {"normalizer": Lowercase(), "added": ADDED},
    "bytes, lower-cased, a blank before": {"normalizer": Lowercase(), "add_prefix_space": True, "added": ADDED},
    "bytes, normalized": {"normalizer": NormalizerSequence([NFKC(), StripAccents()]), "added": ADDED},
    "MPNet": {"wordpiece": True},
    "MPNet, added tokens": {"wordpiece": True, "added": ADDED},
}
"""What the places depend on where a text can be cut."""

ALPHABET = [
    *"abXY019 \t\n.,;:-_()[]<>='/",
    *("  ", "   ", " \n ", "\r\n", "\u00a0", "\u3000", "\u2028", "\u200b", "\x00", "\x1c", "\x85", "\x0b"),
    *("\u0301", " \u0301", "\u00b4", "\ufe49", "\u180e", "\u1dc0", "\u0338"),
    *("β", "é", "患", "。", "\uff46", "①", "½", "😀", "\u0378", "\U0001f6dc", "\U00031350", "\u1c89"),
    *("'s", "'ll", "'", "it's", "'S"),
    *("<mask>", "<s>", "</s>", "<pad>", "<unk>", "[UNK]"),
    *("<E1>", "<e2>", "<E2>", "two words", "two", "a,b;c", ".x", "Gene", "gene", "n\u00a0b", "n b"),
    *("word ", " word", "protein"),
]
"""Blanks of every kind in runs, marks, characters that versions of Unicode differ in, contractions, added tokens."""


def save_tokenizer(
    folder: Path,
    *,
    wordpiece: bool = False,
    add_prefix_space: bool = False,
    added: Sequence[AddedToken] = (),
    normalizer: Any = None,
) -> Path:
    """Write the tokenizer.json of an artifact; returns its path."""
    if wordpiece:
        write_vocabulary(folder, MPNET_UNCASED, MPNET_CONFIG)
    else:
        write_roberta_tokenizer(folder, {"add_prefix_space": add_prefix_space})
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    tokenizer = Vocabulary.read(folder, size=size).tokenizer()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_tokens(list(added))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return save_tokenizer(tmp_path, **KINDS[request.param])


@pytest.fixture
def byte_level(tmp_path: Path) -> TextTokenizer:
    return TextTokenizer(save_tokenizer(tmp_path))


@pytest.mark.parametrize("size", [1, 30])
def test_texts_in_pieces_have_the_token_ids_of_the_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(module, "PIECE_CHARACTERS", size)
    chance = random.Random(5)
    texts = ["".join(chance.choices(ALPHABET, k=chance.randint(1, 150))) for _ in range(300)]
    texts += [*TEXTS, " ".join(TEXTS), *HARD_TEXTS, "\n".join(HARD_TEXTS)]
    whole = Tokenizer.from_file(str(path))
    found = [list(ids) for ids in TextTokenizer(path).token_ids(texts)]
    for text, ids in zip(texts, found, strict=True):
        assert ids == whole.encode(text).ids, text


@pytest.mark.parametrize("size", [1, 30])
def test_tokens_of_pieces_have_the_places_of_those_of_the_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(module, "PIECE_CHARACTERS", size)
    chance = random.Random(9)
    texts = ["".join(chance.choices(ALPHABET, k=chance.randint(1, 150))) for _ in range(150)]
    texts += [*HARD_TEXTS, "gene   <mask> and  a <mask>", "<E1>  gene  <e2>  gene"]
    whole = Tokenizer.from_file(str(path))
    for text, found in zip(texts, TextTokenizer(path).encodings(texts), strict=True):
        expected = whole.encode(text)
        words = [-1 if word is None else word for word in expected.word_ids]
        assert [*map(tuple, found.offsets.tolist())] == expected.offsets, text
        assert found.word_ids.tolist() == words, text


def test_texts_in_pieces_with_literal_special_tokens_have_ids_and_places_of_the_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE_CHARACTERS", 7)
    chance = random.Random(11)
    texts = ["".join(chance.choices(ALPHABET, k=chance.randint(1, 150))) for _ in range(200)]
    texts += [*TEXTS, *HARD_TEXTS, "gene   <mask> and  a <mask>", "<E1>  gene  <e2>  gene", "</s>" * 50]
    whole = Tokenizer.from_file(str(path))
    whole.encode_special_tokens = True
    ours = TextTokenizer(path, literal_special_tokens=True)
    for text, ids, found in zip(texts, ours.token_ids(texts), ours.encodings(texts), strict=True):
        expected = whole.encode(text)
        assert list(ids) == list(found.ids) == expected.ids, text
        assert [*map(tuple, found.offsets.tolist())] == expected.offsets, text


@pytest.mark.parametrize("around", ["a{}b", "a{} b", "a {}."])
def test_no_character_before_or_after_a_cut_changes_tokens(
    path: Path, monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    monkeypatch.setattr(module, "PIECE_CHARACTERS", 1)
    ours, whole = TextTokenizer(path), Tokenizer.from_file(str(path))
    texts = [around.format(chr(code)) for code in (*range(0x700), *range(0x1680, 0x1690), *range(0x1800, 0x3100))]
    expected = [encoding.ids for encoding in whole.encode_batch(texts)]
    for text, ids, own in zip(texts, ours.token_ids(texts), expected, strict=True):
        assert list(ids) == own, repr(text)


@pytest.mark.parametrize("limit", [3, 5, 20])
def test_a_limit_reads_until_more_tokens_are_certain(path: Path, limit: int) -> None:
    chance = random.Random(6)
    texts = ["".join(chance.choices(ALPHABET, k=300)) for _ in range(100)]
    texts += [*TEXTS, "gene " * 5000, "x." * 5000]
    whole = Tokenizer.from_file(str(path))
    for text, found in zip(texts, TextTokenizer(path).token_ids(texts, limit=limit), strict=True):
        expect_limited(found, whole.encode(text).ids, limit)


@pytest.mark.parametrize("sentence", ["gene ", "x.", "a\u00a0", "患者は発熱した。", "😀 ", "\n\ngene", "5 mg; "])
def test_texts_of_many_scripts_are_read_in_pieces(byte_level: TextTokenizer, sentence: str) -> None:
    text = sentence * (2 * WORD_CHARACTERS // len(sentence) + 1)
    (found,) = byte_level.token_ids([text])
    assert list(found) == byte_level._tokenizer.encode(text).ids
    assert len(list(byte_level._pieces(0, text, module.PIECE_CHARACTERS))) > 3


@pytest.mark.parametrize("run", ["a", " ", "."])
def test_a_text_without_a_place_to_cut_is_refused(byte_level: TextTokenizer, run: str) -> None:
    text = "gene " + run * 2 * WORD_CHARACTERS + " end"
    with pytest.raises(TextTooLongError, match=r"texts\[1\] has a word of more than 262,144 characters"):
        byte_level.token_ids(["fine", text])
