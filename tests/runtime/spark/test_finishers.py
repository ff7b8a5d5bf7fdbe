"""EmbeddingsFinisher and Finisher: plain values of annotations, as Spark NLP gives them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel, Transformer
from pyspark.ml.linalg import DenseVector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from biobert_onnx import SentenceEncoder
from biobert_onnx.catalog.names import DEFAULT as MODEL
from biobert_onnx.spark import (
    BertEmbeddings,
    BertSentenceEmbeddings,
    DocumentAssembler,
    EmbeddingsFinisher,
    Finisher,
    SentenceDetector,
    SentenceEmbeddings,
    Tokenizer,
)

TEXTS = ["One cell grew. Two died!", "", None, "a -> b, @ # c."]
SENTENCES = [["One cell grew.", "Two died!"], [], [], ["a -> b, @ # c."]]
ANNOTATIONS = ["document", "sentence", "token", "words", "vectors"]


@pytest.fixture(scope="module")
def frame(spark: SparkSession, models: Path) -> DataFrame:
    """Every kind of annotations beside two plain columns."""
    rows = spark.createDataFrame([*enumerate(TEXTS)], "n int, text string").repartition(2)
    stages: list[Any] = [
        DocumentAssembler().setInputCol("text").setOutputCol("document"),
        SentenceDetector().setInputCols("document").setOutputCol("sentence"),
        Tokenizer().setInputCols("sentence").setOutputCol("token"),
        BertEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("sentence", "token").setOutputCol("words"),
        BertSentenceEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("sentence").setOutputCol("vectors"),
    ]
    return Pipeline(stages=stages).fit(rows).transform(rows).cache()


def column(frame: DataFrame, name: str) -> list[Any]:
    return [row[name] for row in frame.orderBy("n").select(name).collect()]


def test_vectors_are_arrays_of_the_encoders_numbers(frame: DataFrame, encoder: SentenceEncoder) -> None:
    found = EmbeddingsFinisher().setInputCols("vectors").transform(frame)
    assert found.columns == [*frame.columns, "finished_vectors"]
    assert found.schema["finished_vectors"].dataType.simpleString() == "array<array<float>>"
    assert column(found, "finished_vectors") == [encoder.encode(row).tolist() for row in SENTENCES]


def test_vectors_of_spark_ml_hold_the_same_numbers_as_float64(frame: DataFrame, encoder: SentenceEncoder) -> None:
    stage = EmbeddingsFinisher().setInputCols(["vectors"]).setOutputCols(["features"]).setOutputAsVector(True)
    rows = column(stage.transform(frame), "features")
    assert all(isinstance(vector, DenseVector) for row in rows for vector in row)
    expected = [encoder.encode(row).astype(np.float64).tolist() for row in SENTENCES]
    assert [[vector.toArray().tolist() for vector in row] for row in rows] == expected


def test_a_sentence_without_words_has_an_empty_vector(frame: DataFrame, encoder: SentenceEncoder) -> None:
    averages = SentenceEmbeddings().setInputCols("sentence", "words")
    without = frame.withColumn("words", sql.filter("words", lambda item: item["metadata"]["sentence"] != "1"))
    pooled = averages.setOutputCol("averages").transform(without.withMetadata("words", frame.schema["words"].metadata))
    for as_vector in (False, True):
        stage = EmbeddingsFinisher().setInputCols("averages").setOutputAsVector(as_vector)
        first = column(stage.transform(pooled), "finished_averages")[0]
        assert [len(vector) for vector in first] == [encoder.token_dim, 0]


def test_clean_annotations_drops_every_column_of_annotations(frame: DataFrame) -> None:
    stage = (
        EmbeddingsFinisher().setInputCols("words", "vectors").setOutputCols("w", "vectors").setCleanAnnotations(True)
    )
    assert stage.transform(frame).columns == ["n", "text", "vectors", "w"]
    assert Finisher().setInputCols("token").transform(frame).columns == ["n", "text", "finished_token"]
    kept = Finisher().setInputCols("token").setCleanAnnotations(False).transform(frame)
    assert kept.columns == [*frame.columns, "finished_token"]


def test_results_are_an_array_or_one_string(frame: DataFrame) -> None:
    finisher = Finisher().setInputCols("sentence", "vectors")
    found = finisher.transform(frame)
    assert column(found, "finished_sentence") == column(found, "finished_vectors") == SENTENCES
    joined = finisher.setOutputAsArray(False).transform(frame)
    assert column(joined, "finished_sentence") == ["One cell grew.@Two died!", "", "", "a -> b, @ # c."]
    parted = finisher.setAnnotationSplitSymbol(" | ").transform(frame)
    assert column(parted, "finished_sentence")[0] == "One cell grew. | Two died!"


def test_metadata_stands_beside_an_array_and_inside_a_string(frame: DataFrame) -> None:
    finisher = Finisher().setInputCols("sentence", "vectors").setOutputCols("s", "v").setIncludeMetadata(True)
    found = finisher.transform(frame)
    assert found.columns == ["n", "text", "s", "s_metadata", "v", "v_metadata"]
    assert found.schema["s_metadata"].dataType.simpleString() == "array<struct<_1:string,_2:string>>"
    assert [[tuple(pair) for pair in row] for row in column(found, "s_metadata")] == [
        [("sentence", "0"), ("sentence", "1")],
        [],
        [],
        [("sentence", "0")],
    ]
    joined = finisher.setOutputAsArray(False).transform(frame)
    assert joined.columns == ["n", "text", "s", "v"]
    assert column(joined, "s") == [
        "sentence->0#result->One cell grew.@sentence->1#result->Two died!",
        "",
        "",
        "sentence->0#result->a->b, @ # c.",
    ]
    last = "sentence->0#token->a->b, @ # c.#pieceId->-1#isWordStart->true#result->a->b, @ # c."
    assert column(joined, "v")[3] == last
    with_bars = "sentence->0|token->a->b, @ # c.|pieceId->-1|isWordStart->true|result->a->b, @ # c."
    assert column(finisher.setValueSplitSymbol("|").transform(frame), "v")[3] == with_bars


def test_numbers_of_vectors_stand_in_place_of_results(frame: DataFrame, encoder: SentenceEncoder) -> None:
    finisher = Finisher().setInputCols("vectors", "sentence").setParseEmbeddingsVectors(True)
    expected = [encoder.encode(row) for row in SENTENCES]
    found = finisher.transform(frame)
    assert column(found, "finished_sentence") == SENTENCES
    assert [[numbers(text, " ") for text in row] for row in column(found, "finished_vectors")] == [
        vectors.tolist() for vectors in expected
    ]
    joined = column(finisher.setOutputAsArray(False).transform(frame), "finished_vectors")
    assert [[numbers(text, "#") for text in row.split("@") if text] for row in joined] == [
        vectors.tolist() for vectors in expected
    ]
    detail = column(finisher.setIncludeMetadata(True).setValueSplitSymbol(" ").transform(frame), "finished_vectors")[3]
    assert numbers(detail.rpartition("embeddings->")[2], " ") == expected[3][0].tolist()


def numbers(text: str, separator: str) -> list[float]:
    return [float(number) for number in np.array(text.split(separator), dtype=np.float32)]


def test_null_rows_and_annotations_without_metadata(spark: SparkSession) -> None:
    frame = spark.sql(
        "select * from values (1, null), (2, array(named_struct('annotatorType', 'token', 'begin', 0, 'end', 0, "
        "'result', 'a', 'metadata', cast(null as map<string,string>), 'embeddings', cast(array() as array<float>)))) "
        "as t(n, token)"
    )
    array = Finisher().setInputCols("token").setIncludeMetadata(True)
    assert column(array.transform(frame), "finished_token") == [None, ["a"]]
    assert column(array.transform(frame), "finished_token_metadata") == [None, []]
    assert column(array.setOutputAsArray(False).transform(frame), "finished_token") == [None, "result->a"]


def test_names_with_dots_and_columns_that_are_replaced(frame: DataFrame) -> None:
    dotted = frame.withColumnRenamed("token", "to.ken").withColumnRenamed("vectors", "vec.tors")
    found = Finisher().setInputCols("to.ken").setOutputCols("text").setCleanAnnotations(False).transform(dotted)
    assert found.columns == dotted.columns and column(found, "text")[0][:2] == ["One", "cell"]
    vectors = EmbeddingsFinisher().setInputCols("vec.tors").setOutputAsVector(True).transform(dotted)
    assert len(vectors.where("n = 0").first()["finished_vec.tors"]) == 2  # type: ignore[index]


def test_a_column_of_another_type_is_refused_before_any_job(frame: DataFrame) -> None:
    with pytest.raises(
        ValueError, match="the column 'token' holds token annotations, expected sentence_embeddings or "
    ):
        EmbeddingsFinisher().setInputCols("token").transform(frame)
    for stage in (EmbeddingsFinisher(), Finisher()):
        with pytest.raises(ValueError, match=r"the column 'text' holds string, expected .*annotations: put "):
            stage.setInputCols("text").transform(frame)
        with pytest.raises(ValueError, match="no column 'nothing' in the data, which has n, text"):
            stage.setInputCols("nothing").transform(frame)


def test_columns_that_do_not_fit_are_refused(frame: DataFrame) -> None:
    for stage in (EmbeddingsFinisher(), Finisher()):
        name = type(stage).__name__
        with pytest.raises(ValueError, match=f"{name} has no input column: call setInputCols"):
            stage.transform(frame)
        with pytest.raises(ValueError, match=f"{name} reads one column of annotations or more, got none"):
            stage.setInputCols([])
        stage.setInputCols("vectors", "words").setOutputCols("one")
        with pytest.raises(
            ValueError, match=rf"{name} has 2 input columns \(vectors, words\), but 1 output columns \(one"
        ):
            stage.transform(frame)


def test_getters_and_help_with_typing_errors() -> None:
    finisher = EmbeddingsFinisher().setInputCols("a", "b")
    assert finisher.getOutputCols() == ["finished_a", "finished_b"]
    assert finisher.setOutputCols("x", "y").getOutputCols() == ["x", "y"]
    assert (finisher.getCleanAnnotations(), finisher.getOutputAsVector(), finisher.getLazyAnnotator()) == (False,) * 3
    with pytest.raises(AttributeError, match="EmbeddingsFinisher has no setOutputAsVectors: is it setOutputAsVector"):
        finisher.setOutputAsVectors(True)
    strings = Finisher().setInputCols("a")
    assert (strings.getCleanAnnotations(), strings.getOutputAsArray()) == (True, True)
    assert (strings.getIncludeMetadata(), strings.getParseEmbeddingsVectors()) == (False, False)
    assert (strings.getValueSplitSymbol(), strings.getAnnotationSplitSymbol()) == ("#", "@")


def test_saved_finishers_load_with_their_params(frame: DataFrame, tmp_path: Path) -> None:
    stages: list[Transformer] = [
        EmbeddingsFinisher().setInputCols("vectors").setOutputCols("numbers").setOutputAsVector(True),
        Finisher().setInputCols("token").setAnnotationSplitSymbol(" ").setOutputAsArray(False),
    ]
    PipelineModel(stages).save(str(tmp_path / "finishers"))
    loaded = PipelineModel.load(str(tmp_path / "finishers")).transform(frame)
    assert loaded.columns == ["n", "text", "numbers", "finished_token"]
    assert column(loaded, "finished_token")[0] == "One cell grew . Two died !"
