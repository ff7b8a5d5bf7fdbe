"""Pairs of texts in every call: mixed with single texts, cut, counted, refused by entry and part.

The artifact is drawn, so that no checkpoint is needed: vectors are held to transformers' in tests/export/test_pairs.py.
"""

import asyncio
import pickle
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx import SentenceEncoder, TextTooLongError, TruncationWarning
from biobert_onnx._types import FloatArray, Text
from biobert_onnx.encoding.texts import CHUNK_CHARACTERS, Chunk, chunks
from tests.support.drawn_artifacts import TOKENS, write_artifact
from tests.support.engines import needs_kernels
from tests.support.kernel_models import Shape, draw_model

pytestmark = needs_kernels

TEXTS: list[Text] = [("a gene", "of mice"), "a gene", ("a gene", ""), ("", "of mice"), "", ("a", "gene of mice"), "b c"]
POSITIONS = 24


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    """An encoder that takes pairs."""
    shape = Shape(words=len(TOKENS), positions=POSITIONS, pairs=True)
    folder = write_artifact(draw_model(shape, 3), tmp_path_factory.mktemp("artifacts"))
    return SentenceEncoder(folder, threads=2)


@pytest.fixture(scope="module")
def unpaired(tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    """An encoder of the same network, for single texts."""
    shape = Shape(words=len(TOKENS), positions=POSITIONS)
    folder = write_artifact(draw_model(shape, 3), tmp_path_factory.mktemp("artifacts"))
    return SentenceEncoder(folder, threads=2)


Encode = Callable[..., Any]

CALLS: dict[str, Encode] = {
    "encode": lambda encoder, texts: encoder.encode(texts),
    "encode_query": lambda encoder, texts: encoder.encode_query(texts),
    "encode_document": lambda encoder, texts: encoder.encode_document(texts),
    "encode_with_counts": lambda encoder, texts: encoder.encode_with_counts(texts)[0],
    "aencode": lambda encoder, texts: asyncio.run(encoder.aencode(texts)),
    "aencode_query": lambda encoder, texts: asyncio.run(encoder.aencode_query(texts)),
    "aencode_document": lambda encoder, texts: asyncio.run(encoder.aencode_document(texts)),
    "aencode_with_counts": lambda encoder, texts: asyncio.run(encoder.aencode_with_counts(texts))[0],
    "encode_stream": lambda encoder, texts: np.vstack(list(encoder.encode_stream(iter(texts), chunk_size=2))),
    "encode_groups": lambda encoder, texts: np.vstack(
        [found for _, found in encoder.encode_groups([Chunk(texts=texts[:2]), Chunk(texts=texts[2:])])]
    ),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))


def alone(encoder: SentenceEncoder, texts: Sequence[Text]) -> FloatArray:
    return np.vstack([encoder.encode([text]) for text in texts])


@each_call
def test_every_call_takes_pairs_and_single_texts_together(paired: SentenceEncoder, call: Encode) -> None:
    assert np.array_equal(call(paired, TEXTS), alone(paired, TEXTS))


def test_a_list_of_two_is_a_pair(paired: SentenceEncoder) -> None:
    lists: Any = [text if isinstance(text, str) else list(text) for text in TEXTS]
    assert np.array_equal(paired.encode(lists), paired.encode(TEXTS))


def test_single_texts_have_the_bits_of_an_artifact_without_pairs(
    paired: SentenceEncoder, unpaired: SentenceEncoder
) -> None:
    single = [text for text in TEXTS if isinstance(text, str)]
    assert np.array_equal(paired.encode(single), unpaired.encode(single))
    assert (paired.pairs, unpaired.pairs) == (True, False)


def test_texts_that_differ_in_their_split_alone_have_vectors_of_their_own(paired: SentenceEncoder) -> None:
    vectors = paired.encode([("a gene", "of mice"), ("a", "gene of mice"), "a gene of mice"])
    assert len({vector.tobytes() for vector in vectors}) == 3


def test_equal_pairs_have_equal_vectors_and_are_computed_once(
    paired: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []
    pipeline = paired._pipeline

    def run(ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None) -> FloatArray:
        computed.append(len(ids))
        return pipeline.run(ids, threads, types)

    monkeypatch.setattr(paired, "_pipeline", replace(pipeline, run=run))
    vectors = paired.encode([("a", "b")] * 5)
    assert computed == [1]
    assert np.array_equal(vectors, np.repeat(vectors[:1], 5, axis=0))


@each_call
@pytest.mark.parametrize("pair", [("a", "b"), ["a", "b"], (None, "b")], ids=str)
def test_an_artifact_without_pairs_refuses_one_and_says_what_to_do(
    unpaired: SentenceEncoder, call: Encode, pair: object
) -> None:
    with pytest.raises(TypeError, match=r"\[3\] is .*, a pair, .*export the checkpoint again with pairs=True, or join"):
        call(unpaired, ["x", "y", "z", pair])


@each_call
@pytest.mark.parametrize(
    ("entry", "kind", "message"),
    [
        ((), ValueError, r"\[2\] is \(\), of length 0, expected a text or a pair \(text, text\)"),
        (("a",), ValueError, r"\[2\] is \('a',\), of length 1, expected"),
        (["a", "b", "c"], ValueError, r"\[2\] is \['a', 'b', 'c'\], of length 3, expected"),
        (("a", None), TypeError, r"\[2\]\[1\] is None, of type NoneType: every text must be a str"),
        ((7, "b"), TypeError, r"\[2\]\[0\] is 7, of type int"),
        ((("a", "b"), "c"), TypeError, r"\[2\]\[0\] is \('a', 'b'\), of type tuple"),
        (("a", "b\ud800"), ValueError, r"\[2\]\[1\] holds a lone surrogate"),
        (None, TypeError, r"\[2\] is None, of type NoneType"),
    ],
    ids=str,
)
def test_an_entry_that_is_no_pair_is_named_with_its_part(
    paired: SentenceEncoder, call: Encode, entry: object, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as error:
        call(paired, ["x", ("a", "b"), entry])
    assert "\n" not in str(error.value)


def test_a_table_of_two_columns_is_told_how_to_be_pairs(paired: SentenceEncoder) -> None:
    table: Any = np.array([["a", "b"], ["c", "d"]])
    with pytest.raises(TypeError, match=r"or array.tolist\(\) if its rows are pairs"):
        paired.encode(table)
    assert paired.encode(table.tolist()).shape == (2, paired.dim)


def test_a_pair_is_cut_at_the_end_of_its_longer_text(paired: SentenceEncoder) -> None:
    with pytest.warns(TruncationWarning, match="^2 of 3 texts"):
        cut = paired.encode([("a b", "c " * 50), ("c " * 50, "a b"), ("a b", "c")])
    kept = POSITIONS - 3 - 2
    assert np.array_equal(cut[:2], paired.encode([("a b", "c " * kept), ("c " * kept, "a b")]))


def test_half_of_the_room_is_each_texts_and_the_odd_token_the_longer_ones(paired: SentenceEncoder) -> None:
    room = POSITIONS - 3
    texts = [("a " * 300, "b " * 300), ("a " * 301, "b " * 300), ("a " * 300, "b " * 301)]
    with pytest.warns(TruncationWarning):
        cut = paired.encode(texts)
    second_longer, first_longer = paired.encode(
        [("a " * (room // 2), "b " * (room // 2 + 1)), ("a " * (room // 2 + 1), "b " * (room // 2))]
    )
    assert room % 2 == 1
    assert np.array_equal(cut, np.array([second_longer, first_longer, second_longer]))


@each_call
def test_a_cut_pair_is_counted_by_the_warning(paired: SentenceEncoder, call: Encode) -> None:
    with pytest.warns(TruncationWarning, match="^1 of 3 texts"):
        call(paired, ["x", ("a " * 50, "b"), ("a", "b")])


@pytest.mark.parametrize("long_texts", ["error", "window"])
def test_a_pair_that_is_too_long_is_refused_with_its_index(paired: SentenceEncoder, long_texts: str) -> None:
    message = (
        rf"^sentences\[1\] has more than {POSITIONS} tokens in its two texts: shorten one, or choose "
        "long_texts='truncate': windows are for single texts$"
    )
    with pytest.raises(TextTooLongError, match=message):
        paired.encode(["a", ("b " * 20, "c " * 20)], long_texts=long_texts)
    with pytest.raises(TextTooLongError, match="in its two texts and the prompt before them"):
        paired.encode([("b " * 20, "c")], prompt="x y ", long_texts=long_texts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paired.encode([("b " * 10, "c " * 11)], long_texts=long_texts).shape == (1, paired.dim)


def test_windows_of_single_texts_go_on_beside_pairs(paired: SentenceEncoder) -> None:
    long = "a b c d e f " * 9
    found = paired.encode([("a", "b"), long, ("c", "d")], long_texts="window")
    assert np.array_equal(found[1:2], paired.encode([long], long_texts="window"))
    assert np.array_equal(found[[0, 2]], paired.encode([("a", "b"), ("c", "d")]))


def test_a_prompt_stands_before_the_first_text(paired: SentenceEncoder) -> None:
    assert np.array_equal(paired.encode([("a", "b")], prompt="gene: "), paired.encode([("gene: a", "b")]))


def test_the_tokens_of_pairs_are_counted_with_three_special_ones(paired: SentenceEncoder) -> None:
    texts: list[Text] = [("a b", "c"), ("", ""), ("a " * 50, "b " * 50), "a"]
    assert paired.token_counts(texts).tolist() == [6, 3, 103, 3]
    with pytest.warns(TruncationWarning):
        assert paired.encode_with_counts(texts)[1].tolist() == [6, 3, POSITIONS, 3]


@pytest.mark.parametrize("part", [0, 1])
def test_a_word_without_end_in_a_pair_names_its_entry(paired: SentenceEncoder, part: int) -> None:
    pair = ["a", "b"]
    pair[part] = "=" * 600_000
    with pytest.raises(TextTooLongError, match=r"^sentences\[2\] has a word of more than 262,144 characters"):
        paired.encode(["x", ("y", "z"), (pair[0], pair[1])])


def test_a_chunk_counts_the_characters_of_both_texts_of_a_pair() -> None:
    half = "x" * (CHUNK_CHARACTERS // 4)
    parts = [len(chunk.texts) for chunk in chunks([(half, half)] * 5)]
    assert parts == [2, 2, 1]


def test_calls_that_are_awaited_together_keep_their_pairs_apart(paired: SentenceEncoder) -> None:
    async def both() -> list[FloatArray]:
        return await asyncio.gather(*(paired.aencode(TEXTS[start:] + TEXTS[:start]) for start in range(len(TEXTS))))

    for start, found in enumerate(asyncio.run(both())):
        assert np.array_equal(found, alone(paired, TEXTS[start:] + TEXTS[:start]))


def test_the_encoder_is_made_again_with_its_pairs(paired: SentenceEncoder) -> None:
    copy = pickle.loads(pickle.dumps(paired))
    assert np.array_equal(copy.encode(TEXTS), paired.encode(TEXTS))
