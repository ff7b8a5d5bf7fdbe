"""Separated values: quotes, delimiters, headers, and the line named where a row is bad."""

from pathlib import Path

import pytest

from biobert_onnx.files.formats import open_reader
from biobert_onnx.files.rows import ColumnError, InputError
from tests.runtime.files.inputs import records, texts, written


def test_csv_fields_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", '\ufeffid,"text"\r\n1,"a, ""b""\r\nc"\r\n\r\n2,\r\n')
    assert records(path) == [{"id": "1", "text": 'a, "b"\r\nc'}, {"id": "2", "text": ""}]


def test_the_column_is_the_text(tmp_path: Path) -> None:
    assert texts(written(tmp_path / "a.CSV", "title,year\na,1\n"), column="title") == ["a"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1", "line 4 ends a row of 1 fields, the header has 2"),
        ("1,a,b", "line 4 ends a row of 3 fields, the header has 2"),
        ('1,"a"b', "line 4 is no CSV ("),
        ('1,"a', "line 4 is no CSV (unexpected end of data): "),
        ('1,"a\n\nb', "line 4 is no CSV (unexpected end of data): "),
        ('"1\n2","a', "line 5 is no CSV (unexpected end of data): "),
        ('"1 ""\n2"" ","a""\nb', "line 5 is no CSV (unexpected end of data): "),
        ('"1\n2""","a"b', "line 5 is no CSV (',' expected after '\"'): "),
        ('"1\n2"3,a', "line 4 is no CSV (',' expected after '\"'): "),
    ],
)
def test_a_bad_csv_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = written(tmp_path / "a.csv", f'id,text\n1,"a\nb"\n{row}\n2,b\n')
    with pytest.raises(InputError) as error:
        texts(path)
    assert str(error.value).startswith(f"'{path}', {message}")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "is empty, expected a header with 'text', and rows"),
        ("\ufeff", "is empty, expected a header with 'text', and rows"),
        ("\n\r\n", "is empty, expected a header with 'text', and rows"),
        ("id,title\n", "has no 'text', only 'id', 'title': name the text with column="),
        ("text,embedding\n", "has 'embedding' already, where the vectors would go: rename or drop it"),
        ("text,id,id\n", "has 'id' more than once: rename one"),
    ],
)
def test_a_csv_header_that_does_not_fit_is_refused_at_once(tmp_path: Path, header: str, message: str) -> None:
    path = written(tmp_path / "a.csv", header)
    with pytest.raises(ValueError) as error:
        open_reader(str(path))
    assert str(error.value) == f"'{path}' {message}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("delimiter", "given"), [(";", ";"), ("\t", r"\t"), ("\t", "\t"), ("|", "|"), ("¦", "¦"), (",", ",")]
)
def test_values_are_separated_by_any_character_that_is_given(
    tmp_path: Path, delimiter: str, given: str, mark: str, end: str
) -> None:
    rows = [["id", "text"], ["1", f'"gene{delimiter} protein"'], ["2", "tumour"]]
    content = mark + "".join(delimiter.join(row) + end for row in rows)
    path = written(tmp_path / "a.csv", content)
    assert texts(path, delimiter=given) == [f"gene{delimiter} protein", "tumour"]


def test_tsv_is_separated_by_tabs_unless_another_delimiter_is_given(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", "id\ttext\n1\ta, b\n")
    assert texts(path) == ["a, b"]
    assert texts(written(tmp_path / "b.tsv", "id;text\n1;a\tb\n"), delimiter=";") == ["a\tb"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("name", "header", "delimiter"),
    [
        ("a.csv", "id;text", "';'"),
        ("a.csv", '"id";"text"', "';'"),
        ("a.csv", "id;title", "';'"),
        ("a.csv", "id;a, b;text", "';'"),
        ("a.csv", "id\ttext", r"'\t'"),
        ("a.csv", "id|text", "'|'"),
        ("a.tsv", "id,text", "','"),
        ("a.tsv", "id;text", "';'"),
    ],
)
def test_a_header_with_another_delimiter_is_refused_with_its_name(
    tmp_path: Path, name: str, header: str, delimiter: str, mark: str, end: str
) -> None:
    path = written(tmp_path / name, f"{mark}{header}{end}1;a{end}")
    with pytest.raises(ColumnError) as error:
        open_reader(str(path))
    assert f"which looks separated by {delimiter}: read it with delimiter={delimiter}" in str(error.value)
    assert "\ufeff" not in str(error.value)


def test_a_header_that_no_delimiter_parts_is_not_blamed_on_the_delimiter(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", '"text"\n"a\nb"\n')
    with pytest.raises(ColumnError) as error:
        open_reader(str(path), quoting="none")
    assert "separated" not in str(error.value) and "delimiter" not in str(error.value)


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "\r", r"\n", "tab"])
def test_what_is_no_delimiter_is_refused(tmp_path: Path, delimiter: str) -> None:
    with pytest.raises(ValueError, match=r"delimiter is '.*', expected one character such as ';', or '\\t' for a tab"):
        open_reader(str(written(tmp_path / "a.csv", "text\n")), delimiter=delimiter)


@pytest.mark.parametrize(("missing", "expected"), [("stop", ["", "a"]), ("empty", ["", "a"]), ("skip", ["a"])])
@pytest.mark.parametrize("cell", ["", '""'])
def test_an_empty_cell_is_an_empty_text_unless_missing_texts_are_skipped(
    tmp_path: Path, missing: str, cell: str, expected: list[str]
) -> None:
    path = written(tmp_path / "a.csv", f"id,text\n1,{cell}\n2,a\n")
    reader = open_reader(str(path), missing=missing)
    assert [text for group in reader.groups() for text in group.texts] == expected
    assert reader.missing.count == (missing == "skip")


@pytest.mark.parametrize("cell", ["NA", "NaN", "null", "None", " "])
def test_words_for_nothing_are_texts(tmp_path: Path, cell: str) -> None:
    assert texts(written(tmp_path / "a.csv", f"id,text\n1,{cell}\n"), missing="skip") == [cell]


UNQUOTED = 'id\ttext\n1\t"Unterminated\n2\tMiddle\n3\tends with"\n'
"""Titles with quotes of a table that has no quoting: read with CSV's, they are one field."""


def test_a_quote_of_a_tsv_does_not_swallow_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", UNQUOTED)
    with pytest.raises(InputError) as error:
        texts(path)
    assert str(error.value) == (
        f"'{path}', line 2 has a quote that is not closed on its line: if quotes are plain characters in this TSV, "
        "choose quoting='none'; if they enclose fields, as in CSV, choose quoting='csv'"
    )
    assert texts(path, quoting="none") == ['"Unterminated', "Middle", 'ends with"']
    assert texts(path, quoting="csv") == ["Unterminated\n2\tMiddle\n3\tends with"]


def test_the_character_between_the_columns_decides_and_not_the_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2 has a quote that is not closed"):
        texts(written(tmp_path / "a.csv", UNQUOTED), delimiter=r"\t")
    semicolons = written(tmp_path / "b.tsv", 'id;text\n1;"a\nb"\n')
    assert texts(semicolons, delimiter=";") == ["a\nb"]


@pytest.mark.parametrize("quoting", [None, "csv"])
def test_a_bad_quote_of_a_tsv_is_told_as_one_of_a_tsv(tmp_path: Path, quoting: str | None) -> None:
    path = written(tmp_path / "a.tsv", 'id\ttext\n0\ta\n1\t"Silent" killers\n')
    options = {} if quoting is None else {"quoting": quoting}
    with pytest.raises(InputError, match="quoting='none'") as error:
        texts(path, **options)
    assert str(error.value).startswith(f"'{path}', line 3 is no TSV ('\\t' expected after '\"'): ")
    assert ("quoting='csv'" in str(error.value)) == (quoting is None)
    assert texts(path, quoting="none") == ["a", '"Silent" killers']


def test_a_tsv_with_quoted_fields_on_their_lines_is_read_as_such(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", 'id\ttext\n1\t"a\tb ""c"""\n2\tstage "II"\n')
    assert texts(path) == ['a\tb "c"', 'stage "II"']


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.tsv.gz"])
def test_without_quoting_a_quote_is_a_character(tmp_path: Path, name: str, end: str) -> None:
    between = "," if name == "a.csv" else "\t"
    rows = [["id", "text"], ['"1', '"'], ["2", '"a""b"'], ["", ""]]
    path = written(tmp_path / name, end.join(between.join(row) for row in rows) + end + end)
    expected = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert records(path, quoting="none") == expected


def test_without_quoting_a_row_of_another_length_is_not_told_to_quote(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'id,text\n1,"a,b"\n')
    with pytest.raises(InputError, match="line 2 ends a row of 3 fields, the header has 2: with quoting='none' no "):
        texts(path, quoting="none")


def test_what_is_no_quoting_or_has_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"quoting is 'double', expected one of csv, none"):
        open_reader(str(written(tmp_path / "a.csv", "text\n")), quoting="double")
    with pytest.raises(ValueError, match=r"quoting= does not go with .* which is read as text"):
        open_reader(str(written(tmp_path / "a.txt", "text\n")), quoting="none")
