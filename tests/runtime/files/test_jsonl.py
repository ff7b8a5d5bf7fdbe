"""JSON lines: what is read, what is written, and the line named where a row is bad."""

import json
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.files.encode import encode_file
from biobert_onnx.files.formats import open_reader
from biobert_onnx.files.rows import ColumnError, InputError
from tests.runtime.files.inputs import records, texts, written
from tests.support.engines import each_engine

TEXTS = [f"Text number {number}." for number in range(2 * 1024 + 5)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    rows = ({"id": number, "text": text, "π": [number / 7, None]} for number, text in enumerate(TEXTS))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_jsonl_objects_are_kept_whole_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '\ufeff{"text": "é", "id": 1.0}\r\n\r\n  \n{"id": null, "text": "\\u00e9"}')
    assert records(path) == [{"text": "é", "id": 1.0}, {"id": None, "text": "é"}]


def test_the_field_is_the_text(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"title": "a", "text": 7}\n')
    assert texts(path, field="title") == ["a"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 3 is no JSON ("),
        ("[" * 100_000, "line 3 is no JSON (arrays or objects are nested too deeply): expected an object"),
        ('{"text": ' + "9" * 10_000 + "}", "line 3 is no JSON (a number has too many digits): expected an object"),
        ('["text"]', "line 3 is ['text'], expected an object"),
        ('{"title": "a", "id": 1}', "line 3 has no 'text', only 'title', 'id': name the text with field="),
        ("{}", "line 3 has no 'text', nothing at all"),
        ('{"text": null}', "line 3: 'text' is null: drop the row, or put '' there"),
        ('{"text": NaN}', "line 3: 'text' is NaN: drop the row, or put '' there"),
        ('{"text": 7}', "line 3: 'text' is 7, of type int, expected a string"),
        ('{"text": 0.5}', "line 3: 'text' is 0.5, of type float, expected a string"),
        ('{"text": "a", "embedding": []}', "line 3 has 'embedding' already"),
        ('{"text": "a", "embedding_engine": ""}', "line 3 has 'embedding_engine' already"),
        ('{"text": "a", "title": "\\ud83d"}', "line 3 holds a lone surrogate"),
    ],
)
def test_a_bad_jsonl_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": "a"}\n\n' + line + '\n{"text": "a"}\n')
    with pytest.raises(InputError) as error:
        texts(path)
    assert str(error.value).startswith(f"'{path}', {message}")
    with pytest.raises(InputError) as again:
        open_reader(str(path)).check(lambda rows: None, lambda share: None)
    assert str(again.value) == str(error.value)


@pytest.mark.parametrize("line", ['{"text": null}', '{"text": NaN}', '{"id": 1}', "{}"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_missing_text_is_an_empty_one_or_no_row_by_choice(tmp_path: Path, line: str, place: int) -> None:
    lines = ['{"text": "a"}', '{"text": "b"}']
    lines.insert(place, line)
    path = written(tmp_path / "a.jsonl", "\n".join(lines))
    expected = ["a", "b"]
    assert texts(path, missing="skip") == expected
    reader = open_reader(str(path), missing="empty")
    (group,) = reader.groups()
    expected.insert(place, "")
    assert group.texts == expected
    assert group.content[place] == json.loads(line) or "NaN" in line
    assert (reader.missing.count, reader.missing.first) == (1, f"'{path}', line {place + 1}")


@pytest.mark.parametrize("missing", ["empty", "skip"])
def test_a_field_that_no_row_has_is_a_wrong_name_and_not_a_file_of_missing_texts(tmp_path: Path, missing: str) -> None:
    path = written(tmp_path / "a.jsonl", '{"title": "a"}\n{"id": 1}\n')
    with pytest.raises(ColumnError, match="has no 'text' in any row, only 'title', 'id': name the text with field="):
        texts(path, missing=missing)


def test_rows_are_counted_anew_each_time_they_are_read(tmp_path: Path) -> None:
    reader = open_reader(str(written(tmp_path / "a.jsonl", '{"text": null}\n{"text": "a"}\n')), missing="skip")
    assert reader.check(lambda rows: None, lambda share: None) == 1
    assert [group.texts for group in reader.groups()] == [["a"]]
    assert reader.missing.count == 1


def test_jsonl_keeps_every_value_of_the_row_and_adds_its_vector(
    encoder: SentenceEncoder, source: Path, tmp_path: Path
) -> None:
    encode_file(encoder, open_reader(str(source)), tmp_path / "out.jsonl", normalize=True)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    vectors = np.array([row.pop("embedding") for row in rows], dtype=np.float32)
    assert {row.pop("embedding_engine") for row in rows} == {encoder.engine}
    assert rows == [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    assert (vectors == encoder.encode(TEXTS, normalize_embeddings=True)).all()


@each_engine
def test_each_line_names_the_engine_of_its_vector(artifact: Path, tmp_path: Path, engine: str) -> None:
    path = written(tmp_path / "in.jsonl", '{"text": "Sepsis"}\n{"text": "a"}\n')
    encoder = SentenceEncoder(artifact, threads=1, engine=engine)
    encode_file(encoder, open_reader(str(path)), tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [list(row) for row in rows] == [["text", "embedding", "embedding_engine"]] * 2
    assert [row["embedding_engine"] for row in rows] == [engine] * 2
    assert (np.array([row["embedding"] for row in rows], dtype=np.float32) == encoder.encode(["Sepsis", "a"])).all()


def test_numbers_of_vectors_have_the_digits_that_float32_has(encoder: SentenceEncoder, tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", '{"text": "Sepsis"}\n')
    encode_file(encoder, open_reader(str(path)), tmp_path / "out.jsonl")
    line = (tmp_path / "out.jsonl").read_text()
    numbers = line.partition("[")[2].partition("]")[0].split(", ")
    assert [str(np.float32(number)) for number in numbers] == numbers


def test_numbers_that_json_does_not_have_are_written_as_null(encoder: SentenceEncoder, tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", '{"text": "a", "n": NaN, "deep": [{"x": -Infinity}, 1.5], "big": 1e999}\n')
    encode_file(encoder, open_reader(str(path)), tmp_path / "out.jsonl")
    row = json.loads((tmp_path / "out.jsonl").read_text(), parse_constant=lambda name: pytest.fail(name))
    del row["embedding"], row["embedding_engine"]
    assert row == {"text": "a", "n": None, "deep": [{"x": None}, 1.5], "big": None}


def test_a_missing_text_that_is_encoded_as_empty_stays_missing_in_the_output(
    encoder: SentenceEncoder, tmp_path: Path
) -> None:
    path = written(tmp_path / "in.jsonl", '{"text": "a"}\n{"text": null, "id": 2}\n{}\n')
    encode_file(encoder, open_reader(str(path), missing="empty"), tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    vectors = np.array([row.pop("embedding") for row in rows], dtype=np.float32)
    for row in rows:
        del row["embedding_engine"]
    assert rows == [{"text": "a"}, {"text": None, "id": 2}, {}]
    assert (vectors == encoder.encode(["a", "", ""])).all()
