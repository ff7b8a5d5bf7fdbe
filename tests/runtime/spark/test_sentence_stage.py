"""SentenceDetector and BiomedicalSentenceDetector: their params reach the rules of each, here in this process."""

from typing import Any

import pytest
from pyspark.ml import Pipeline
from pyspark.sql import SparkSession

from biobert_onnx.spark import BiomedicalSentenceDetector, DocumentAssembler, SentenceDetector
from biobert_onnx.spark.annotations import Annotation, Annotations
from biobert_onnx.spark.sentence_stage import OPTIONS, SentenceStage

TEXT = "Dr. Lee read J. Biol. Chem. too\n1. fever | aa bb"

STAGES = (SentenceDetector, BiomedicalSentenceDetector)

DEFAULTS: dict[str, Any] = {
    "useAbbreviations": True,
    "detectLists": True,
    "customBounds": [],
    "useCustomBoundsOnly": False,
    "customBoundsStrategy": "none",
    "explodeSentences": False,
    "splitLength": None,
    "minLength": 0,
    "maxLength": 99_999,
    "lazyAnnotator": False,
}


def sentences(stage: SentenceStage, *documents: str) -> list[tuple[int, int, str]]:
    row = [Annotation(begin=0, end=len(text) - 1, result=text, metadata={}) for text in documents]
    found = stage.annotator()(Annotations.without_vectors([row]))
    assert [annotation.metadata for annotation in found.flat] == [{"sentence": str(n)} for n in range(len(found.flat))]
    return [(annotation.begin, annotation.end, annotation.result) for annotation in found.flat]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["Dr. Lee read J. Biol.", "Chem.", "too", "1. fever | aa bb"]),
        ({"UseAbbreviations": False}, ["Dr.", "Lee read J. Biol.", "Chem.", "too", "1. fever | aa bb"]),
        ({"DetectLists": False}, ["Dr. Lee read J. Biol.", "Chem.", "too\n1.", "fever | aa bb"]),
        ({"CustomBounds": [r"\|"]}, ["Dr. Lee read J. Biol.", "Chem.", "too", "1. fever", "aa bb"]),
        (
            {"CustomBounds": [r"\|"], "UseCustomBoundsOnly": True, "CustomBoundsStrategy": "append"},
            ["Dr. Lee read J. Biol. Chem. too\n1. fever |", "aa bb"],
        ),
        ({"SplitLength": 8}, ["Dr. Lee", "read J.", "Biol.", "Chem.", "too", "1. fever", "| aa bb"]),
        ({"MinLength": 4, "MaxLength": 8}, ["Chem."]),
    ],
)
def test_the_params_of_the_sentence_detector_reach_spark_nlps_rules(params: dict[str, Any], found: list[str]) -> None:
    assert [result for _, _, result in sentences(with_params(SentenceDetector(), params), TEXT)] == found


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["Dr. Lee read J. Biol. Chem. too", "1. fever | aa bb"]),
        ({"UseAbbreviations": False}, ["Dr.", "Lee read J. Biol.", "Chem.", "too", "1. fever | aa bb"]),
        ({"DetectLists": False}, ["Dr. Lee read J. Biol. Chem. too\n1. fever | aa bb"]),
        (
            {"CustomBounds": [r"\|"], "CustomBoundsStrategy": "prepend"},
            ["Dr. Lee read J. Biol. Chem. too", "1. fever", "| aa bb"],
        ),
        ({"SplitLength": 22}, ["Dr. Lee read J. Biol.", "Chem. too", "1. fever | aa bb"]),
        ({"MaxLength": 16}, ["1. fever | aa bb"]),
    ],
)
def test_the_params_of_the_biomedical_detector_reach_its_rules(params: dict[str, Any], found: list[str]) -> None:
    assert [result for _, _, result in sentences(with_params(BiomedicalSentenceDetector(), params), TEXT)] == found


def with_params(stage: Any, params: dict[str, Any]) -> Any:
    for name, value in params.items():
        getattr(stage, f"set{name}")(value)
    return stage


def test_sentences_are_numbered_through_the_documents_of_a_row_and_placed_in_their_own() -> None:
    found = sentences(SentenceDetector(), "😀 a. b.", "", "c.")
    assert found == [(0, 4, "😀 a."), (6, 7, "b."), (0, 1, "c.")]


@pytest.mark.parametrize("kind", STAGES)
def test_every_param_has_spark_nlps_default_and_a_getter(kind: type[SentenceStage]) -> None:
    stage = kind()
    assert {name: getattr(stage, f"get{name[0].upper()}{name[1:]}")() for name in DEFAULTS} == DEFAULTS
    assert {param.name for param in stage.params} == {*DEFAULTS, "inputCols", "outputCol"}
    assert set(OPTIONS) <= set(DEFAULTS)


@pytest.mark.parametrize("kind", STAGES)
@pytest.mark.parametrize(
    ("setter", "value", "reason"),
    [
        ("setCustomBounds", ["x", "("], r"customBounds is '\(', expected a regular expression of Java"),
        ("setCustomBounds", [r"\p{IsGreek}"], r"the property .* is not taken"),
        ("setCustomBounds", ["x*"], r"the custom bound 'x\*' matches the empty text"),
        (
            "setCustomBoundsStrategy",
            "before",
            "customBoundsStrategy is 'before', expected one of none, prepend, append",
        ),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_set(kind: Any, setter: str, value: Any, reason: str) -> None:
    stage = kind()
    with pytest.raises(ValueError, match=reason):
        getattr(stage, setter)(value)
    assert not any(stage.isSet(param) for param in stage.params)


def test_both_detectors_stand_in_one_pipeline_that_is_saved_and_loaded(spark: SparkSession, tmp_path: Any) -> None:
    stages: list[Any] = [
        DocumentAssembler().setInputCol("text"),
        SentenceDetector().setInputCols("document").setCustomBounds([r"\|"]).setCustomBoundsStrategy("append"),
        BiomedicalSentenceDetector().setInputCols("document").setOutputCol("biomedical").setSplitLength(22),
    ]
    Pipeline(stages=stages).save(str(tmp_path / "pipeline"))
    frame = spark.createDataFrame([(TEXT,)], "text string")
    row = Pipeline.load(str(tmp_path / "pipeline")).fit(frame).transform(frame).first()
    assert row is not None
    for stage in stages[1:]:
        column = stage.getOutputCol()
        assert [(item.begin, item.end, item.result) for item in row[column]] == sentences(stage, TEXT)


@pytest.mark.parametrize("kind", STAGES)
def test_custom_bounds_have_javas_spelling(kind: Any) -> None:
    stage = kind().setCustomBounds([r"\R", r"\p{Lu}\Q)\E"]).setUseCustomBoundsOnly(True)
    documents = Annotations.without_vectors([[Annotation(begin=0, end=7, result="a\nb Ä) c", metadata={})]])
    assert [sentence.result for sentence in stage.annotator()(documents).flat] == ["a", "b", "c"]
