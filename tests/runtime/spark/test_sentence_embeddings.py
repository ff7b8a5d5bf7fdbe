"""Vectors in Spark: the bits of SentenceEncoder.encode, Spark NLP's columns, and errors before any task starts."""

import shutil
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.errors import PythonException
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx import ArtifactError, EngineWarning, Manifest, SentenceEncoder, TruncationWarning
from biobert_onnx.catalog.names import DEFAULT as MODEL
from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler, SentenceDetector, embed_column, to_vector
from biobert_onnx.spark.worker import RemoteEncoder, read_manifest, remote_encoder
from tests.support.engines import NO_KERNELS, WITHOUT_KERNELS, each_engine, measured_on_kernels, needs_kernels
from tests.support.hub_cache import in_cache
from tests.support.packed_artifacts import packed
from tests.support.prompts import DEFAULT
from tests.support.texts import TEXTS

TWO = "I hate cancer. Antibiotics aren't painkiller."
SENTENCES = ["I hate cancer.", "Antibiotics aren't painkiller."]


@pytest.fixture
def stage(models: Path) -> BertSentenceEmbeddings:
    """A stage that reads documents."""
    return BertSentenceEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("document")


@pytest.fixture(scope="module")
def documents(spark: SparkSession) -> DataFrame:
    """Documents of null and of the tests' texts, in four partitions."""
    frame = spark.createDataFrame([(n, t) for n, t in enumerate([None, *TEXTS])], "n int, text string").repartition(4)
    return DocumentAssembler().setInputCol("text").transform(frame)


def bits(embeddings: Sequence[float]) -> bytes:
    return struct.pack(f"{len(embeddings)}f", *embeddings)


def vectors(frame: DataFrame, column: str) -> list[list[bytes]]:
    return [[bits(item.embeddings) for item in row[0]] for row in frame.orderBy("n").select(column).collect()]


def vectors_of(encoder: SentenceEncoder) -> list[list[bytes]]:
    """The bits of the vectors of `documents`: the empty document, which null makes, has one too."""
    return [[row.tobytes()] for row in encoder.encode(["", *TEXTS])]


def test_a_snapshot_in_the_hubs_cache_is_an_artifact(
    artifact: Path, documents: DataFrame, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    stage = BertSentenceEmbeddings.load(str(in_cache(artifact, tmp_path / "hub", "store"))).setInputCols("document")
    found = vectors(stage.transform(documents), "sentence_embeddings")
    assert found == vectors_of(encoder)


def test_each_sentence_is_annotated_as_spark_nlp_does(
    spark: SparkSession, stage: BertSentenceEmbeddings, encoder: SentenceEncoder
) -> None:
    frame = DocumentAssembler().setInputCol("text").transform(spark.createDataFrame([(TWO,)], ["text"]))
    frame = SentenceDetector().setInputCols("document").transform(frame)
    found = stage.setInputCols("sentence").transform(frame)
    assert found.schema["sentence_embeddings"].dataType == found.schema["document"].dataType
    assert found.schema["sentence_embeddings"].metadata == {
        "annotatorType": "sentence_embeddings",
        "dimension": encoder.dim,
        "ref": MODEL,
        "engine": encoder.engine,
    }
    annotations = found.first()["sentence_embeddings"]  # type: ignore[index]
    assert [tuple(item)[:-1] for item in annotations] == [
        (
            "sentence_embeddings",
            begin,
            end,
            text,
            {"sentence": str(number), "token": text, "pieceId": "-1", "isWordStart": "true"},
        )
        for number, (begin, end, text) in enumerate([(0, 13, SENTENCES[0]), (15, 44, SENTENCES[1])])
    ]
    assert b"".join(bits(item.embeddings) for item in annotations) == encoder.encode(SENTENCES).tobytes()


def test_documents_get_the_bits_of_the_encoder_and_null_ones_those_of_an_empty_text(
    documents: DataFrame, stage: BertSentenceEmbeddings, encoder: SentenceEncoder
) -> None:
    assert vectors(stage.transform(documents), "sentence_embeddings") == vectors_of(encoder)


def test_a_null_in_place_of_annotations_gives_an_empty_array(
    spark: SparkSession, documents: DataFrame, stage: BertSentenceEmbeddings
) -> None:
    frame = documents.selectExpr("n", "if(n = 1, document, null) as document")
    assert [len(row) for row in vectors(stage.transform(frame), "sentence_embeddings")] == [0, 1] + [0] * 11


def test_the_batch_size_changes_no_bit(documents: DataFrame, stage: BertSentenceEmbeddings) -> None:
    expected = vectors(stage.transform(documents), "sentence_embeddings")
    assert vectors(stage.setBatchSize(1).transform(documents), "sentence_embeddings") == expected


def test_the_maximum_sentence_length_cuts_as_max_length_does(
    spark: SparkSession, documents: DataFrame, stage: BertSentenceEmbeddings, artifact: Path
) -> None:
    found = vectors(stage.setMaxSentenceLength(8).transform(documents.where("n = 1")), "sentence_embeddings")
    with pytest.warns(TruncationWarning):
        cut = SentenceEncoder(artifact, max_length=8, threads=1).encode(TEXTS[:1])
    assert found == [[cut.tobytes()]]


def test_a_column_of_strings_is_embedded_as_it_is(
    documents: DataFrame, artifact: Path, encoder: SentenceEncoder
) -> None:
    found = embed_column(documents.select("n", "text"), artifact, "text", "vector")
    assert found.dtypes[-1] == ("vector", "array<float>")
    rows = [bits(row["vector"]) for row in found.orderBy("n").collect()]
    assert rows == [b"", *(row.tobytes() for row in encoder.encode(TEXTS))]


def test_vectors_go_into_spark_mls_models(documents: DataFrame, stage: BertSentenceEmbeddings) -> None:
    frame = to_vector(stage.transform(documents), "sentence_embeddings", "features").cache()
    assert frame.count() == 1 + len(TEXTS)
    clusters = KMeans(k=2, seed=1, maxIter=2).fit(frame).transform(frame).collect()
    groups: dict[str, set[int]] = {}
    for row in clusters:
        groups.setdefault(row["sentence_embeddings"].result, set()).add(row["prediction"])
    assert len(groups["Sepsis"]) == 1 and len(set.union(*groups.values())) == 2


def test_a_vector_of_spark_ml_holds_the_same_numbers_and_a_null_text_has_none(
    documents: DataFrame, artifact: Path
) -> None:
    frame = to_vector(embed_column(documents.where("n < 2"), artifact, "text", "vector"), "vector", "features")
    (row,) = frame.collect()
    assert row["n"] == 1 and np.array_equal(row["features"].toArray(), np.array(row["vector"]))


def test_a_pipeline_is_saved_and_loaded(
    documents: DataFrame, stage: BertSentenceEmbeddings, tmp_path: Path, models: Path
) -> None:
    PipelineModel([stage]).write().save(str(tmp_path / "pipeline"))
    loaded = PipelineModel.load(str(tmp_path / "pipeline"))
    expected = vectors(stage.transform(documents), "sentence_embeddings")
    assert vectors(loaded.transform(documents), "sentence_embeddings") == expected


def test_an_artifact_folder_can_be_loaded_like_a_saved_stage(artifact: Path, spark: SparkSession) -> None:
    assert BertSentenceEmbeddings.load(str(artifact)).getOrDefault("artifact") == str(artifact)
    assert BertSentenceEmbeddings.loadSavedModel(str(artifact), spark).getOrDefault("artifact") == str(artifact)


def test_a_missing_model_says_how_to_make_it(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=f"make it with 'biobert-onnx export {MODEL} {tmp_path}/{MODEL}'"):
        BertSentenceEmbeddings.pretrained(MODEL, "en", str(tmp_path))


def test_a_stage_saved_without_its_artifact_which_has_gone_is_one_error_on_the_driver_before_any_task_starts(
    spark: SparkSession, documents: DataFrame, artifact: Path, tmp_path: Path
) -> None:
    shutil.copytree(artifact, tmp_path / "gone")
    stage = BertSentenceEmbeddings.load(str(tmp_path / "gone")).setInputCols("document")
    stage.setSaveArtifact(False).save(str(tmp_path / "stage"))
    shutil.rmtree(tmp_path / "gone")
    loaded = BertSentenceEmbeddings.load(str(tmp_path / "stage"))
    context = spark.sparkContext
    context.setJobGroup("gone", "the artifact has gone")
    with pytest.raises(ArtifactError, match=f"no artifact folder at '{tmp_path}/gone'"):
        loaded.transform(documents)
    assert context.statusTracker().getJobIdsForGroup("gone") == []
    context.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]


def test_an_artifact_that_an_executor_does_not_have_fails_the_job_with_the_reason(
    documents: DataFrame, artifact: Path, tmp_path: Path
) -> None:
    shutil.copytree(artifact, tmp_path / "gone")
    frame = embed_column(documents, tmp_path / "gone", "text", "vector")
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(PythonException, match=r"in a Spark executor: no artifact folder at .* with\s+SparkContext"):
        frame.collect()


@each_engine
def test_the_engine_of_a_stage_is_saved_and_computes_its_vectors(
    documents: DataFrame, stage: BertSentenceEmbeddings, artifact: Path, tmp_path: Path, engine: str
) -> None:
    stage.setEngine(engine).save(str(tmp_path / "stage"))
    loaded = BertSentenceEmbeddings.load(str(tmp_path / "stage"))
    assert loaded.getEngine() == engine
    found = loaded.transform(documents)
    assert found.schema["sentence_embeddings"].metadata["engine"] == engine
    expected = vectors_of(SentenceEncoder(artifact, engine=engine, max_length=128))
    assert vectors(found, "sentence_embeddings") == expected


def test_an_engine_that_is_not_set_is_saved_as_none_and_chosen_by_the_driver(
    documents: DataFrame, stage: BertSentenceEmbeddings, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    stage.save(str(tmp_path / "stage"))
    loaded = BertSentenceEmbeddings.load(str(tmp_path / "stage"))
    assert loaded.getEngine() is None
    assert loaded.transform(documents).schema["sentence_embeddings"].metadata["engine"] == encoder.engine


@each_engine
def test_the_metadata_of_a_column_of_vectors_names_its_engine_in_parquet_too(
    spark: SparkSession, documents: DataFrame, artifact: Path, tmp_path: Path, engine: str
) -> None:
    frame = embed_column(documents.select("n", "text"), artifact, "text", "vector", engine=engine)
    frame.write.parquet(str(tmp_path / "vectors.parquet"))
    written = spark.read.parquet(str(tmp_path / "vectors.parquet"))
    assert written.schema["vector"].metadata == {"engine": engine}
    expected = SentenceEncoder(artifact, engine=engine).encode(TEXTS)
    assert [bits(row["vector"]) for row in written.orderBy("n").collect()] == [
        b"",
        *(row.tobytes() for row in expected),
    ]


@pytest.fixture
def workers_without_kernels(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python workers in whose environment no kernel runs, while the driver's is as it was."""
    for name, value in NO_KERNELS.items():
        monkeypatch.setitem(spark.sparkContext.environment, name, value)


@needs_kernels
def test_workers_that_cannot_run_a_packed_artifact_are_not_told_to_take_onnxruntime_for_it(
    workers_without_kernels: None, documents: DataFrame, artifact: Path, tmp_path: Path
) -> None:
    folder = packed(artifact, tmp_path / "packed")
    with pytest.raises(PythonException) as error:
        embed_column(documents, folder, "text", "vector").collect()
    message = " ".join(str(error.value).split())
    assert f"they cannot run '{folder}' here" in message
    assert "take the artifact that it was made from and set engine='onnxruntime'" in message


@needs_kernels
def test_workers_insist_on_the_drivers_engine(
    workers_without_kernels: None, documents: DataFrame, artifact: Path
) -> None:
    frame = embed_column(documents, artifact, "text", "vector")
    with pytest.raises(PythonException) as error:
        frame.collect()
    message = " ".join(str(error.value).split())
    assert f"in a Spark executor: the driver's engine is 'kernels', but they cannot run '{artifact}' here" in message
    assert f"because {WITHOUT_KERNELS}; set engine='onnxruntime', which every executor runs, or install" in message


def test_workers_without_kernels_run_onnxruntime_where_it_is_set(
    workers_without_kernels: None, documents: DataFrame, artifact: Path
) -> None:
    frame = embed_column(documents, artifact, "text", "vector", engine="onnxruntime")
    expected = SentenceEncoder(artifact, engine="onnxruntime").encode(TEXTS)
    assert [bits(row["vector"]) for row in frame.orderBy("n").collect()] == [b"", *(row.tobytes() for row in expected)]


def test_a_driver_without_kernels_chooses_onnxruntime_for_all_and_warns(
    documents: DataFrame, artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NO_KERNELS.items():
        monkeypatch.setenv(name, value)
    folder = measured_on_kernels(artifact, tmp_path / "measured")
    with pytest.warns(EngineWarning, match="because this CPU, or its system, does not run") as found:
        frame = embed_column(documents, folder, "text", "vector")
    assert [warning.filename for warning in found] == [__file__]
    assert frame.schema["vector"].metadata == {"engine": "onnxruntime"}
    expected = SentenceEncoder(artifact, engine="onnxruntime").encode(TEXTS)
    assert [bits(row["vector"]) for row in frame.orderBy("n").collect()] == [b"", *(row.tobytes() for row in expected)]


def test_the_default_prompt_is_put_before_each_text(prompted_artifact: Path, prompted: SentenceEncoder) -> None:
    found = remote_encoder(str(prompted_artifact), None, None).encode(TEXTS)
    assert np.array_equal(found, prompted.encode(TEXTS, prompt_name=DEFAULT))


def test_another_artifact_at_the_drivers_path_is_refused(artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(artifact, tmp_path / "other")
    replace(Manifest.read(artifact), pooling="cls").write(tmp_path / "other")
    other = read_manifest(str(tmp_path / "other"))
    encoder = RemoteEncoder(artifact=str(artifact), max_length=16, engine="onnxruntime", manifest=other)
    with pytest.raises(ArtifactError, match="is not the driver's artifact: copy that to every executor"):
        encoder.encode(["x"])


def refusals() -> list[tuple[str, Any]]:
    return [
        ("dimension is 768, but 128 for the artifact", lambda stage, frame: stage.setDimension(768).transform(frame)),
        (
            "caseSensitive is False, but True for the artifact",
            lambda stage, frame: stage.setCaseSensitive(False).transform(frame),
        ),
        (
            "max_length is 512, expected 3 to 128: the positions of the checkpoint",
            lambda stage, frame: stage.setMaxSentenceLength(512).transform(frame),
        ),
        ("maxSentenceLength is 513, expected 3 to 512", lambda stage, _: stage.setMaxSentenceLength(513)),
        ("engine is 'cuda', expected one of kernels, onnxruntime", lambda stage, _: stage.setEngine("cuda")),
        (
            "engine is 'cuda', expected one of kernels, onnxruntime",
            lambda stage, frame: embed_column(frame, stage.getOrDefault("artifact"), "text", "v", engine="cuda"),
        ),
        ("maxSentenceLength is '9', expected a whole number, 3 to", lambda stage, _: stage.setMaxSentenceLength("9")),
        ("batchSize is None, expected a whole number", lambda stage, _: stage.setBatchSize(None)),
        ("batchSize is 0, expected at least 1", lambda stage, _: stage.setBatchSize(0)),
        ("lang is 'de', but every model", lambda *_: BertSentenceEmbeddings.pretrained(MODEL, "de")),
        ("has no artifact", lambda _, frame: BertSentenceEmbeddings().setInputCols("document").transform(frame)),
        (
            "'sentence_embeddings' holds sentence_embeddings annotations, expected document annotations",
            lambda stage, frame: stage.setInputCols("sentence_embeddings").transform(
                stage.copy().setInputCols("document").transform(frame)
            ),
        ),
        (
            "max_length is 2, expected 3 to 128",
            lambda stage, frame: embed_column(frame, stage.getOrDefault("artifact"), "text", "v", max_length=2),
        ),
        ("the column 'n' is int, expected string", lambda stage, frame: embed_column(frame, "x", "n", "v")),
        ("the column 'n' is int, expected the output of", lambda stage, frame: to_vector(frame, "n", "v")),
    ]


@pytest.mark.parametrize(("reason", "use"), refusals(), ids=[reason for reason, _ in refusals()])
def test_what_cannot_be_is_refused_on_the_driver(
    reason: str, use: Any, documents: DataFrame, stage: BertSentenceEmbeddings
) -> None:
    with pytest.raises(ValueError, match=reason):
        use(stage, documents)
