"""However Spark runs a pipeline: every row is there once, with the same annotations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler, SentenceDetector
from tests.support.texts import TEXTS

COLUMN = "embeddings"
SCHEMA = "n int, text string"
ROWS = [(n, f"{text} Row {n}.") for n, text in enumerate([*TEXTS, *reversed(TEXTS)])]


@pytest.fixture(scope="module")
def model(artifact: Path, spark: SparkSession) -> PipelineModel:
    embeddings = BertSentenceEmbeddings.load(str(artifact)).setInputCols("sentence").setOutputCol(COLUMN)
    return PipelineModel(
        [DocumentAssembler().setInputCol("text"), SentenceDetector().setInputCols("document"), embeddings]
    )


@pytest.fixture(scope="module")
def expected(model: PipelineModel, spark: SparkSession) -> list[Any]:
    return rows_of(model.transform(spark.createDataFrame(ROWS, SCHEMA).coalesce(1)))


def rows_of(frame: DataFrame) -> list[Any]:
    return sorted((row["n"], row[COLUMN]) for row in frame.select("n", COLUMN).collect())


@pytest.fixture
def adaptive(spark: SparkSession, request: pytest.FixtureRequest) -> Iterator[None]:
    before = spark.conf.get("spark.sql.adaptive.enabled")
    spark.conf.set("spark.sql.adaptive.enabled", request.param)
    yield
    spark.conf.set("spark.sql.adaptive.enabled", str(before))


@pytest.mark.parametrize("adaptive", ["true", "false"], indirect=True)
def test_repartitions_between_stages_lose_and_change_nothing(
    adaptive: None, model: PipelineModel, spark: SparkSession, expected: list[Any]
) -> None:
    frame = spark.createDataFrame(ROWS, SCHEMA)
    for partitions, stage in zip((7, 1, 3), model.stages, strict=True):
        frame = stage.transform(frame.repartition(partitions, "n"))
    assert rows_of(frame.repartition(2)) == expected


@pytest.mark.parametrize("partitions", [100, pytest.param(10_000, marks=pytest.mark.large)])
def test_partitions_of_a_row_each_are_all_there(
    model: PipelineModel, spark: SparkSession, expected: list[Any], partitions: int
) -> None:
    numbers = spark.range(partitions, numPartitions=partitions)
    frame = numbers.selectExpr("cast(id as int) as n", f"concat('Row ', id % {len(ROWS)}, '.') as text")
    found = rows_of(model.transform(frame))
    assert [n for n, _ in found] == list(range(partitions))
    assert all(annotations == found[n % len(ROWS)][1] for n, annotations in found)


def test_a_stream_gives_what_a_table_gives(
    model: PipelineModel, spark: SparkSession, expected: list[Any], tmp_path: Path
) -> None:
    for number, part in enumerate((ROWS[:5], ROWS[5:])):
        spark.createDataFrame(part, SCHEMA).coalesce(1).write.parquet(str(tmp_path / "in" / f"part={number}"))
    stream = spark.readStream.schema(SCHEMA).option("maxFilesPerTrigger", 1).parquet(str(tmp_path / "in" / "*"))
    query = (
        model.transform(stream)
        .select("n", COLUMN)
        .writeStream.format("parquet")
        .option("checkpointLocation", str(tmp_path / "progress"))
        .trigger(availableNow=True)
        .start(str(tmp_path / "out"))
    )
    assert query.awaitTermination(300)
    assert rows_of(spark.read.parquet(str(tmp_path / "out"))) == expected
