"""NLU's call on frames of Spark: the table that pandas gives, and the frame with annotations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx import nlu

VECTOR = "sentence_embedding_biobert"
TWO = "I hate cancer. Antibiotics aren't painkiller."
WIDE = "😀 Good. It fell."
"""Its first character is two UTF-16 units, which Spark's places count."""

ROWS = [(7, TWO, "x"), (8, None, None), (9, WIDE, "y"), (10, " ", "z"), (11, "It grew; it fell.", "x"), (12, "", "y")]
"""Spark NLP's rules would cut the last text at its semicolon."""


@pytest.fixture(scope="module")
def pipeline(models: Path) -> nlu.Pipeline:
    return nlu.load("embed_sentence.biobert", folder=models, threads=2)


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(ROWS, "pmid long, text string, `a.b` string")


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Both tables are equal, vectors to the last bit; integers may be of other sizes."""
    pd.testing.assert_frame_equal(left.drop(columns=VECTOR), right.drop(columns=VECTOR))
    assert np.array_equal(np.stack(left[VECTOR]), np.stack(right[VECTOR]))


@pytest.mark.parametrize("level", ["sentence", "document"])
def test_a_frame_of_spark_gives_the_table_of_one_of_pandas(
    level: str, pipeline: nlu.Pipeline, frame: DataFrame
) -> None:
    data = pd.DataFrame(ROWS, columns=["pmid", "text", "a.b"])
    expected = pipeline.predict(data, level, positions=True, metadata=True)
    same(pipeline.predict(frame, level, positions=True, metadata=True), expected)


def test_a_frame_of_spark_is_cut_into_the_parts_asked_for_and_keeps_its_order(
    pipeline: nlu.Pipeline, frame: DataFrame, tmp_path: Path
) -> None:
    table = pipeline.predict(
        frame, output_path=tmp_path / "table.csv", keep_stranger_features=False, get_embeddings=False, partition=3
    )
    assert list(table) == ["sentence", "text"]
    assert table["text"].to_list() == [TWO, TWO, WIDE, WIDE, ROWS[4][1]]
    assert table.index.to_list() == [0, 0, 2, 2, 4]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "table.csv", index_col=0), table)


def test_a_frame_of_spark_is_returned_with_annotations(pipeline: nlu.Pipeline, frame: DataFrame) -> None:
    found = pipeline.predict(frame, return_spark_df=True)
    assert found.columns == ["pmid", "text", "a.b", "origin_index", "document", "sentence", VECTOR]
    rows = {row["pmid"]: row for row in found.collect()}
    table = pipeline.predict([TWO, WIDE])
    vectors = [annotation.embeddings for pmid in (7, 9) for annotation in rows[pmid][VECTOR]]
    assert np.array_equal(np.array(vectors, dtype=np.float32), np.stack(table[VECTOR]))
    assert [annotation.result for annotation in rows[7]["sentence"]] == table["sentence"].to_list()[:2]


def test_data_of_pandas_is_returned_as_a_frame_of_spark(pipeline: nlu.Pipeline, spark: SparkSession) -> None:
    data = pd.DataFrame({"sentence": [TWO, None], "year": [2020, 2021], "note": [None, None]}, index=["a", "b"])
    found = pipeline.predict(data, "document", return_spark_df=True, get_embeddings=False)
    assert found.columns == ["sentence", "year", "note", "origin_index", "document"]
    assert [(row["sentence"], row["year"], row["note"]) for row in found.collect()] == [
        (TWO, 2020, None),
        (None, 2021, None),
    ]
    texts = pipeline.predict([None, TWO], "document", return_spark_df=True, keep_stranger_features=False)
    assert texts.columns == ["text", "origin_index", "document", VECTOR]
    assert [row["text"] for row in texts.collect()] == [None, TWO]
    assert pipeline.predict([], return_spark_df=True).count() == 0


def test_a_stream_is_returned_as_one_only(pipeline: nlu.Pipeline, spark: SparkSession, tmp_path: Path) -> None:
    stream = spark.readStream.text(str(tmp_path)).withColumnRenamed("value", "text")
    assert pipeline.predict(stream, return_spark_df=True).isStreaming
    with pytest.raises(
        ValueError, match="data is a stream, which has no end to wait for: ask for return_spark_df=True"
    ):
        pipeline.predict(stream)


def test_what_no_frame_of_spark_can_be_asked_for_is_refused(
    pipeline: nlu.Pipeline, frame: DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"output_level='token' gives a table .*: give frame\.toPandas\(\) as data"):
        pipeline.predict(frame, "token")
    with pytest.raises(ValueError, match="sentence_vectors=True gives a table"):
        pipeline.predict(frame, "document", sentence_vectors=True)
    with pytest.raises(ValueError, match="partition is 0, expected at least 1"):
        pipeline.predict(frame, partition=0)
    with pytest.raises(ValueError, match="with return_spark_df=True: write the frame with its write"):
        pipeline.predict(frame, output_path=tmp_path / "table.csv", return_spark_df=True)
    with pytest.raises(TypeError, match="the column 'pmid' of the data is bigint, expected string: cast it, or name"):
        pipeline.predict(frame.select("pmid"))
    with pytest.raises(ValueError, match="the data has 2 columns 'text'"):
        pipeline.predict(frame.select("text", "text"))
    with pytest.raises(ValueError, match="the data has a column 'document', the name of a new one"):
        pipeline.predict(frame.withColumnRenamed("pmid", "document"), return_spark_df=True)
    with pytest.raises(ValueError, match="the data has a column 'sentence', the name of a new one"):
        pipeline.predict(frame.withColumnRenamed("pmid", "sentence"))
    with pytest.raises(ValueError, match=r"the data cannot become a frame of Spark \(.*column y.*\): give each column"):
        pipeline.predict(pd.DataFrame({"text": ["a", "b"], "y": [1, "x"]}), return_spark_df=True)
