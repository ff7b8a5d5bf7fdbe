"""`output_path`: the table in a file, too."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biobert_onnx import nlu

VECTOR = "sentence_embedding_biobert"
DATA = pd.DataFrame({"text": ["One. Two.", "Three."], "year": [2019, 2020]}, index=["a", "b"])


def test_parquet_holds_the_table(pipeline: nlu.Pipeline, tmp_path: Path) -> None:
    table = pipeline.predict(DATA, output_path=tmp_path / "table.parquet", positions=True)
    read = pd.read_parquet(tmp_path / "table.parquet")
    assert read[VECTOR].iloc[0].dtype == np.float32
    pd.testing.assert_frame_equal(read, table)


def test_csv_holds_the_table_with_vectors_as_json(pipeline: nlu.Pipeline, tmp_path: Path) -> None:
    table = pipeline.predict(DATA, output_path=str(tmp_path / "table.csv"))
    read = pd.read_csv(tmp_path / "table.csv", index_col=0)
    read[VECTOR] = [np.array(json.loads(vector), dtype=np.float32) for vector in read[VECTOR]]
    pd.testing.assert_frame_equal(read, table)


@pytest.mark.parametrize("name", ["table.parquet", "table.csv"])
def test_a_document_with_the_vectors_of_its_sentences_is_written(
    name: str, pipeline: nlu.Pipeline, tmp_path: Path
) -> None:
    table = pipeline.predict(DATA, "document", tmp_path / name, sentence_vectors=True)
    if name.endswith(".csv"):
        written = [json.loads(vectors) for vectors in pd.read_csv(tmp_path / name)[VECTOR]]
    else:
        written = [[*vectors] for vectors in pd.read_parquet(tmp_path / name)[VECTOR]]
    for vectors, expected in zip(written, table[VECTOR], strict=True):
        assert np.array_equal(np.array(vectors, dtype=np.float32), expected)


def test_a_table_without_vectors_is_written(pipeline: nlu.Pipeline, tmp_path: Path) -> None:
    pipeline.predict(DATA, output_path=tmp_path / "table.csv", get_embeddings=False)
    assert list(pd.read_csv(tmp_path / "table.csv", index_col=0)) == ["sentence", "text", "year"]


def test_a_path_that_cannot_be_written_is_refused_before_anything_is_computed(
    pipeline: nlu.Pipeline, tmp_path: Path
) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(
        ValueError, match=r"output_path is '.*table\.xlsx', expected a name that ends with \.parquet or"
    ):
        pipeline.predict([7], output_path=tmp_path / "table.xlsx")
    with pytest.raises(FileNotFoundError, match=r"no such folder: '.*missing', where 'table\.csv' should be written"):
        pipeline.predict([7], output_path=tmp_path / "missing" / "table.csv")
    with pytest.raises(
        IsADirectoryError, match=r"output_path is '.*folder\.csv', a folder: give the name of a new file"
    ):
        pipeline.predict([7], output_path=tmp_path / "folder.csv")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pd.DataFrame([["a", "b", "c"]], columns=["text", "y", "y"]), "two columns 'y' and cannot lie in"),
        (pd.DataFrame({"text": ["a", "b"], "y": [1, "x"]}), r"cannot lie in .* \(Conversion failed for column y"),
        (pd.Series(["a"], index=pd.MultiIndex.from_tuples([(1, "a")])), r"\(Conversion failed for column origin_index"),
    ],
    ids=["repeated", "mixed", "index"],
)
def test_data_that_parquet_cannot_hold_is_refused_before_anything_is_computed(
    data: pd.DataFrame | pd.Series, reason: str, pipeline: nlu.Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_units", None)
    with pytest.raises(ValueError, match=reason):
        pipeline.predict(data, output_path=tmp_path / "table.parquet", drop_irrelevant_cols=False)
    assert not list(tmp_path.iterdir())
