"""DocumentAssembler: Spark NLP's clean-up modes and params, and the same documents without Spark."""

import random
from functools import reduce
from itertools import product
from time import process_time
from typing import Any

import pytest
from pyspark.ml import Pipeline
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx.spark import DocumentAssembler
from biobert_onnx.spark.annotations import Annotation
from biobert_onnx.spark.document_assembler import CLEANUP_MODES, document

CLEANED = {
    "disabled": [("  a \\n\tb ", "  a \\n\tb "), ("", "")],
    "inplace": [
        ("  a  b\tc\n\nd  ", "  a  b c  d  "),
        ("a\r\nb", "a  b"),
        ("\x0b\x0ca", "  a"),
        ("\xa0nb\u2003sp ", "\xa0nb\u2003sp "),
        ("a\\n\\nb", "a\\n\\nb"),
    ],
    "inplace_full": [
        ("x\\ny\\tz\\r\\nw", "x y z w"),
        (" \\n \\t x", "     x"),
        ("a \n b\n\tc", "a   b  c"),
        ("a\\n\\nb", "a  b"),
    ],
    "shrink": [
        ("  a  b\tc\n\nd  ", "a b c d"),
        ("\t\n", ""),
        ("\xa0nb\u2003sp ", "\xa0nb\u2003sp"),
        (" \\n \\t x", "\\n \\t x"),
    ],
    "shrink_full": [
        ("a\r\nb\r\n\r\nc", "a b c"),
        ("x\\ny\\tz\\r\\nw", "x y z w"),
        (" \\n \\t x", "    x"),
        ("a\\n\\nb", "a b"),
        ("a \\nb", "a  b"),
        ("a\\r\\nb \\r\\nc", "a b  c"),
        ("\\n", " "),
    ],
    "each": [
        ("\t\n", " "),
        ("  a  b\tc\n\nd  ", "  a  b\tc d  "),
        ("a \n b\n\tc", "a  b c"),
        ("a\nb\tc", "a\nb\tc"),
        ("\n\na\n\n", " a "),
        ("a\r\nb\r\n\r\nc", "a b  c"),
        (" \\n \\t x", " \\n \\t x"),
    ],
    "each_full": [
        ("x\\ny\\tz\\r\\nw", "x\\ny\\tz\\r\\nw"),
        (" \\n \\t x", "   x"),
        ("a \\nb", "a b"),
        ("a\\r\\nb \\r\\nc", "a\\r\\nb c"),
        ("a \n b\n\tc", "a  b c"),
    ],
    "delete_full": [
        ("  a  b\tc\n\nd  ", "a  b\tc\n\nd"),
        ("x\\ny\\tz\\r\\nw", "xyzw"),
        (" \\n \\t x", "  x"),
        ("a\\r\\nb \\r\\nc", "ab c"),
        ("\\n", ""),
    ],
}
"""Texts, and what Spark NLP 5.5.3 made of them."""

PARTS = [
    *("a", "😀", " ", "\n", "\t", "\r", "\x0b", "\x0c", "\0", "\x1f", "\x7f", "\x85", "\xa0", "\u2028", "\u3000"),
    *("\\", "r", "n", "\\n", "\\r", "\\t"),
]
"""Letters, each kind of white space and control character, and what written-out ones consist of."""


def frame_of(spark: SparkSession, *texts: str | None) -> DataFrame:
    return spark.createDataFrame([(text,) for text in texts], "text string")


def in_every_mode(frame: DataFrame) -> DataFrame:
    """Return `frame` with a column of documents for each mode, under its name."""
    stages = [DocumentAssembler().setInputCol("text").setOutputCol(mode).setCleanupMode(mode) for mode in CLEANUP_MODES]
    return reduce(lambda done, stage: stage.transform(done), stages, frame)


def read(annotation: Any) -> Annotation:
    return Annotation(
        begin=annotation.begin, end=annotation.end, result=annotation.result, metadata=annotation.metadata
    )


@pytest.mark.parametrize("mode", CLEANUP_MODES)
def test_a_mode_gives_what_spark_nlp_gives(mode: str, spark: SparkSession) -> None:
    texts, cleaned = zip(*CLEANED[mode], strict=True)
    frame = DocumentAssembler().setInputCol("text").setCleanupMode(mode).transform(frame_of(spark, *texts))
    found = [(item.result, item.begin, item.end) for row in frame.collect() for item in row["document"]]
    assert found == [(text, 0, len(text) - 1) for text in cleaned]


def test_documents_are_the_same_without_spark(spark: SparkSession) -> None:
    chosen = random.Random(7)
    texts = ["".join(parts) for length in range(4) for parts in product(PARTS, repeat=length)]
    texts += ["".join(chosen.choices(PARTS, k=chosen.randint(4, 30))) for _ in range(1000)]
    rows = in_every_mode(frame_of(spark, *texts)).collect()
    assert [row["text"] for row in rows] == texts
    for mode in CLEANUP_MODES:
        light = DocumentAssembler().setCleanupMode(mode).light_documents(texts)
        assert light.rows == [[read(item) for item in row[mode]] for row in rows]
        assert light.vectors.shape == (len(texts), 0)


def test_a_null_text_is_the_same_without_spark(spark: SparkSession) -> None:
    (row,) = DocumentAssembler().setInputCol("text").transform(frame_of(spark, None)).collect()
    assert [read(item) for item in row["document"]] == [document(None, "disabled")]


def test_long_runs_are_cleaned_in_linear_time(spark: SparkSession) -> None:
    texts = [f"a{part * 100_000}b" for part in (" ", "\n", "\\r", "\\n", "\\t", "\\r\\n", " \\n")]
    rows = in_every_mode(frame_of(spark, *texts)).collect()
    start = process_time()
    light = {mode: [document(text, mode) for text in texts] for mode in CLEANUP_MODES}
    assert process_time() - start < 10, "one run takes 20 s or more where the search is quadratic"
    assert light == {mode: [read(row[mode][0]) for row in rows] for mode in CLEANUP_MODES}


@pytest.mark.parametrize("kind", ["string", "array<string>"])
def test_the_column_is_nullable_as_in_spark_nlp(kind: str, spark: SparkSession) -> None:
    frame = DocumentAssembler().setInputCol("text").transform(spark.createDataFrame([], f"text {kind}"))
    assert frame.schema["document"].nullable


def test_every_param_has_a_setter_and_a_getter(spark: SparkSession) -> None:
    stage = DocumentAssembler().setInputCol("text")
    defaults = [stage.getOutputCol(), stage.getIdCol(), stage.getMetadataCol(), stage.getCleanupMode()]
    assert [*defaults, stage.getLazyAnnotator()] == ["document", None, None, "disabled", False]
    stage.setOutputCol("out").setIdCol("id").setMetadataCol("meta").setCleanupMode(" Shrink ").setLazyAnnotator(True)
    names = ["InputCol", "OutputCol", "IdCol", "MetadataCol", "CleanupMode", "LazyAnnotator"]
    assert [getattr(stage, f"get{name}")() for name in names] == ["text", "out", "id", "meta", "shrink", True]


def test_a_misspelt_setter_names_the_one_that_is_like_it(spark: SparkSession) -> None:
    with pytest.raises(AttributeError, match=r"DocumentAssembler has no setInptCol: is it .*\bsetInputCol\b"):
        DocumentAssembler().setInptCol("text")


def test_a_saved_stage_keeps_every_param(spark: SparkSession, tmp_path: Any) -> None:
    stage = DocumentAssembler().setInputCol("text").setOutputCol("out").setIdCol("id").setMetadataCol("meta")
    stage.setCleanupMode("each_full").setLazyAnnotator(True)
    Pipeline(stages=[stage]).save(str(tmp_path / "pipeline"))
    (loaded,) = Pipeline.load(str(tmp_path / "pipeline")).getStages()
    assert {param.name: value for param, value in loaded.extractParamMap().items()} == {
        param.name: value for param, value in stage.extractParamMap().items()
    }


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"inputCol": "txt"}, "no column 'txt' in the data, which has text, n, extra: call setInputCol"),
        ({"inputCol": "n"}, "'n' is int, expected string or array<string>: cast it, or call setInputCol"),
        ({"idCol": "key"}, "no column 'key' in the data, which has text, n, extra: call setIdCol"),
        ({"idCol": "extra"}, "'extra' is map<string,int>, expected string, or a number or date: cast it"),
        ({"metadataCol": "more"}, "no column 'more' in the data, which has text, n, extra: call setMetadataCol"),
        ({"metadataCol": "text"}, "'text' is string, expected map<string,string>: cast it, or call setMetadataCol"),
        ({"metadataCol": "extra"}, "'extra' is map<string,int>, expected map<string,string>: cast it"),
        ({"cleanupMode": "tidy"}, "cleanupMode is 'tidy', expected one of disabled, inplace"),
        ({"cleanupMode": None}, "cleanupMode is None, expected one of disabled, inplace"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_a_job_starts(params: Any, reason: str, spark: SparkSession) -> None:
    frame = spark.createDataFrame([], "text string, n int, extra map<string,int>")
    with pytest.raises(ValueError, match=reason):
        stage = DocumentAssembler().setInputCol("text")
        for name, value in params.items():
            getattr(stage, "set" + name[0].upper() + name[1:])(value)
        stage.transform(frame)


def test_a_mode_that_does_not_exist_is_refused_however_it_is_set(spark: SparkSession) -> None:
    stage = DocumentAssembler().setInputCol("text")
    with pytest.raises(ValueError, match="cleanupMode is 'tidy'"):
        stage.transform(frame_of(spark, "a"), {stage.cleanupMode: "tidy"})
