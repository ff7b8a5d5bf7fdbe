"""Token ids of any text are those of transformers' own tokenizer of the checkpoint, also where it is read in pieces."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from transformers import AutoTokenizer, BertTokenizerFast

from benchmarks.inputs.minilm import minilm_checkpoint
from biobert_onnx.encoding import tokenizer as module
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from tests.properties.strategies import texts
from tests.support.folders import UNCASED
from tests.support.tokenizers import (
    DISTILBERT_CONFIG,
    ELECTRA_CONFIG,
    MPNET_CONFIG,
    MPNET_UNCASED,
    write_roberta_tokenizer,
    write_vocabulary,
)

Pair = tuple[TextTokenizer, Any]

KINDS = ("cased", "uncased", "MPNet", "ELECTRA", "DistilBERT", "RoBERTa", "RoBERTa, a blank before")


@pytest.fixture(scope="module", params=KINDS)
def saved(
    request: pytest.FixtureRequest, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    """The tokenizer.json of a checkpoint's vocabulary, and transformers' own tokenizer."""
    kind, folder = request.param, tmp_path_factory.mktemp("tokenizer")
    if kind in ("cased", "uncased"):
        checkpoint = tiny_checkpoint if kind == "cased" else minilm_checkpoint(folder)
        size = len((checkpoint / "vocab.txt").read_text(encoding="utf-8").splitlines())
        theirs = BertTokenizerFast(str(checkpoint / "vocab.txt"), do_lower_case=kind == "uncased")
    else:
        checkpoint = write_family(folder / "checkpoint", kind)
        size = json.loads((checkpoint / "config.json").read_text())["vocab_size"]
        theirs = AutoTokenizer.from_pretrained(checkpoint)
    Vocabulary.read(checkpoint, size=size).tokenizer().save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json", theirs


@pytest.fixture(scope="module")
def pair(saved: tuple[Path, Any]) -> Pair:
    """The runtime's tokenizer of a checkpoint's vocabulary, and transformers' own."""
    path, theirs = saved
    return TextTokenizer(path), theirs


@pytest.fixture(scope="module")
def literal_pair(saved: tuple[Path, Any]) -> Pair:
    """The same two, the runtime's one with special tokens in texts as plain text."""
    path, theirs = saved
    return TextTokenizer(path, literal_special_tokens=True), theirs


def write_family(folder: Path, kind: str) -> Path:
    """Write the tokenizer files of a family; returns `folder`."""
    if kind.startswith("RoBERTa"):
        return write_roberta_tokenizer(folder, {"add_prefix_space": kind != "RoBERTa"})
    if kind == "MPNet":
        return write_vocabulary(folder, MPNET_UNCASED, MPNET_CONFIG)
    return write_vocabulary(folder, UNCASED, ELECTRA_CONFIG if kind == "ELECTRA" else DISTILBERT_CONFIG)


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
def test_token_ids_of_a_text_in_pieces_are_those_of_transformers(pair: Pair, text: str) -> None:
    ours, theirs = pair
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE_CHARACTERS", 1)
        found = [list(ids) for ids in ours.token_ids([text])]
    assert found == [theirs(text)["input_ids"]]


@given(text=texts)
def test_literal_special_tokens_are_those_that_transformers_splits(literal_pair: Pair, text: str) -> None:
    ours, theirs = literal_pair
    assert ours.token_ids([text]) == [theirs(text, split_special_tokens=True)["input_ids"]]


@given(text=texts)
def test_any_text_has_cls_and_sep_around_ids_of_the_vocabulary(pair: Pair, text: str) -> None:
    ours, theirs = pair
    (ids,) = ours.token_ids([text])
    assert (ids[0], ids[-1]) == (theirs.cls_token_id, theirs.sep_token_id)
    assert 0 <= min(ids) <= max(ids) < theirs.vocab_size
