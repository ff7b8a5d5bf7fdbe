"""Parquet in and out: types kept, one type a column, and a clear error where a table or JSON cannot hold the rows."""

import json
import random
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding.texts import CHUNK_CHARACTERS, CHUNK_TEXTS
from biobert_onnx.files.encode import encode_file
from biobert_onnx.files.formats import open_reader
from biobert_onnx.files.rows import ColumnError, InputError
from tests.support.engines import each_engine

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

TEXTS = [f"Text number {number}." for number in range(CHUNK_TEXTS + 500)]


def written(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def encoded(encoder: SentenceEncoder, source: Path, output: str) -> Path:
    encode_file(encoder, open_reader(str(source)), source.with_name(output), normalize=False)
    return source.with_name(output)


def vectors(table: Any) -> np.ndarray:
    return np.stack(table["embedding"].to_numpy())


def test_a_table_keeps_its_columns_and_types_and_gets_vectors_of_a_fixed_size(
    encoder: SentenceEncoder, tmp_path: Path
) -> None:
    count = len(TEXTS)
    columns = {
        "id": pyarrow.array(range(count), pyarrow.int16()),
        "text": TEXTS,
        "when": pyarrow.array(range(count), pyarrow.timestamp("ns", tz="UTC")),
        "kind": pyarrow.array([text[-2:] for text in TEXTS]).dictionary_encode(),
        "parts": [[{"a": 1}], None] * (count // 2),
        "raw": [b"\xff"] * count,
    }
    source = written(tmp_path / "in.parquet", columns, row_group_size=700)
    table = parquet.read_table(encoded(encoder, source, "out.parquet"))
    assert table.schema.field("embedding").type == pyarrow.list_(pyarrow.float32(), encoder.dim)
    assert table.drop(["embedding"]).equals(parquet.read_table(source))
    assert (vectors(table) == encoder.encode(TEXTS)).all()


@each_engine
@pytest.mark.parametrize("name", ["in.parquet", "in.jsonl", "in.txt"])
def test_the_files_metadata_names_the_engine_beside_what_the_input_had(
    artifact: Path, tmp_path: Path, engine: str, name: str
) -> None:
    source = tmp_path / name
    source.write_text('{"text": "Sepsis"}\n')
    of_input: dict[bytes, bytes] = {}
    if name == "in.parquet":
        of_input = {b"pandas": b"{}", b"of": b"the input"}
        parquet.write_table(pyarrow.table({"text": ["Sepsis"]}).replace_schema_metadata(of_input), source)
    encode_file(SentenceEncoder(artifact, threads=1, engine=engine), open_reader(str(source)), tmp_path / "o.parquet")
    found = parquet.read_schema(tmp_path / "o.parquet").metadata
    assert found == {**of_input, b"embedding_engine": engine.encode()}


def test_groups_have_their_size_across_row_groups_and_dictionaries(tmp_path: Path) -> None:
    columns = {"text": TEXTS, "kind": pyarrow.array([text[-2:] for text in TEXTS]).dictionary_encode()}
    source = written(tmp_path / "in.parquet", columns, row_group_size=70)
    chunks = list(open_reader(str(source)).groups(max_rows=100))
    assert {len(chunk.texts) for chunk in chunks[:-1]} == {100}
    assert [text for chunk in chunks for text in chunk.texts] == TEXTS
    assert chunks[-1].share == 1


def test_a_large_row_group_is_read_in_pieces(tmp_path: Path) -> None:
    long = [random.Random(number).randbytes(2000).hex() for number in range(5000)]
    source = written(tmp_path / "in.parquet", {"text": long}, use_dictionary=False, compression="none")
    before = pyarrow.total_allocated_bytes()
    chunks = open_reader(str(source)).groups(max_rows=100)
    assert next(chunks).texts == long[:100]
    assert pyarrow.total_allocated_bytes() - before < source.stat().st_size / 2


@pytest.mark.parametrize("kind", ["large_string", "string_view", "dictionary"])
def test_strings_of_every_kind_are_texts(tmp_path: Path, kind: str) -> None:
    types = {"dictionary": pyarrow.dictionary(pyarrow.int32(), pyarrow.string())}
    column = pyarrow.array(["a", "b", "a"]).cast(types.get(kind) or getattr(pyarrow, kind)())
    (chunk,) = open_reader(str(written(tmp_path / "in.parquet", {"text": column}))).groups(max_rows=5)
    assert chunk.texts == ["a", "b", "a"]


def test_times_and_decimals_become_strings_in_json(encoder: SentenceEncoder, tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "text": ["a", "b"],
        "when": [datetime(2020, 1, 2), None],
        "price": [Decimal("1.50"), None],
    }
    columns["n"] = pyarrow.array([1, 2]).dictionary_encode()
    lines = encoded(encoder, written(tmp_path / "in.parquet", columns), "out.jsonl").read_text().splitlines()
    rows = [{name: value for name, value in json.loads(line).items() if name in columns} for line in lines]
    assert rows == [
        {"text": "a", "when": "2020-01-02 00:00:00.000000", "price": "1.50", "n": 1},
        {"text": "b", "when": None, "price": None, "n": 2},
    ]


@pytest.mark.parametrize("column", [[b"\xff"], [[{"when": datetime(2020, 1, 2)}]]])
def test_a_column_that_json_cannot_hold_is_refused(encoder: SentenceEncoder, tmp_path: Path, column: Any) -> None:
    source = written(tmp_path / "in.parquet", {"text": ["a"], "raw": column})
    with pytest.raises(ValueError, match=r"column 'raw' is of type .*, which JSON does not have: drop the column"):
        encoded(encoder, source, "out.jsonl")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(("name", "content"), [("in.txt", "a\n\n"), ("in.csv", 'text,id\na,1\n"",2\n')])
def test_columns_of_text_files_are_strings(encoder: SentenceEncoder, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    table = parquet.read_table(encoded(encoder, tmp_path / name, "out.parquet"))
    assert table["text"].to_pylist() == ["a", ""]
    assert {field.type for field in table.schema if field.name != "embedding"} == {pyarrow.string()}
    assert (vectors(table) == encoder.encode(["a", ""])).all()


def test_json_values_get_one_type_that_holds_all_of_a_key(encoder: SentenceEncoder, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": text, "number": 1, "late": None} for text in TEXTS]
    rows[-1] = {"text": TEXTS[-1], "number": 2.5, "late": "x", "only": [{"here": True}]}
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = parquet.read_table(encoded(encoder, tmp_path / "in.jsonl", "out.parquet"))
    assert table.schema.field("number").type == pyarrow.float64()
    assert table.drop(["embedding"]).slice(len(rows) - 2).to_pylist() == [{"only": None, **rows[-2]}, rows[-1]]


@pytest.mark.parametrize("first", [[], TEXTS[: CHUNK_TEXTS - 1]])
def test_json_values_of_two_types_under_one_key_are_refused(
    encoder: SentenceEncoder, tmp_path: Path, first: list[str]
) -> None:
    rows = [*({"text": text, "mixed": 1} for text in first), {"text": "a", "mixed": 1}, {"text": "a", "mixed": "x"}]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ValueError, match=r"mixed.*: a Parquet column has one type; write \.jsonl"):
        encoded(encoder, source, "out.parquet")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("name", ["in.txt", "in.csv", "in.jsonl", "in.parquet"])
def test_no_rows_give_an_empty_table(encoder: SentenceEncoder, tmp_path: Path, name: str) -> None:
    written(tmp_path / "in.parquet", {"text": pyarrow.array([], pyarrow.string())})
    (tmp_path / "in.csv").write_text("text\n")
    (tmp_path / "in.txt").touch()
    (tmp_path / "in.jsonl").touch()
    table = parquet.read_table(encoded(encoder, tmp_path / name, "out.parquet"))
    assert table.num_rows == 0
    assert table.schema.field("embedding").type == pyarrow.list_(pyarrow.float32(), encoder.dim)


def test_a_row_without_a_text_is_named(tmp_path: Path) -> None:
    source = written(tmp_path / "in.parquet", {"text": [*TEXTS, None]})
    with pytest.raises(InputError, match=rf"in\.parquet', row {len(TEXTS) + 1}: 'text' is null: drop the row, or put"):
        list(open_reader(str(source)).groups())


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"title": ["a"]}, "has no 'text', only 'title': name the text with column="),
        ({"text": [7]}, "column 'text' is of type int64, expected strings"),
        ({"text": ["a"], "embedding": [[1.0]]}, "has 'embedding' already"),
    ],
)
def test_a_schema_that_does_not_fit_is_refused_at_once(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_reader(str(written(tmp_path / "in.parquet", columns)))


def test_a_column_that_is_not_there_is_another_error_than_a_bad_file(tmp_path: Path) -> None:
    path = written(tmp_path / "in.parquet", {"title": ["a"]})
    with pytest.raises(ColumnError):
        open_reader(str(path))
    with pytest.raises(InputError):
        open_reader(str(path), column="title").to_records()
        (tmp_path / "in.parquet").write_text("text\n")
        open_reader(str(path))


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("place", [0, 700, CHUNK_TEXTS, len(TEXTS)])
def test_a_missing_text_is_found_before_anything_is_computed(tmp_path: Path, place: int, statistics: bool) -> None:
    texts: list[str | None] = list(TEXTS)
    texts.insert(place, None)
    source = written(tmp_path / "in.parquet", {"text": texts}, row_group_size=500, write_statistics=statistics)
    with pytest.raises(
        InputError, match=rf"row {place + 1}: 'text' is null: .* choose missing='skip' or missing='empty'"
    ):
        open_reader(str(source)).check(lambda rows: None, lambda share: None)


@pytest.mark.parametrize("statistics", [True, False])
def test_the_check_counts_the_rows_to_encode(tmp_path: Path, statistics: bool) -> None:
    columns = {"text": ["a", None, "b"], "n": [None, 1, 2]}
    source = written(tmp_path / "in.parquet", columns, write_statistics=statistics)
    counts = {
        missing: open_reader(str(source), missing=missing).check(lambda rows: None, lambda share: None)
        for missing in ("empty", "skip")
    }
    assert counts == {"empty": 3, "skip": 2}


@pytest.mark.parametrize("nulls", [[0], [1399], [1400, 1402], list(range(1000, 1024)), [len(TEXTS) - 1]])
def test_rows_without_a_text_are_left_out_or_get_the_empty_one(
    encoder: SentenceEncoder, tmp_path: Path, nulls: list[int]
) -> None:
    texts = [None if row in nulls else text for row, text in enumerate(TEXTS)]
    columns = {
        "id": pyarrow.array(range(len(TEXTS)), pyarrow.int16()),
        "text": texts,
        "kind": pyarrow.array([text[-2:] for text in TEXTS]).dictionary_encode(),
    }
    source = written(tmp_path / "in.parquet", columns, row_group_size=700)
    kept = [row for row in range(len(TEXTS)) if row not in nulls]
    outcome = encode_file(encoder, open_reader(str(source), missing="skip"), tmp_path / "skip.parquet")
    table = parquet.read_table(tmp_path / "skip.parquet")
    assert (outcome.vectors, outcome.missing) == (len(kept), len(nulls))
    assert outcome.first_missing == f"'{source}', row {nulls[0] + 1}"
    assert table.drop(["embedding"]).equals(parquet.read_table(source).take(kept))
    assert (vectors(table) == encoder.encode([TEXTS[row] for row in kept])).all()
    encode_file(encoder, open_reader(str(source), missing="empty"), tmp_path / "empty.parquet")
    table = parquet.read_table(tmp_path / "empty.parquet")
    assert table.drop(["embedding"]).equals(parquet.read_table(source))
    assert (vectors(table) == encoder.encode([text or "" for text in texts])).all()


@pytest.mark.parametrize(("rows", "missing", "expected"), [(2, "skip", 0), (2, "empty", 2), (0, "stop", 0)])
def test_a_column_of_nulls_alone_holds_missing_texts(
    encoder: SentenceEncoder, tmp_path: Path, rows: int, missing: str, expected: int
) -> None:
    source = written(tmp_path / "in.parquet", {"text": pyarrow.nulls(rows)})
    assert encode_file(encoder, open_reader(str(source), missing=missing), tmp_path / "o.npy").vectors == expected


def test_few_rows_of_long_texts_are_read_at_a_time(tmp_path: Path) -> None:
    long = [str(number) * 2_000_000 for number in range(10, 40)]
    source = written(tmp_path / "in.parquet", {"text": long}, use_dictionary=False)
    groups = list(open_reader(str(source)).groups())
    assert [text for group in groups for text in group.texts] == long
    assert max(sum(map(len, group.texts)) for group in groups) <= CHUNK_CHARACTERS


@pytest.mark.parametrize("name", ["a.b", "text", "ünï"])
def test_columns_of_any_name_are_read_beside_nested_ones(tmp_path: Path, name: str) -> None:
    columns = {"a": [{"b": None, "c": 1}, {"b": "x", "c": 2}], name: ["one", "two"]}
    source = written(tmp_path / "in.parquet", columns)
    reader = open_reader(str(source), column=name)
    assert reader.check(lambda rows: None, lambda share: None) == 2
    assert [text for group in reader.groups() for text in group.texts] == ["one", "two"]


def test_json_of_standard_input_cannot_become_a_table(encoder: SentenceEncoder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"types of standard input are not known before its end: write \.jsonl"):
        encode_file(encoder, open_reader("-", format="jsonl"), tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_parquet_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "in.parquet").write_text("text\n")
    with pytest.raises(ValueError, match=r"in\.parquet' is no Parquet file \("):
        open_reader(str(tmp_path / "in.parquet"))


def test_a_damaged_page_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    source = written(tmp_path / "in.parquet", {"text": TEXTS}, use_dictionary=False)
    content = bytearray(source.read_bytes())
    content[4:200] = b"\xff" * 196
    source.write_bytes(content)
    with pytest.raises(ValueError, match=r"in\.parquet' is damaged \("):
        list(open_reader(str(source)).groups())


def test_strings_that_are_no_utf8_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    strings = pyarrow.array([b"Sepsis", b"\x80NF"]).view(pyarrow.string())
    source = written(tmp_path / "in.parquet", {"text": strings})
    with pytest.raises(ValueError, match=r"in\.parquet' is damaged \(.*[Ii]nvalid UTF8"):
        list(open_reader(str(source)).groups())
