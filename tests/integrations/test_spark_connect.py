"""Spark Connect: the stages run unchanged over a client that has no SparkContext."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("grpc_status", reason="needs the extra 'interop'")

import pyspark
from pyspark.ml import Pipeline
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx import SentenceEncoder
from biobert_onnx.sentences import split
from biobert_onnx.spark import (
    BertSentenceEmbeddings,
    DocumentAssembler,
    EmbeddingsFinisher,
    SentenceDetector,
    embed_column,
    to_vector,
)
from tests.support.texts import TEXTS

PATIENCE_S = 120
"""How long the server may take to start."""

pytestmark = pytest.mark.filterwarnings("ignore")  # those of gRPC and of pyspark's own client


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session of a server in a process of its own."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17, and there is no java on the PATH")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-submit"), "--master", "local[2]"]
    binding = {"spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": port}
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", **binding}
    command += [option for name, value in settings.items() for option in ("--conf", f"{name}={value}")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    folder = tmp_path_factory.mktemp("server")
    python = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=os.environ | python)
    try:
        wait_for(port, server, folder / "log")
        session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
        yield session
        session.stop()
    finally:
        server.terminate()
        server.wait(60)


def wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(PATIENCE_S):
        assert server.poll() is None, log.read_text()[-2000:]
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(1)
    raise TimeoutError(f"no server at port {port} after {PATIENCE_S} s: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def frame(remote: SparkSession) -> DataFrame:
    return remote.createDataFrame([*enumerate(TEXTS)], "n int, text string")


@pytest.fixture(scope="module")
def stages(artifact: Path, remote: SparkSession) -> list[Any]:
    embeddings = BertSentenceEmbeddings.load(str(artifact)).setInputCols("sentence").setOutputCol("embeddings")
    return [
        DocumentAssembler().setInputCol("text"),
        SentenceDetector().setInputCols("document"),
        embeddings,
        EmbeddingsFinisher().setInputCols("embeddings").setOutputCols("finished").setCleanAnnotations(False),
    ]


def rows(frame: DataFrame, column: str) -> list[Any]:
    return [row[column] for row in sorted(frame.select("n", column).collect(), key=lambda row: row["n"])]


def sentences(encoder: SentenceEncoder, text: str) -> Sequence[list[float]]:
    found = [sentence.text for sentence in split(text, rules="spark-nlp")]
    return [vector.tolist() for vector in encoder.encode(found)]


def test_a_column_has_the_encoders_vectors(frame: DataFrame, artifact: Path, encoder: SentenceEncoder) -> None:
    found = rows(embed_column(frame, artifact, "text", "vector"), "vector")
    assert found == encoder.encode(TEXTS).tolist()


def test_a_pipeline_has_the_encoders_vectors(frame: DataFrame, stages: list[Any], encoder: SentenceEncoder) -> None:
    found = Pipeline(stages=stages).fit(frame).transform(frame)
    expected = [sentences(encoder, text) for text in TEXTS]
    assert [[item.embeddings for item in row] for row in rows(found, "embeddings")] == expected
    assert rows(found, "finished") == expected
    vectors = to_vector(found, "embeddings", "features").orderBy("n").collect()
    assert np.array_equal([row["features"].toArray() for row in vectors], [one for row in expected for one in row])


def test_saving_with_the_artifact_says_how_to_save_without(stages: list[Any], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"over Spark Connect, save with setSaveArtifact\(False\)"):
        stages[2].save(str(tmp_path / "stage"))
    stages[2].copy().setSaveArtifact(False).save(str(tmp_path / "stage"))
    loaded = BertSentenceEmbeddings.load(str(tmp_path / "stage"))
    assert loaded.getArtifact() == stages[2].getArtifact()
