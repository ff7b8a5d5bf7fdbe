"""Stages that are saved with their artifact: on one path, then loaded elsewhere."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx import SentenceEncoder
from biobert_onnx.artifact.manifest import FileRecord, Manifest
from biobert_onnx.errors import ArtifactError
from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler
from tests.support.texts import TEXTS

Damage = Callable[[Path], object]


@pytest.fixture
def frame(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([(text,) for text in TEXTS[:3]], "text string").coalesce(1)


def own_artifact(artifact: Path, folder: Path) -> None:
    """Copy `artifact` with a manifest that no other has: a session ships equal artifacts once."""
    shutil.copytree(artifact, folder)
    replace(Manifest.read(artifact), name=str(folder)).write(folder)


@pytest.fixture
def saved(artifact: Path, spark: SparkSession, tmp_path: Path) -> Path:
    """A saved stage whose own artifact has gone."""
    own_artifact(artifact, tmp_path / "models" / "mine")
    stage = BertSentenceEmbeddings.load(str(tmp_path / "models" / "mine")).setMaxSentenceLength(64)
    stage.setInputCols("document").save(str(tmp_path / "stage"))
    shutil.rmtree(tmp_path / "models")
    return tmp_path / "stage"


def vectors(frame: DataFrame) -> list[list[float]]:
    return [row[0][0].embeddings for row in frame.select("sentence_embeddings").collect()]


@pytest.fixture
def scheme(spark: SparkSession, tmp_path: Path) -> str:
    """A file system that is not the local one, as far as Hadoop's client can tell."""
    configuration = spark.sparkContext._jsc.hadoopConfiguration()
    configuration.set(f"fs.viewfs.mounttable.{tmp_path.name}.link./models", f"file://{tmp_path}")
    return f"viewfs://{tmp_path.name}/models"


def test_a_pipeline_whose_artifact_is_deleted_loads_elsewhere_with_the_same_bits(
    frame: DataFrame, artifact: Path, scheme: str, tmp_path: Path, encoder: SentenceEncoder
) -> None:
    shutil.copytree(artifact, tmp_path / "models" / "mine")
    embeddings = BertSentenceEmbeddings.load(str(tmp_path / "models" / "mine")).setInputCols("document")
    Pipeline(stages=[DocumentAssembler().setInputCol("text"), embeddings]).fit(frame).save(f"{scheme}/saved")
    shutil.rmtree(tmp_path / "models")
    shutil.move(tmp_path / "saved", tmp_path / "elsewhere")
    model = PipelineModel.load(f"{scheme}/elsewhere")
    assert vectors(model.transform(frame)) == [row.tolist() for row in encoder.encode(TEXTS[:3])]
    assert model.stages[1].getStorageRef() == "mine"  # type: ignore[attr-defined]


def test_a_loaded_stage_is_saved_again_with_its_artifact(saved: Path, frame: DataFrame, tmp_path: Path) -> None:
    first = BertSentenceEmbeddings.load(str(saved))
    first.write().overwrite().save(str(tmp_path / "again"))
    shutil.rmtree(saved)
    again = BertSentenceEmbeddings.load(f"file://{tmp_path}/again")
    assert (again.getMaxSentenceLength(), again.getArtifact()) == (64, first.getArtifact())
    again.write().overwrite().save(str(tmp_path / "again"))
    assert BertSentenceEmbeddings.load(str(tmp_path / "again")).getArtifact() == first.getArtifact()


def test_two_artifacts_of_one_session_stay_apart(saved: Path, artifact: Path, tmp_path: Path) -> None:
    own_artifact(artifact, tmp_path / "other")
    BertSentenceEmbeddings.load(str(tmp_path / "other")).save(str(tmp_path / "second"))
    names = [BertSentenceEmbeddings.load(str(path)).getArtifact() for path in (saved, tmp_path / "second", saved)]
    assert names[0] == names[2] != names[1]


def test_an_artifact_of_another_file_system_is_loaded_as_it_is(
    artifact: Path, scheme: str, tmp_path: Path, spark: SparkSession
) -> None:
    shutil.copytree(artifact, tmp_path / "mine")
    stage = BertSentenceEmbeddings.load(f"{scheme}/mine")
    assert (stage.getStorageRef(), stage.getDimension()) == ("mine", Manifest.read(artifact).dim)


def test_without_the_artifact_a_stage_holds_its_path(artifact: Path, spark: SparkSession, tmp_path: Path) -> None:
    BertSentenceEmbeddings.load(str(artifact)).setSaveArtifact(False).save(str(tmp_path / "stage"))
    assert [path.name for path in (tmp_path / "stage").iterdir()] == ["metadata"]
    assert BertSentenceEmbeddings.load(str(tmp_path / "stage")).getArtifact() == str(artifact)


def test_a_stage_is_not_saved_over_another_one(saved: Path, artifact: Path) -> None:
    with pytest.raises(ArtifactError, match=r"stage' exists: give another path, or save with write\(\).overwrite"):
        BertSentenceEmbeddings.load(str(artifact)).save(str(saved))


def changed(stage: Path, **changes: Any) -> None:
    """Replace the manifest by another one that is sound in itself."""
    folder = stage / "artifact"
    (folder / ".manifest.json.crc").unlink(missing_ok=True)
    replace(Manifest.read(folder), **changes).write(folder)


def leading_outside(stage: Path) -> None:
    outside = {"../metadata/part-00000": FileRecord(size=3, sha256="0" * 64)}
    changed(stage, files={**Manifest.read(stage / "artifact").files, **outside})


def write(stage: Path, name: str, content: bytes) -> None:
    path = stage / "artifact" / name
    (path.parent / f".{path.name}.crc").unlink(missing_ok=True)
    path.write_bytes(content)


def linked(stage: Path) -> None:
    path = stage / "artifact" / "tokenizer.json"
    path.rename(stage.parent / "tokenizer.json")
    path.symlink_to(stage.parent / "tokenizer.json")


def flipped(stage: Path) -> None:
    content = bytearray((stage / "artifact" / "model.onnx").read_bytes())
    content[-1] ^= 1
    write(stage, "model.onnx", bytes(content))


DAMAGES: dict[str, tuple[Damage, str]] = {
    "no artifact": (lambda stage: shutil.rmtree(stage / "artifact"), "artifact/manifest.json' cannot be read"),
    "no weights": (lambda stage: (stage / "artifact" / "model.onnx_data").unlink(), "model.onnx_data' cannot be read"),
    "weights cut short": (lambda stage: write(stage, "model.onnx_data", b"x"), "has 1 bytes, expected"),
    "a flipped bit": (flipped, "stage/artifact/model.onnx' has sha256"),
    "no JSON": (lambda stage: write(stage, "manifest.json", b"{"), "cannot be read"),
    "a path outside": (leading_outside, r"stage/artifact/\.\./metadata/part-00000' leads outside the folder"),
    "a link outside": (linked, "tokenizer.json' is no file"),
    "another artifact": (lambda stage: changed(stage, name="x"), "holds another artifact"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_stage_is_refused(saved: Path, damage: str) -> None:
    spoil, reason = DAMAGES[damage]
    spoil(saved)
    with pytest.raises(ArtifactError, match=reason):
        BertSentenceEmbeddings.load(str(saved))
