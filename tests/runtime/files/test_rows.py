"""Groups of rows: bounded in rows and in characters."""

from itertools import pairwise

import pytest

from biobert_onnx.files.rows import MAX_CHARACTERS, MAX_ROWS, grouped

A = "a" * 1000


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["a"] * (2 * MAX_ROWS),
        ["a"] * (2 * MAX_ROWS + 1),
        [A * 1000] * 30,
        ["a" * (3 * MAX_CHARACTERS), "b", "a" * MAX_CHARACTERS, "a" * (MAX_CHARACTERS + 1), "c"],
        [A * (number % 2000) for number in range(300)],
    ],
)
def test_a_group_has_few_rows_and_few_characters_or_is_one_row(texts: list[str]) -> None:
    groups = list(grouped((text, number) for number, text in enumerate(texts)))
    assert [row for group in groups for row in group] == [(text, number) for number, text in enumerate(texts)]
    for group in groups:
        characters = sum(len(text) for text, _ in group)
        assert 1 <= len(group) <= MAX_ROWS
        assert characters <= MAX_CHARACTERS or len(group) == 1
    for group, following in pairwise(groups):
        full = len(group) == MAX_ROWS or sum(len(text) for text, _ in [*group, following[0]]) > MAX_CHARACTERS
        assert full or sum(len(text) for text, _ in group) == MAX_CHARACTERS


def test_a_full_group_does_not_wait_for_the_next_row() -> None:
    def rows():  # type: ignore[no-untyped-def]
        yield from [("a", 0), ("b", 1)]
        pytest.fail("asked for a third row")

    assert next(grouped(rows(), max_rows=2)) == [("a", 0), ("b", 1)]
