"""Params of Spark NLP's stages: getters, and names that do not exist."""

import copy
import pickle
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler, SentenceDetector


def test_every_param_has_a_getter_and_is_explained(spark: object) -> None:
    stage = BertSentenceEmbeddings().setBatchSize(4)
    assert (stage.getBatchSize(), stage.getDimension(), stage.getStorageRef()) == (4, 768, None)
    assert "getConfigProtoBytes" in dir(stage)
    explained = stage.explainParams()
    assert all(f"{param.name}: " in explained for param in stage.params)


def test_params_without_a_meaning_are_accepted(spark: object) -> None:
    stage = BertSentenceEmbeddings().setConfigProtoBytes([1]).setIsLong(True).setLazyAnnotator(True)
    assert (stage.getConfigProtoBytes(), stage.getIsLong(), stage.getLazyAnnotator()) == ([1], True, True)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("setMaxSentenceLenght", "setMaxSentenceLength"),
        ("setmaxSentenceLength", "setMaxSentenceLength"),
        ("getBatchsize", "getBatchSize"),
    ],
)
def test_a_misspelt_name_names_the_one_that_is_like_it(spark: object, name: str, near: str) -> None:
    with pytest.raises(AttributeError, match=rf"^BertSentenceEmbeddings has no {name}: is it .*\b{near}\b"):
        getattr(BertSentenceEmbeddings(), name)


def test_a_name_that_is_like_none_is_not_guessed(spark: object) -> None:
    with pytest.raises(AttributeError, match=r"^SentenceDetector has no setQqqq$"):
        SentenceDetector().setQqqq(1)


def test_a_stage_can_be_copied_and_pickled(spark: object) -> None:
    stage = SentenceDetector().setMinLength(3)
    assert [made.getMinLength() for made in (stage.copy(), copy.copy(stage), copy.deepcopy(stage))] == [3, 3, 3]
    assert pickle.loads(pickle.dumps(stage)).getMinLength() == 3


def test_a_value_of_another_type_is_named(spark: object, artifact: Path) -> None:
    assert BertSentenceEmbeddings().setArtifact(artifact).getArtifact() == str(artifact)
    with pytest.raises(TypeError, match="artifact is 5, expected a path, or the name of a shipped artifact"):
        BertSentenceEmbeddings().setArtifact(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="customBounds is None, expected a list of regular expressions, each a str"):
        SentenceDetector().setCustomBounds(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cleanupMode is None, expected one of"):
        DocumentAssembler().setCleanupMode(None)  # type: ignore[arg-type]


def test_names_of_columns_may_hold_backticks(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("It rose. It fell.",)], "`a``b` string")
    documents = DocumentAssembler().setInputCol("a`b").setOutputCol("d`.").transform(frame)
    detector = SentenceDetector().setInputCols("d`.").setOutputCol("s`").setExplodeSentences(True)
    assert detector.transform(documents).columns == ["a`b", "d`.", "s`"]
