"""On a cluster of executors in processes of their own: the same rows, whatever happens to an executor."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyspark
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from biobert_onnx import SentenceEncoder
from biobert_onnx.catalog.names import DEFAULT as MODEL
from biobert_onnx.spark import BertSentenceEmbeddings, BiomedicalSentenceDetector, DocumentAssembler
from tests.support.texts import TEXTS

MASTER = "local-cluster[2,1,2048]"
"""Two executors of one CPU and 2,048 MB."""

EXECUTOR_MEMORY = "2048m"
TIMEOUT_S = 600


@pytest.fixture(scope="module")
def job(spark: SparkSession, models: Path, artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a second process printed that loaded a pipeline saved by this one."""
    folder = tmp_path_factory.mktemp("cluster")
    stages = [
        DocumentAssembler().setInputCol("text"),
        BiomedicalSentenceDetector().setInputCols("document"),
        BertSentenceEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("sentence"),
    ]
    PipelineModel(stages).write().save(str(folder / "pipeline"))
    shutil.make_archive(str(folder / "artifact"), "zip", artifact)
    shutil.copytree(artifact, folder / "shared" / "added")
    done = subprocess.run(
        [sys.executable, "-m", "tests.runtime.spark.cluster_job", MASTER, EXECUTOR_MEMORY, folder, json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=folder,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_HOME": str(linked_spark(folder / "spark")),
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def linked_spark(home: Path) -> Path:
    """The new folder `home` of links to all of pyspark: workers write into SPARK_HOME/work, which no setting moves."""
    home.mkdir()
    for path in Path(pyspark.__file__).parent.iterdir():
        if path.name != "work":
            (home / path.name).symlink_to(path)
    return home


def test_a_pipeline_saved_by_another_process_gives_the_vectors_of_the_encoder(
    job: dict[str, Any], encoder: SentenceEncoder
) -> None:
    texts = [text.strip() for text in TEXTS]  # each is one sentence, but the empty one has none
    expected = [[row.tolist()] if text else [] for text, row in zip(texts, encoder.encode(texts), strict=True)]
    assert [[annotation[-1] for annotation in row] for row in job["local"]] == expected


def test_a_cluster_gives_the_same_rows_as_one_process(job: dict[str, Any]) -> None:
    assert job["saved"] == job["local"]


def test_an_artifact_that_was_added_reaches_every_executor(job: dict[str, Any]) -> None:
    assert job["artifacts"] == [MODEL, "added"]
    assert job["added"] == job["local"]


def test_a_killed_executor_costs_retries_and_no_rows_even_if_its_artifact_was_archived(job: dict[str, Any]) -> None:
    assert job["retries"] > 0
    assert job["archived"] == job["local"]


def test_a_task_takes_as_many_threads_as_it_has_cpus(job: dict[str, Any]) -> None:
    assert job["cpus"] == 2
