"""Plain text: a text a line."""

import warnings
from pathlib import Path

import pytest

from biobert_onnx.files.lines import Lines
from biobert_onnx.files.rows import InputWarning, MissingTexts
from biobert_onnx.files.text import TextReader, other_format
from tests.runtime.files.inputs import records, texts, written


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", []),
        ("\ufeff", []),
        ("one", ["one"]),
        ("one\n", ["one"]),
        ("\n\n", ["", ""]),
        ("\ufeffone\r\n\r\n  two \r\nthree", ["one", "", "  two ", "three"]),
        ("a\rb\u2028c\x0cd\n", ["a\rb\u2028c\x0cd"]),
    ],
)
def test_a_txt_file_has_one_text_a_line(tmp_path: Path, content: str, expected: list[str]) -> None:
    path = written(tmp_path / "a.txt", content)
    assert texts(path) == expected
    assert records(path) == [{"text": text} for text in expected]


@pytest.mark.parametrize(
    ("missing", "expected"), [("stop", ["a", "", "b"]), ("empty", ["a", "", "b"]), ("skip", ["a", "b"])]
)
def test_a_blank_line_is_an_empty_text_unless_missing_texts_are_skipped(
    tmp_path: Path, missing: str, expected: list[str]
) -> None:
    assert texts(written(tmp_path / "a.txt", "a\r\n\r\nb\r\n"), missing=missing) == expected


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ('{"id": 1, "text": "a"}\n', "format='jsonl'"),
        ("id,text\n", "format='csv'"),
        ('"id";"text"\r\n', "format='csv' and delimiter=';'"),
        ("text\tid\n", "format='tsv'"),
        ("text\n", None),
        ("In this text, we read.\n", None),
        ('{"title": "a"}\n', None),
        ("{not json\n", None),
        ("[" * 100_000, None),
        ("{" * 100_000, None),
    ],
)
def test_a_first_line_may_look_like_another_format(line: str, arguments: str | None) -> None:
    assert other_format(line, "text") == arguments


@pytest.mark.parametrize("assumed", [True, False])
def test_only_where_text_is_assumed_another_format_is_warned_of(tmp_path: Path, assumed: bool) -> None:
    path = written(tmp_path / "a.txt", "id,text\n1,a\n")
    reader = TextReader(str(path), "text", MissingTexts(), assumed=assumed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (group,) = reader.groups()
    assert group.texts == ["id,text", "1,a"]
    assert [(each.category, "format='csv'" in str(each.message)) for each in caught] == [(InputWarning, True)] * assumed


def test_rows_are_numbered_by_their_lines(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "a\n\nb\n")
    reader = TextReader(str(path), "text", MissingTexts("skip"))
    (group,) = reader.groups()
    assert [reader.place(number) for number in group.numbers] == [f"'{path}', line 1", f"'{path}', line 3"]
    with Lines(str(path), "it") as lines:
        assert list(lines) == ["a\n", "\n", "b\n"]
