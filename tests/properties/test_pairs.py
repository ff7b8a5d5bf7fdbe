"""Pairs are framed and cut as transformers' fast tokenizers do it with the strategy longest_first."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from transformers import BertTokenizerFast

from biobert_onnx.encoding.long_texts import windows_of
from biobert_onnx.encoding.pairs import longest_first, token_types, tokens_of
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from tests.properties.strategies import texts

Pair = tuple[TextTokenizer, BertTokenizerFast]

long_texts = st.builds(lambda text, times: f"{text} " * times, texts, st.sampled_from([1, 1, 3, 40]))
"""Texts of a few tokens, and of many more than are kept."""


@pytest.fixture(scope="module")
def pair(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The runtime's tokenizer of a checkpoint's vocabulary, and transformers' own."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    size = len((tiny_checkpoint / "vocab.txt").read_text(encoding="utf-8").splitlines())
    Vocabulary.read(tiny_checkpoint, size=size).tokenizer().save(str(path))
    return TextTokenizer(path), BertTokenizerFast(str(tiny_checkpoint / "vocab.txt"), do_lower_case=False)


@given(first=long_texts, second=long_texts, max_length=st.integers(3, 40))
@example(first="a " * 9, second="b " * 9, max_length=12)
@example(first="a " * 9, second="b " * 9, max_length=13)
@example(first="a " * 10, second="b " * 9, max_length=12)
@example(first="a " * 900, second="b " * 901, max_length=14)
@example(first="a " * 901, second="b " * 900, max_length=14)
@example(first="", second="", max_length=3)
def test_token_ids_and_types_of_a_pair_are_those_of_transformers(
    pair: Pair, first: str, second: str, max_length: int
) -> None:
    ours, theirs = pair
    expected = theirs([[first, second]], truncation="longest_first", max_length=max_length)
    tokens = tokens_of(ours, [(first, second)], limit=max_length)
    windows = windows_of(tokens, long_texts="truncate", max_length=max_length)
    (ids,) = windows.token_ids
    types = token_types(windows.splits, [0], len(ids))
    assert types is not None
    assert [list(ids)] == expected["input_ids"]
    assert types.tolist() == expected["token_type_ids"]
    (whole,) = theirs([[first, second]])["input_ids"]
    assert (windows.was_cut[0], windows.tokens[0]) == (len(whole) > max_length, len(ids))
    assert len(tokens_of(ours, [(first, second)])[0]) == len(whole)


@given(first=st.integers(0, 80), second=st.integers(0, 80), room=st.integers(0, 60))
def test_one_token_after_another_is_taken_from_the_longer_text(first: int, second: int, room: int) -> None:
    kept = longest_first(first, second, room=room)
    left = [first, second]
    while sum(left) > room:
        left[int(left[1] > left[0] or (left[0] == left[1] and first > second))] -= 1
    assert sum(kept) == min(first + second, room)
    assert kept == tuple(left)


@given(entries=st.lists(st.one_of(texts, st.tuples(texts, texts)), max_size=8))
def test_single_texts_and_pairs_are_tokenized_in_their_order(pair: Pair, entries: list[str | tuple[str, str]]) -> None:
    ours, theirs = pair
    windows = windows_of(tokens_of(ours, entries, limit=64), long_texts="truncate", max_length=64)
    for index, (entry, ids) in enumerate(zip(entries, windows.token_ids, strict=True)):
        assert [list(ids)] == theirs([entry], truncation="longest_first", max_length=64)["input_ids"]
        assert (index in windows.splits) == (not isinstance(entry, str))
