"""Token ids of any text are those of transformers' BertTokenizer."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from transformers import BertTokenizer

from benchmarks.demo import minilm_checkpoint
from biobert_onnx.tokenization import TextTokenizer
from biobert_onnx_export.vocabulary import Vocabulary
from tests.fuzz.strategies import texts

Pair = tuple[TextTokenizer, BertTokenizer]


@pytest.fixture(scope="module", params=["cased", "uncased"])
def pair(request: pytest.FixtureRequest, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The runtime's tokenizer of a checkpoint's vocabulary, and transformers' own."""
    folder = tmp_path_factory.mktemp("tokenizer")
    checkpoint = tiny_checkpoint if request.param == "cased" else minilm_checkpoint(folder)
    size = len((checkpoint / "vocab.txt").read_text(encoding="utf-8").splitlines())
    Vocabulary.read(checkpoint, size=size).tokenizer().save(str(folder / "tokenizer.json"))
    theirs = BertTokenizer(checkpoint / "vocab.txt", do_lower_case=request.param == "uncased")
    return TextTokenizer(folder / "tokenizer.json"), theirs


def is_told_apart(character: str) -> bool:
    """Whether Python's Unicode tables and those of tokenizers may disagree on it: not assigned, or only lately."""
    return unicodedata.category(character) == "Cn" or character == "\u061d"


@given(text=texts)
def test_token_ids_are_those_of_transformers(pair: Pair, text: str) -> None:
    ours, theirs = pair
    known = "".join(character for character in text if not is_told_apart(character))
    assert ours.token_ids([known]) == [theirs(known)["input_ids"]]


@given(text=texts)
def test_any_text_has_cls_and_sep_around_ids_of_the_vocabulary(pair: Pair, text: str) -> None:
    ours, theirs = pair
    (ids,) = ours.token_ids([text])
    assert (ids[0], ids[-1]) == (theirs.cls_token_id, theirs.sep_token_id)
    assert 0 <= min(ids) <= max(ids) < theirs.vocab_size
