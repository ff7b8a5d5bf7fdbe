"""The Python of Spark's workers: the driver refuses one that lacks this package, and starts nothing to know its own."""

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pytest
from py4j.protocol import Py4JJavaError
from pyspark import SparkFiles
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx import SentenceEncoder
from biobert_onnx.spark import DocumentAssembler, SentenceDetector, embed_column
from tests.support.pages import PROJECT

PROGRAM = PROJECT / "tests" / "programs" / "embed_with_spark.py"
REMEDY = 'set os.environ["PYSPARK_PYTHON"] = sys.executable before you make the next'


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python3 of an environment without packages."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python3"


@pytest.fixture
def texts(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([("One. Two.",)], "text string")


def add_nothing(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


def test_a_python_without_the_package_is_refused_on_the_driver(
    texts: DataFrame, artifact: Path, bare_python: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = DocumentAssembler().setInputCol("text").transform(texts)
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(bare_python))
    with pytest.raises(
        (PythonException, Py4JJavaError), match="ModuleNotFoundError"
    ):  # Spark's workers do run that Python
        texts.mapInArrow(add_nothing, texts.schema).collect()
    for use in (
        lambda: embed_column(texts, artifact, "text", "vector"),
        lambda: SentenceDetector().setInputCols("document").transform(documents),
    ):
        with pytest.raises(ModuleNotFoundError) as refusal:
            use()
        assert str(refusal.value) == (
            f"Spark's Python workers would run {bare_python}, which cannot import biobert_onnx: stop this session, and "
            f"{REMEDY}"
        )


def test_a_python_that_is_not_there_is_refused_on_the_driver(
    texts: DataFrame, artifact: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark.sparkContext, "pythonExec", "no-such-python")
    with pytest.raises(ModuleNotFoundError, match="would run 'no-such-python', which is not on the PATH: stop this"):
        embed_column(texts, artifact, "text", "vector")


def test_another_python_that_has_the_package_is_taken(
    texts: DataFrame,
    artifact: Path,
    encoder: SentenceEncoder,
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(wrapper))
    [row] = embed_column(texts, artifact, "text", "vector").collect()
    assert row["vector"] == encoder.encode(["One. Two."])[0].tolist()


def test_code_that_was_shipped_to_the_workers_counts(
    texts: DataFrame, artifact: Path, bare_python: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = Path(SparkFiles.getRootDirectory()) / "shipped"  # addPyFile puts its files there, and on sys.path
    shipped.mkdir()
    (shipped / "biobert_onnx.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path, str(shipped)])
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(bare_python))
    assert embed_column(texts, artifact, "text", "vector").columns == ["text", "vector"]


def test_the_drivers_own_python_is_known_without_starting_a_process(
    texts: DataFrame, artifact: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*arguments: object, **options: object) -> NoReturn:
        raise AssertionError(f"started {arguments}")

    monkeypatch.setattr(subprocess, "Popen", start)
    for name in ("python3", f"python3.{sys.version_info.minor}"):
        link = Path(sys.executable).parent / name
        monkeypatch.setattr(spark.sparkContext, "pythonExec", str(link) if link.exists() else sys.executable)
        assert embed_column(texts, artifact, "text", "vector").columns == ["text", "vector"]


def test_a_script_whose_environment_is_not_activated_ends_with_the_remedy(artifact: Path, bare_python: Path) -> None:
    path = os.pathsep.join([str(bare_python.parent), os.environ["PATH"]])
    environment = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"} | {"PATH": path}
    command = [sys.executable, str(PROGRAM), str(artifact)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout == ""
    assert f"ModuleNotFoundError: Spark's Python workers would run {bare_python}, which cannot" in done.stderr
    assert done.stderr.rstrip().endswith(REMEDY)
