"""Chunks of texts: few texts, few characters, all of them, in order."""

from itertools import pairwise

import pytest

from biobert_onnx.encoding.texts import CHUNK_CHARACTERS, CHUNK_TEXTS, chunks, grouped


def test_chunks_hold_few_texts_and_few_characters_and_all_of_them_in_order() -> None:
    texts = (
        [str(index) for index in range(3000)] + ["x" * (CHUNK_CHARACTERS // 2)] * 5 + ["y" * CHUNK_CHARACTERS, "last"]
    )
    parts = [chunk.texts for chunk in chunks(iter(texts))]
    assert [text for part in parts for text in part] == texts
    assert max(map(len, parts)) == CHUNK_TEXTS
    assert all(sum(map(len, part[:-1])) < CHUNK_CHARACTERS for part in parts)


def test_no_texts_are_no_chunks() -> None:
    assert list(chunks([])) == []


def test_chunks_end_where_an_array_ends() -> None:
    sizes = [len(chunk.texts) for chunk in chunks(map(str, range(5000)), aligned_to=1500)]
    assert sizes == [1024, 476] * 3 + [500]


def test_no_text_is_read_before_a_chunk_is_asked_for() -> None:
    read: list[int] = []
    texts = (read.append(number) or str(number) for number in range(10))  # type: ignore[func-returns-value]
    parts = chunks(texts, aligned_to=4)
    assert read == []
    next(parts)
    assert read == [0, 1, 2, 3]


A = "a" * 1000


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["a"] * (2 * CHUNK_TEXTS),
        ["a"] * (2 * CHUNK_TEXTS + 1),
        [A * 1000] * 30,
        ["a" * (3 * CHUNK_CHARACTERS), "b", "a" * CHUNK_CHARACTERS, "a" * (CHUNK_CHARACTERS + 1), "c"],
        [A * (number % 2000) for number in range(300)],
    ],
)
def test_a_group_has_few_rows_and_few_characters_or_is_one_row(texts: list[str]) -> None:
    groups = list(grouped((text, number) for number, text in enumerate(texts)))
    assert [row for group in groups for row in group] == [(text, number) for number, text in enumerate(texts)]
    for group in groups:
        characters = sum(len(text) for text, _ in group)
        assert 1 <= len(group) <= CHUNK_TEXTS
        assert characters <= CHUNK_CHARACTERS or len(group) == 1
    for group, following in pairwise(groups):
        full = len(group) == CHUNK_TEXTS or sum(len(text) for text, _ in [*group, following[0]]) > CHUNK_CHARACTERS
        assert full or sum(len(text) for text, _ in group) == CHUNK_CHARACTERS


def test_a_full_group_does_not_wait_for_the_next_row() -> None:
    def rows():  # type: ignore[no-untyped-def]
        yield from [("a", 0), ("b", 1)]
        pytest.fail("asked for a third row")

    assert next(grouped(rows(), max_rows=2)) == [("a", 0), ("b", 1)]
