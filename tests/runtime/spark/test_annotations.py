"""Documents and sentences in Spark: Spark NLP's schema, offsets and metadata."""

from typing import Any

import pytest
from pyspark.ml import Pipeline
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler, SentenceDetector

SCHEMA = """
 |    |-- element: struct (containsNull = true)
 |    |    |-- annotatorType: string (nullable = true)
 |    |    |-- begin: integer (nullable = false)
 |    |    |-- end: integer (nullable = false)
 |    |    |-- result: string (nullable = true)
 |    |    |-- metadata: map (nullable = true)
 |    |    |    |-- key: string
 |    |    |    |-- value: string (valueContainsNull = true)
 |    |    |-- embeddings: array (nullable = true)
 |    |    |    |-- element: float (containsNull = false)
"""
"""What an annotation is, as Spark NLP's documentation of DocumentAssembler prints it."""


def frame_of(spark: SparkSession, *texts: str | None) -> DataFrame:
    return spark.createDataFrame([(text,) for text in texts], "text string")


def documents(frame: DataFrame, assembler: DocumentAssembler | None = None) -> DataFrame:
    return (assembler or DocumentAssembler()).setInputCol("text").setOutputCol("document").transform(frame)


def sentences(frame: DataFrame, detector: SentenceDetector | None = None) -> DataFrame:
    stage = (detector or SentenceDetector()).setInputCols(["document"]).setOutputCol("sentence")
    return stage.transform(documents(frame))


def spans(frame: DataFrame, column: str) -> list[list[tuple[int, int, str]]]:
    return [[(item.begin, item.end, item.result) for item in row[0]] for row in frame.select(column).collect()]


def test_a_document_is_as_spark_nlp_documents_it(spark: SparkSession) -> None:
    frame = documents(frame_of(spark, "Spark NLP is an open-source text processing library."))
    assert frame.schema["document"].metadata == {"annotatorType": "document"}
    text = "Spark NLP is an open-source text processing library."
    assert [tuple(item) for item in frame.first()["document"]] == [("document", 0, 51, text, {"sentence": "0"}, [])]  # type: ignore[index]


@pytest.mark.parametrize("column", ["document", "sentence"])
def test_columns_hold_the_schema_that_spark_nlp_prints(
    column: str, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    sentences(frame_of(spark, "x")).select(column).printSchema()
    assert SCHEMA in capsys.readouterr().out


def test_null_and_empty_texts_are_empty_documents_without_sentences(spark: SparkSession) -> None:
    frame = sentences(frame_of(spark, None, "", "  \n"))
    assert spans(frame, "document") == [[(0, -1, "")], [(0, -1, "")], [(0, 2, "  \n")]]
    assert spans(frame, "sentence") == [[], [], []]


def test_custom_bounds_give_true_offsets_where_spark_nlps_are_off_by_one(spark: SparkSession) -> None:
    text = "This is my first sentence. This my second.\n\nHow about a third?"
    frame = sentences(frame_of(spark, text), SentenceDetector().setCustomBounds(["\n\n"]))
    assert spans(frame, "sentence") == [
        [(0, 25, "This is my first sentence."), (27, 41, "This my second."), (44, 61, "How about a third?")]
    ]
    kinds = [(item.annotatorType, item.metadata, item.embeddings) for item in frame.first()["sentence"]]  # type: ignore[index]
    assert kinds == [("document", {"sentence": str(number)}, []) for number in range(3)]
    assert frame.schema["sentence"].metadata == {"annotatorType": "document"}


def test_offsets_count_the_jvms_characters(spark: SparkSession) -> None:
    text = "😀 Good. 𝛽-catenin rose."
    frame = sentences(frame_of(spark, text))
    units = text.encode("utf-16-le")
    found = spans(frame, "document")[0] + spans(frame, "sentence")[0]
    assert [end for _, end, _ in found] == [24, 7, 24]
    assert all(units[2 * begin : 2 * end + 2].decode("utf-16-le") == result for begin, end, result in found)


def test_an_array_of_texts_gives_a_document_each(spark: SparkSession) -> None:
    frame = documents(spark.createDataFrame([(["One. Two.", "", None],), (None,)], "text array<string>"))
    rows = [row["document"] for row in frame.collect()]
    assert [(item.end, item.metadata["sentence"]) for item in rows[0]] == [(8, "0"), (-1, "1"), (-1, "2")]
    assert rows[1] == []
    detected = SentenceDetector().setInputCols("document").transform(frame)
    assert [item.metadata["sentence"] for item in detected.first()["sentence"]] == ["0", "1"]  # type: ignore[index]


def test_ids_and_metadata_columns_go_into_the_metadata(spark: SparkSession) -> None:
    rows = [("a", 7, {"sentence": "x", "source": "PMC"}), ("b", 8, None)]
    frame = spark.createDataFrame(rows, "text string, id int, extra map<string,string>")
    found = documents(frame, DocumentAssembler().setIdCol("id").setMetadataCol("extra")).collect()
    assert [row["document"][0].metadata for row in found] == [
        {"sentence": "0", "id": "7", "source": "PMC"},
        {"sentence": "0", "id": "8"},
    ]


def test_only_a_maximum_length_that_is_set_leaves_sentences_out(spark: SparkSession) -> None:
    long = "A" * 100_001
    assert spans(sentences(frame_of(spark, long)), "sentence") == [[(0, 100_000, long)]]
    assert spans(sentences(frame_of(spark, long), SentenceDetector().setMaxLength(99_999)), "sentence") == [[]]


def test_exploded_sentences_have_a_row_each(spark: SparkSession) -> None:
    frame = sentences(frame_of(spark, "One is. Two is.", ""), SentenceDetector().setExplodeSentences(True))
    assert spans(frame, "sentence") == [[(0, 6, "One is.")], [(8, 14, "Two is.")]]
    assert frame.schema["sentence"].metadata == {"annotatorType": "document"}


def test_bytes_that_are_no_utf8_are_replaced_as_the_jvm_does(spark: SparkSession) -> None:
    frame = spark.sql("select cast(X'4869FF2E' as string) as text")
    assert spans(sentences(frame), "sentence") == [[(0, 3, "Hi\ufffd.")]]


def test_every_other_column_stays_as_it_is(spark: SparkSession) -> None:
    from pyspark.ml.linalg import Vectors

    frame = spark.sql(
        "select 'One.' as text, timestamp '2020-08-25 12:00:00' as time, date '2020-08-25' as day, "
        "cast(1.25 as decimal(10,2)) as price, map('a', array(1, null)) as nested, X'FF' as bytes, 1 as `dotted.name`, "
        "2 as twice, 3 as twice, cast(null as int) as nothing"
    )
    vectors = spark.createDataFrame([(Vectors.dense([1.0, 2.0]),)], ["vector"])
    frame = frame.crossJoin(vectors)
    found = sentences(frame)
    assert found.columns == [*frame.columns, "document", "sentence"]
    assert [field.dataType for field in found.schema][:-2] == [field.dataType for field in frame.schema]
    assert tuple(found.first())[:-2] == tuple(frame.first())  # type: ignore[arg-type]


def test_an_output_column_takes_the_place_of_one_of_its_name(spark: SparkSession) -> None:
    frame = documents(frame_of(spark, "One is. Two is.")).withColumn("last", sql.lit(1))
    found = SentenceDetector().setInputCols("document").setOutputCol("document").transform(frame)
    assert found.columns == ["text", "document", "last"]
    assert spans(found, "document") == [[(0, 6, "One is."), (8, 14, "Two is.")]]


def test_no_rows_give_no_rows(spark: SparkSession) -> None:
    assert sentences(frame_of(spark).limit(0)).collect() == []


def refusals() -> list[tuple[str, Any]]:
    return [
        ("DocumentAssembler has no input column", lambda frame: DocumentAssembler().transform(frame)),
        ("no column 'txt' in the data", lambda frame: DocumentAssembler().setInputCol("txt").transform(frame)),
        ("'n' is int, expected string", lambda frame: DocumentAssembler().setInputCol("n").transform(frame)),
        ("cleanupMode is 'tidy', expected one of disabled", lambda _: DocumentAssembler().setCleanupMode("tidy")),
        ("SentenceDetector has no input column", lambda frame: SentenceDetector().transform(frame)),
        ("SentenceDetector reads one column", lambda _: SentenceDetector().setInputCols("a", "b")),
        (
            "the column 'text' holds string, expected document annotations",
            lambda frame: SentenceDetector().setInputCols("text").transform(frame),
        ),
        (
            "custom_bounds_only needs custom_bounds",
            lambda frame: sentences(frame, SentenceDetector().setUseCustomBoundsOnly(True)),
        ),
    ]


@pytest.mark.parametrize(("reason", "use"), refusals(), ids=[reason for reason, _ in refusals()])
def test_what_cannot_be_is_refused_on_the_driver(reason: str, use: Any, spark: SparkSession) -> None:
    with pytest.raises(ValueError, match=reason):
        use(spark.createDataFrame([("x", 1)], "text string, n int"))


def test_the_stages_are_saved_and_loaded_with_their_params(spark: SparkSession, tmp_path: Any) -> None:
    stages: list[Any] = [
        DocumentAssembler().setInputCol("text").setCleanupMode("shrink"),
        SentenceDetector().setInputCols("document").setCustomBounds(["x"]).setMaxLength(7),
        BertSentenceEmbeddings().setInputCols("sentence").setBatchSize(32),
    ]
    Pipeline(stages=stages).save(str(tmp_path / "pipeline"))
    loaded = Pipeline.load(str(tmp_path / "pipeline")).getStages()
    for stage, copy in zip(stages, loaded, strict=True):
        assert type(stage) is type(copy)
        assert {p.name: v for p, v in stage.extractParamMap().items()} == {
            p.name: v for p, v in copy.extractParamMap().items()
        }
