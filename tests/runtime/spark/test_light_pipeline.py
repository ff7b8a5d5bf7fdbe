"""LightPipeline: what it gives for strings is what `transform` gives for a column of them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.sql import SparkSession

from biobert_onnx import SentenceEncoder
from biobert_onnx.catalog.names import DEFAULT as MODEL
from biobert_onnx.errors import TruncationWarning
from biobert_onnx.spark import (
    BertEmbeddings,
    BertSentenceEmbeddings,
    BiomedicalSentenceDetector,
    DocumentAssembler,
    EmbeddingsFinisher,
    Finisher,
    LightAnnotation,
    LightPipeline,
    SentenceDetector,
    SentenceEmbeddings,
    Tokenizer,
)
from biobert_onnx.spark.light_pipeline import TEXTS_PER_BATCH, java_float

TEXTS = [
    "I hate cancer. Antibiotics aren't painkillers!",
    "",
    "  \n",
    "😀 TNF-α/IL-2 rose; [CLS] is text.\n\n\tNew   line",
    "...",
    "word " * 300,
]


@pytest.fixture(scope="module")
def stages(models: Path) -> list[Any]:
    """Every stage that makes annotations."""
    return [
        DocumentAssembler().setInputCol("text").setOutputCol("document").setCleanupMode("shrink"),
        SentenceDetector().setInputCols("document").setOutputCol("sentence"),
        BiomedicalSentenceDetector().setInputCols("document").setOutputCol("biomedical"),
        Tokenizer().setInputCols("sentence").setOutputCol("token"),
        BertEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("sentence", "token").setOutputCol("words"),
        SentenceEmbeddings().setInputCols("sentence", "words").setOutputCol("averages"),
        BertSentenceEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("sentence").setOutputCol("vectors"),
        BertSentenceEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("document").setOutputCol("whole"),
    ]


@pytest.fixture(scope="module")
def model(spark: SparkSession, stages: list[Any]) -> PipelineModel:
    return Pipeline(stages=stages).fit(spark.createDataFrame([("",)], "text string"))


def test_annotations_are_those_of_transform(model: PipelineModel, spark: SparkSession) -> None:
    frame = spark.createDataFrame([*enumerate([*TEXTS, None])], "n int, text string").coalesce(1)
    columns = ["document", "sentence", "biomedical", "token", "words", "averages", "vectors", "whole"]
    rows = sorted(model.transform(frame).select("n", *columns).collect(), key=lambda row: row["n"])
    with pytest.warns(TruncationWarning, match="texts have more tokens than max_length"):
        found = LightPipeline(model, parse_embeddings=True).fullAnnotate([*TEXTS, None])
    assert [list(row) for row in found] == [columns] * len(rows)
    for of_text, row in zip(found, rows, strict=True):
        for column in columns:
            light = [tuple(vars(annotation).values()) for annotation in of_text[column]]
            assert light == [tuple(annotation) for annotation in row[column]], column
    assert LightPipeline(model).fullAnnotate("x")[0]["vectors"][0].embeddings == []


def test_strings_are_results_or_the_numbers_of_vectors(model: PipelineModel, encoder: SentenceEncoder) -> None:
    light = LightPipeline(model)
    found = light.annotate(TEXTS[0])
    assert isinstance(found, dict)
    sentences = ["I hate cancer.", "Antibiotics aren't painkillers!"]
    assert found["vectors"] == found["sentence"] == sentences
    assert found["words"] == found["token"] == ["I", "hate", "cancer", ".", "Antibiotics", "aren't", "painkillers", "!"]
    assert light.annotate([TEXTS[0], TEXTS[0]]) == [found, found]
    empty = light.annotate("")
    assert empty == {name: [] for name in found} | {"document": [""], "whole": [""]}
    parsed = LightPipeline(model, parse_embeddings=True).annotate(TEXTS[0])
    assert isinstance(parsed, dict) and parsed["sentence"] == sentences
    vectors = [np.array(numbers.split(" "), dtype=np.float32) for numbers in parsed["vectors"]]
    assert np.array_equal(vectors, encoder.encode(sentences))


def test_numbers_are_written_as_sparks_finisher_writes_them(spark: SparkSession) -> None:
    generator = np.random.default_rng(5)
    numbers = (generator.standard_normal(3000) * 10.0 ** generator.integers(-12, 12, 3000)).astype(np.float32)
    numbers = np.concatenate([numbers, np.array([0, -0.0, 1e-3, 1e7, 9999999, 9.9999e-4, 1], dtype=np.float32)])
    written = spark.createDataFrame([(numbers.tolist(),)], "numbers array<float>").selectExpr(
        "cast(numbers as array<string>)"
    )
    of_spark = written.first()[0]  # type: ignore[index]
    ours = [java_float(number) for number in numbers]
    assert np.array_equal(np.array(ours, dtype=np.float32), numbers)
    # Java before 19 writes a digit or two more than a number needs, one time in ten (JDK-4511638).
    longer = [(short, long) for short, long in zip(ours, of_spark, strict=True) if short != long]
    assert all(len(short) < len(long) and np.float32(short) == np.float32(long) for short, long in longer)
    assert len(longer) < len(numbers) / 5


def test_a_finisher_leaves_its_columns_alone(stages: list[Any], spark: SparkSession) -> None:
    finishers = [EmbeddingsFinisher().setInputCols("vectors"), Finisher().setInputCols("token", "vectors")]
    sql = SQLTransformer(statement="select * from __THIS__")
    model = PipelineModel([PipelineModel(fitted(stages, spark)), sql, *finishers])
    assert LightPipeline(model).annotate("A cell.") == {"token": ["A", "cell", "."], "vectors": ["A cell."]}


def fitted(stages: list[Any], spark: SparkSession) -> list[Any]:
    frame = spark.createDataFrame([("",)], "text string")
    return [stage.fit(frame) if isinstance(stage, Tokenizer) else stage for stage in stages]


def test_a_lazy_stage_is_left_out(models: Path) -> None:
    lazy = SentenceDetector().setInputCols("document").setOutputCol("sentence").setLazyAnnotator(True)
    document = DocumentAssembler().setInputCol("text").setOutputCol("document")
    assert LightPipeline(PipelineModel([document, lazy])).annotate("A b. C d.") == {"document": ["A b. C d."]}
    vectors = BertSentenceEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("sentence")
    with pytest.raises(
        ValueError, match=r"reads 'sentence', which no stage before it makes .* there are document: put"
    ):
        LightPipeline(PipelineModel([document, lazy, vectors]))


def test_a_long_list_gives_each_text_its_own(model: PipelineModel) -> None:
    texts = [f"Cell {number}." for number in range(2 * TEXTS_PER_BATCH + 1)]
    found = LightPipeline(model).annotate(texts)
    assert [row["sentence"] for row in found] == [[text] for text in texts]  # type: ignore[index]
    assert LightPipeline(model).annotate([]) == []
    assert LightPipeline(model).fullAnnotate([]) == []


def test_an_annotation_reads_as_spark_nlps(model: PipelineModel) -> None:
    annotation = LightPipeline(model).fullAnnotate("A cell.")[0]["token"][1]
    expected = LightAnnotation(
        annotatorType="token", begin=2, end=5, result="cell", metadata={"sentence": "0"}, embeddings=[]
    )
    assert annotation == expected and annotation.annotatorType == "token"


@pytest.mark.parametrize("target", [b"x", 3, None, {"text": "x"}, {"x"}, ["x", 3], [["x"]], [float("nan")]])
def test_other_targets_are_refused(target: Any, model: PipelineModel) -> None:
    for call in (LightPipeline(model).annotate, LightPipeline(model).fullAnnotate):
        with pytest.raises(TypeError, match=r"expected a (sequence of texts|text or None)"):
            call(target)


def test_what_is_no_fitted_pipeline_is_refused(stages: list[Any]) -> None:
    with pytest.raises(TypeError, match=r"takes a PipelineModel, got Pipeline: give what Pipeline.fit returns"):
        LightPipeline(Pipeline(stages=stages))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"reads 'document', which no stage before it makes .* there are no columns"):
        LightPipeline(PipelineModel([stages[1]]))


def test_spark_nlps_other_methods(model: PipelineModel, spark: SparkSession) -> None:
    light = LightPipeline(model)
    assert light.setIgnoreUnsupported(True) is light and light.getIgnoreUnsupported()
    frame = spark.createDataFrame([("A cell.",)], "text string")
    assert light.transform(frame).columns == model.transform(frame).columns


def test_it_runs_no_spark_job(artifact: Path) -> None:
    program = f"""
from pyspark.ml import PipelineModel
from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler, LightPipeline
from pyspark import SparkContext
document = DocumentAssembler().setInputCol("text").setOutputCol("document")
vectors = BertSentenceEmbeddings.load({str(artifact)!r}).setInputCols("document").setOutputCol("vectors")
print(LightPipeline(PipelineModel([document, vectors])).annotate("A cell."), SparkContext._active_spark_context)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout == "{'document': ['A cell.'], 'vectors': ['A cell.']} None\n"
