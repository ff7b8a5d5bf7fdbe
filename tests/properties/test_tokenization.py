"""Token ids of any text are those of transformers' BertTokenizerFast."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from transformers import BertTokenizerFast

from benchmarks.inputs.minilm import minilm_checkpoint
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from tests.properties.strategies import texts

Pair = tuple[TextTokenizer, BertTokenizerFast]


@pytest.fixture(scope="module", params=["cased", "uncased"])
def pair(request: pytest.FixtureRequest, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The runtime's tokenizer of a checkpoint's vocabulary, and transformers' own."""
    folder = tmp_path_factory.mktemp("tokenizer")
    checkpoint = tiny_checkpoint if request.param == "cased" else minilm_checkpoint(folder)
    size = len((checkpoint / "vocab.txt").read_text(encoding="utf-8").splitlines())
    Vocabulary.read(checkpoint, size=size).tokenizer().save(str(folder / "tokenizer.json"))
    theirs = BertTokenizerFast(str(checkpoint / "vocab.txt"), do_lower_case=request.param == "uncased")
    return TextTokenizer(folder / "tokenizer.json"), theirs


def test_every_character_between_letters_is_taken_as_transformers_takes_it(pair: Pair) -> None:
    ours, theirs = pair
    for start in range(0, sys.maxunicode + 1, 4096):
        codes = range(start, start + 4096)
        text = " ".join(f"a{chr(code)}b" for code in codes if not 0xD800 <= code <= 0xDFFF)
        assert list(*ours.token_ids([text])) == theirs(text)["input_ids"], hex(start)


@given(text=texts)
def test_token_ids_are_those_of_transformers(pair: Pair, text: str) -> None:
    ours, theirs = pair
    assert ours.token_ids([text]) == [theirs(text)["input_ids"]]


@given(text=texts)
def test_any_text_has_cls_and_sep_around_ids_of_the_vocabulary(pair: Pair, text: str) -> None:
    ours, theirs = pair
    (ids,) = ours.token_ids([text])
    assert (ids[0], ids[-1]) == (theirs.cls_token_id, theirs.sep_token_id)
    assert 0 <= min(ids) <= max(ids) < theirs.vocab_size
