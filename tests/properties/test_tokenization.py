"""Token ids of any text are those of transformers' BertTokenizer."""

import sys
from pathlib import Path
from unicodedata import category

import pytest
from hypothesis import given
from transformers import BertTokenizer

from benchmarks.inputs.minilm import minilm_checkpoint
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from tests.properties.strategies import texts

Pair = tuple[TextTokenizer, BertTokenizer]

NO_CHARACTER = ("Cn", "Co", "Cs")
"""Categories of code points that are not assigned, for private use, and surrogates."""

MARKS_AND_PUNCTUATION = {"Mn", "Mc", "Po", "Pd", "Ps", "Pe", "Cf", "So"}
"""Python knows more of them than the tables of tokenizers, which are of about 2015 (Unicode 8)."""

IDEOGRAPHS = frozenset(map(chr, range(0x2B820, 0x2B920)))
"""BERT's code puts spaces around them, tokenizers only from U+2B920 on."""

LAST_OF_EUROPE = "\u05ff"
"""Latin, Greek, Cyrillic, Armenian and Hebrew end before it."""

MOST_TOLD_APART = 800


@pytest.fixture(scope="module", params=["cased", "uncased"])
def pair(request: pytest.FixtureRequest, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The runtime's tokenizer of a checkpoint's vocabulary, and transformers' own."""
    folder = tmp_path_factory.mktemp("tokenizer")
    checkpoint = tiny_checkpoint if request.param == "cased" else minilm_checkpoint(folder)
    size = len((checkpoint / "vocab.txt").read_text(encoding="utf-8").splitlines())
    Vocabulary.read(checkpoint, size=size).tokenizer().save(str(folder / "tokenizer.json"))
    theirs = BertTokenizer(checkpoint / "vocab.txt", do_lower_case=request.param == "uncased")
    return TextTokenizer(folder / "tokenizer.json"), theirs


@pytest.fixture(scope="module")
def told_apart(pair: Pair) -> frozenset[str]:
    """Every assigned character that the two do not take alike between two letters, private use left out."""
    ours, theirs = pair
    assigned = [
        character for character in map(chr, range(sys.maxunicode + 1)) if category(character) not in NO_CHARACTER
    ]
    texts = [f"a{character}b" for character in assigned]
    pairs = zip(assigned, texts, ours.token_ids(texts), strict=True)
    return frozenset(character for character, text, ids in pairs if ids != theirs(text)["input_ids"])


def test_only_rare_marks_punctuation_and_ideographs_are_told_apart(told_apart: frozenset[str]) -> None:
    assert {category(character) for character in told_apart - IDEOGRAPHS} <= MARKS_AND_PUNCTUATION
    assert min(told_apart) > LAST_OF_EUROPE
    assert told_apart >= IDEOGRAPHS
    assert len(told_apart) < MOST_TOLD_APART


@given(text=texts)
def test_token_ids_are_those_of_transformers(pair: Pair, told_apart: frozenset[str], text: str) -> None:
    ours, theirs = pair
    known = "".join(character for character in text if category(character) != "Cn" and character not in told_apart)
    assert ours.token_ids([known]) == [theirs(known)["input_ids"]]


@given(text=texts)
def test_any_text_has_cls_and_sep_around_ids_of_the_vocabulary(pair: Pair, text: str) -> None:
    ours, theirs = pair
    (ids,) = ours.token_ids([text])
    assert (ids[0], ids[-1]) == (theirs.cls_token_id, theirs.sep_token_id)
    assert 0 <= min(ids) <= max(ids) < theirs.vocab_size
