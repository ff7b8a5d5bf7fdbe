"""Rows of text files: what is read, in chunks of one size, and the line named where a row is bad."""

import json
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx.files.encode import open_reader


def records(path: Path, *, size: int = 2, **options: str) -> list[dict[str, Any]]:
    chunks = list(open_reader(str(path), **options).chunks(size))
    assert {len(chunk.texts) for chunk in chunks[:-1]} <= {size}
    return [record for chunk in chunks for record in chunk.content]


def texts(path: Path, **options: str) -> list[str]:
    return [text for chunk in open_reader(str(path), **options).chunks(2) for text in chunk.texts]


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


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


def test_jsonl_objects_are_kept_whole_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '\ufeff{"text": "é", "id": 1.0}\r\n\r\n  \n{"id": null, "text": "\\u00e9"}')
    assert records(path) == [{"text": "é", "id": 1.0}, {"id": None, "text": "é"}]


def test_the_field_is_the_text(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"title": "a", "text": 7}\n')
    assert texts(path, field="title") == ["a"]


def test_csv_fields_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", '\ufeffid,"text"\r\n1,"a, ""b""\r\nc"\r\n\r\n2,\r\n')
    assert records(path) == [{"id": "1", "text": 'a, "b"\r\nc'}, {"id": "2", "text": ""}]


def test_the_column_is_the_text(tmp_path: Path) -> None:
    assert texts(written(tmp_path / "a.CSV", "title,year\na,1\n"), column="title") == ["a"]


@pytest.mark.parametrize(
    ("suffix", "start", "end"), [(".txt", "", ""), (".jsonl", '{"text": "', '"}'), (".csv", 'text\n"', '"')]
)
def test_a_line_of_a_megabyte_is_read_whole(tmp_path: Path, suffix: str, start: str, end: str) -> None:
    long = "a" * 2**20
    assert texts(written(tmp_path / f"a{suffix}", start + long + end)) == [long]


def test_the_share_grows_to_the_whole_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "12345\n" * 4)
    assert [rows.share for rows in open_reader(str(path)).chunks(2)] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 3 is no JSON (Expecting property name enclosed in double quotes, column"),
        ("[" * 100_000, "line 3 is no JSON (maximum recursion depth"),
        ('["text"]', "line 3 is ['text'], expected an object"),
        ('{"title": "a", "id": 1}', "line 3 has no 'text', only 'title', 'id': name the text with --field"),
        ("{}", "line 3 has no 'text', nothing at all"),
        ('{"text": null}', "line 3: 'text' is null: drop the row, or put '' there"),
        ('{"text": 7}', "line 3: 'text' is 7, of type int, expected a string"),
        ('{"text": "a", "embedding": []}', "line 3 has 'embedding' already"),
        ('{"text": "a", "title": "\\ud83d"}', "line 3 holds a lone surrogate"),
    ],
)
def test_a_bad_jsonl_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": "a"}\n\n' + line + '\n{"text": "a"}\n')
    with pytest.raises(ValueError) as error:
        texts(path)
    assert str(error.value).startswith(f"'{path}', {message}")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1", "line 4 ends a row of 1 fields, the header has 2"),
        ("1,a,b", "line 4 ends a row of 3 fields, the header has 2"),
        ('1,"a"b', "line 4 is no CSV (',' expected after '\"')"),
        ('1,"a', "line 5 is no CSV (unexpected end of data)"),
    ],
)
def test_a_bad_csv_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = written(tmp_path / "a.csv", f'id,text\n1,"a\nb"\n{row}\n2,b\n')
    with pytest.raises(ValueError) as error:
        texts(path)
    assert str(error.value).startswith(f"'{path}', {message}")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "has no 'text', nothing at all: name the text with --column"),
        ("id,title\n", "has no 'text', only 'id', 'title': name the text with --column"),
        ("text,embedding\n", "has 'embedding' already, where the vectors would go: rename or drop it"),
        ("text,id,id\n", "has 'id' more than once: rename one"),
    ],
)
def test_a_csv_header_that_does_not_fit_is_refused_at_once(tmp_path: Path, header: str, message: str) -> None:
    path = written(tmp_path / "a.csv", header)
    with pytest.raises(ValueError) as error:
        open_reader(str(path))
    assert str(error.value) == f"'{path}' {message}"


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
def test_bytes_that_are_no_utf8_are_named_by_line(tmp_path: Path, suffix: str) -> None:
    start = {".txt": b"a\n", ".jsonl": b'{"text": "a"}\n', ".csv": b"text\n"}[suffix]
    path = written(tmp_path / f"a{suffix}", start + b"d\xe9j\xe0 vu\n")
    with pytest.raises(ValueError, match="line 2 is no UTF-8 text: byte 0xe9: convert the file"):
        texts(path)


def test_a_file_of_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"should end in \.txt, \.jsonl, \.csv, \.parquet; other text goes through"):
        open_reader(str(written(tmp_path / "a.tsv", "")))


@pytest.mark.parametrize(
    ("suffix", "options"), [(".txt", {"field": "a"}), (".jsonl", {"column": "a"}), (".csv", {"field": "a"})]
)
def test_an_option_of_another_format_is_refused(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"--\w+ does not go with '.*': --field is for \.jsonl, --column for \.csv"):
        open_reader(str(written(tmp_path / f"a{suffix}", json.dumps({"text": "a"}))), **options)
