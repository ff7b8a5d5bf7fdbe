"""Which reader a file gets, and what is said of a file that gets none."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from biobert_onnx.files.formats import ADVICE, open_reader
from tests.runtime.files.inputs import texts, written
from tests.support.systems import needs_pipes


def test_a_file_of_another_ending_is_refused_with_the_endings_and_the_argument(tmp_path: Path) -> None:
    message = (
        r"a\.dat' should end in \.txt, \.jsonl, \.ndjson, \.csv, \.tsv, \.parquet, also followed by \.gz, \.bz2, "
        r"\.xz: say how it is to be read with format="
    )
    with pytest.raises(ValueError, match=message):
        open_reader(str(written(tmp_path / "a.dat", "")))


@pytest.mark.parametrize("ending", ADVICE)
@pytest.mark.parametrize("upper", [False, True])
def test_what_to_do_with_well_known_files_is_said(tmp_path: Path, ending: str, upper: bool) -> None:
    path = written(tmp_path / f"a{ending.upper() if upper else ending}", "")
    with pytest.raises(ValueError) as error:
        open_reader(str(path))
    assert f": {ADVICE[ending]}, or say how" in str(error.value)


@pytest.mark.parametrize("name", ["a.dat", "a", "a.txt", "a.json.gz", "a.jsonl", ".csv"])
def test_a_format_that_is_given_overrides_the_ending(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, "id,text\n1,a\n")
    assert texts(path, format="csv") == ["a"]
    assert texts(path, format="text") == ["id,text", "1,a"]


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="format is 'xml', expected one of text, jsonl, csv, tsv, parquet"):
        open_reader(str(written(tmp_path / "a.txt", "")), format="xml")


@pytest.mark.parametrize("name", ["a.parquet.gz", "a.gz"])
def test_packed_parquet_is_refused(tmp_path: Path, name: str) -> None:
    options = {} if "parquet" in name else {"format": "parquet"}
    with pytest.raises(ValueError, match="Parquet is read from an unpacked file only"):
        open_reader(str(written(tmp_path / name, "")), **options)
    with pytest.raises(ValueError, match="Parquet is read from an unpacked file only"):
        open_reader("-", format="parquet")


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".txt", {"field": "a"}),
        (".txt", {"delimiter": ";"}),
        (".jsonl", {"column": "a"}),
        (".jsonl.gz", {"delimiter": ";"}),
        (".csv", {"field": "a"}),
        (".tsv", {"field": "a"}),
        (".parquet", {"delimiter": ";"}),
    ],
)
def test_an_option_of_another_format_is_refused(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    message = (
        r"\w+= does not go with '.*', which is read as \w+: field= is for jsonl, column= is for csv, tsv, parquet, "
        "delimiter= is for csv, tsv"
    )
    with pytest.raises(ValueError, match=message):
        open_reader(str(written(tmp_path / f"a{suffix}", json.dumps({"text": "a"}))), **options)


def test_another_choice_for_missing_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="missing is 'drop', expected one of stop, empty, skip"):
        open_reader(str(written(tmp_path / "a.txt", "")), missing="drop")


@needs_pipes
def test_what_is_no_file_is_named_as_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(ValueError, match=r"pipe\.txt' is no regular file: use - for standard input"):
        open_reader(str(tmp_path / "pipe.txt"))
    with pytest.raises(ValueError, match="' is a folder, expected a file of texts"):
        open_reader(str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"no such file: '.*', expected a file of texts or - for standard input"
    ):
        open_reader(str(tmp_path / "absent.txt"))
    with pytest.raises(ValueError, match="the input has no name: name a file of texts, or - for standard input"):
        open_reader("")


def test_standard_input_that_is_closed_is_no_empty_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ValueError, match="standard input is closed"):
        open_reader("-")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert open_reader("-").name == "standard input"
