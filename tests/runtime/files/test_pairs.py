"""Rows of two texts: which column is the second one, what a missing one means, and which inputs have none."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx._types import Text
from biobert_onnx.files.encode import encode_file
from biobert_onnx.files.formats import open_reader
from biobert_onnx.files.rows import ColumnError, InputError
from tests.runtime.cli.command import refused, run
from tests.runtime.files.inputs import texts, written
from tests.support.drawn_artifacts import TOKENS, write_artifact
from tests.support.engines import needs_kernels
from tests.support.kernel_models import Shape, draw_model

Rows = list[dict[str, str | None]]

ROWS: Rows = [
    {"id": "1", "title": "a gene", "abstract": "of mice"},
    {"id": "2", "title": "a cell", "abstract": ""},
    {"id": "3", "title": "", "abstract": "of men"},
    {"id": "4", "title": "a cell", "abstract": "a cell"},
]
PAIRS: list[Text] = [("a gene", "of mice"), ("a cell", ""), ("", "of men"), ("a cell", "a cell")]

KINDS = ("jsonl", "csv", "tsv", "parquet")
each_kind = pytest.mark.parametrize("kind", KINDS)


def write_rows(rows: Rows, path: Path) -> Path:
    """Write `rows` in the format of the ending of `path`; csv has the empty cell for None."""
    kind = path.suffix[1:]
    if kind == "jsonl":
        return written(path, "".join(json.dumps(row) + "\n" for row in rows))
    if kind == "parquet":
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = pyarrow.schema([(name, pyarrow.string()) for name in rows[0]])
        parquet.write_table(pyarrow.Table.from_pylist(rows, schema=columns), path)
        return path
    delimiter = "," if kind == "csv" else "\t"
    lines = [list(rows[0]), *([value or "" for value in row.values()] for row in rows)]
    return written(path, "".join(delimiter.join(line) + "\n" for line in lines))


def names(kind: str) -> dict[str, str]:
    """The arguments that name the two texts."""
    return {"field" if kind == "jsonl" else "column": "title", "pair_column": "abstract"}


@each_kind
def test_a_row_has_the_texts_of_both_columns(tmp_path: Path, kind: str) -> None:
    path = write_rows(ROWS, tmp_path / f"a.{kind}")
    assert texts(path, **names(kind)) == PAIRS
    reader = open_reader(str(path), **names(kind))
    assert reader.check(lambda rows: None, lambda share: None) == len(ROWS)


MISSING: Rows = [
    {"id": "1", "title": "a", "abstract": None},
    {"id": "2", "title": None, "abstract": None},
    {"id": "3", "title": None, "abstract": "b"},
    {"id": "4", "title": "c", "abstract": "d"},
]


@each_kind
def test_a_missing_text_is_the_empty_one_where_that_is_asked_for(tmp_path: Path, kind: str) -> None:
    path = write_rows(MISSING, tmp_path / f"a.{kind}")
    reader = open_reader(str(path), missing="empty", **names(kind))
    assert [text for group in reader.groups() for text in group.texts] == [("a", ""), ("", ""), ("", "b"), ("c", "d")]
    assert reader.missing.count == (3 if kind in ("jsonl", "parquet") else 0), "a row is counted once"


@each_kind
def test_a_row_without_one_of_its_texts_is_left_out_where_that_is_asked_for(tmp_path: Path, kind: str) -> None:
    path = write_rows(MISSING, tmp_path / f"a.{kind}")
    reader = open_reader(str(path), missing="skip", **names(kind))
    assert [text for group in reader.groups() for text in group.texts] == [("c", "d")]
    assert reader.missing.count == 3


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_missing_second_text_is_an_error_that_names_its_column(tmp_path: Path, kind: str) -> None:
    path = write_rows(MISSING, tmp_path / f"a.{kind}")
    with pytest.raises(InputError, match=r"(line|row) 1: 'abstract' is null: drop the row, or put '' there"):
        texts(path, **names(kind))
    with pytest.raises(InputError, match=r"(line|row) 1: 'abstract' is null"):
        open_reader(str(path), **names(kind)).check(lambda rows: None, lambda share: None)


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_an_empty_cell_is_an_empty_second_text(tmp_path: Path, kind: str) -> None:
    path = write_rows(MISSING, tmp_path / f"a.{kind}")
    assert texts(path, **names(kind)) == [("a", ""), ("", ""), ("", "b"), ("c", "d")]


def test_a_field_that_only_some_rows_lack_is_a_missing_text(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"title": "a", "abstract": "b"}\n{"title": "c"}\n')
    with pytest.raises(InputError, match="line 2 has no 'abstract', only 'title': name the text with pair_column="):
        texts(path, **names("jsonl"))
    assert texts(path, missing="empty", **names("jsonl")) == [("a", "b"), ("c", "")]


@each_kind
@pytest.mark.parametrize("missing", ["stop", "empty", "skip"])
def test_a_second_column_that_is_not_there_is_a_mistake_in_the_call(tmp_path: Path, kind: str, missing: str) -> None:
    path = write_rows(ROWS, tmp_path / f"a.{kind}")
    options = names(kind) | {"pair_column": "summary", "missing": missing}
    with pytest.raises(
        ColumnError, match=r"has no 'summary'.* only 'id', 'title', 'abstract': name the text with pair"
    ):
        texts(path, **options)


def test_a_second_text_that_is_no_string_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"title": "a", "abstract": 7}\n')
    with pytest.raises(InputError, match="line 1: 'abstract' is 7, of type int, expected a string"):
        texts(path, **names("jsonl"))
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"title": ["a"], "abstract": [7]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="column 'abstract' is of type int64, expected strings"):
        open_reader(str(tmp_path / "a.parquet"), **names("parquet"))


def test_lines_of_text_have_no_second_column(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "a\n")
    with pytest.raises(
        ValueError, match=r"pair_column= does not go with .*, which is read as text: .*pair_column= is for"
    ):
        open_reader(str(path), pair_column="abstract")


@each_kind
def test_one_column_is_not_both_texts(tmp_path: Path, kind: str) -> None:
    path = write_rows(ROWS, tmp_path / f"a.{kind}")
    with pytest.raises(ValueError, match="pair_column is 'title', the name of the first text, too: name another one"):
        open_reader(str(path), **names(kind) | {"pair_column": "title"})


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Mapping[bool, Path]:
    """Artifacts of a drawn network that take pairs, and that do not."""
    folders = {pairs: tmp_path_factory.mktemp("artifacts") for pairs in (True, False)}
    for pairs, folder in folders.items():
        write_artifact(draw_model(Shape(words=len(TOKENS), positions=24, pairs=pairs), 3), folder)
    return folders


@needs_kernels
@each_kind
def test_a_file_of_pairs_gets_the_vectors_of_encode_and_keeps_its_columns(
    drawn: Mapping[bool, Path], tmp_path: Path, kind: str
) -> None:
    encoder = SentenceEncoder(drawn[True], threads=1)
    expected = encoder.encode(PAIRS)
    reader = open_reader(str(write_rows(ROWS, tmp_path / f"a.{kind}")), **names(kind))
    assert encode_file(encoder, reader, tmp_path / "out.jsonl").vectors == len(ROWS)
    lines: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert np.array_equal(np.array([line.pop("embedding") for line in lines], dtype=np.float32), expected)
    assert [{**line, "embedding_engine": None} for line in lines] == [{**row, "embedding_engine": None} for row in ROWS]


@needs_kernels
def test_a_pair_that_is_too_long_is_an_error_that_names_its_row(drawn: Mapping[bool, Path], tmp_path: Path) -> None:
    rows: Rows = [*ROWS, {"id": "5", "title": "a", "abstract": "b " * 90}]
    reader = open_reader(str(write_rows(rows, tmp_path / "a.csv")), **names("csv"))
    encoder = SentenceEncoder(drawn[True], threads=1)
    with pytest.raises(InputError, match=r"a\.csv', line 6 has more than 24 tokens in its two texts: shorten one"):
        encode_file(encoder, reader, tmp_path / "out.npy", long_texts="window")
    assert not (tmp_path / "out.npy").exists()


@needs_kernels
def test_the_command_takes_the_second_column(drawn: Mapping[bool, Path], tmp_path: Path) -> None:
    source = write_rows(ROWS, tmp_path / "a.csv")
    options = ("-o", tmp_path / "out.npy", "--column", "title", "--pair-column", "abstract")
    done = run("encode", drawn[True], source, *options)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.load(tmp_path / "out.npy"), SentenceEncoder(drawn[True], threads=1).encode(PAIRS))


@needs_kernels
def test_the_command_refuses_a_second_column_for_an_artifact_of_single_texts(
    drawn: Mapping[bool, Path], tmp_path: Path
) -> None:
    source = write_rows(ROWS, tmp_path / "a.csv")
    line = refused(
        2, "encode", drawn[False], source, "-o", tmp_path / "o.npy", "--column", "title", "--pair-column", "abstract"
    )
    assert f"--pair-column is 'abstract', but '{drawn[False]}' takes single texts: export the checkpoint again" in line
    assert line.endswith("with --pairs, or leave --pair-column out")


@needs_kernels
def test_info_says_that_an_artifact_takes_pairs(drawn: Mapping[bool, Path]) -> None:
    first = {pairs: run("info", drawn[pairs]).stdout.decode().splitlines()[0] for pairs in (True, False)}
    assert ", takes pairs, texts cut to 24 tokens" in first[True]
    assert "pairs" not in first[False].removeprefix(str(drawn[False]))


def test_models_says_which_checkpoint_is_exported_with_pairs() -> None:
    shown = run("models").stdout.decode()
    assert shown.count("export it with --pairs") == 1
    assert "title and abstract, as two segments: export it with --pairs" in shown
