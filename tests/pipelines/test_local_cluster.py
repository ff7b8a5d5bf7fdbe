"""On a cluster of executors in processes of their own: the same rows, whatever happens to an executor."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from biobert_onnx import SentenceEncoder
from biobert_onnx.pretrained import DEFAULT as MODEL
from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler, SentenceDetector
from tests.texts import TEXTS

MASTER = "local-cluster[2,2,1024]"
"""Two executors of two CPUs and 1,024 MB."""

TIMEOUT_S = 180


@pytest.fixture(scope="module")
def job(spark: SparkSession, models: Path, artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a second process printed that loaded a pipeline saved by this one."""
    folder = tmp_path_factory.mktemp("cluster")
    stages = [
        DocumentAssembler().setInputCol("text"),
        SentenceDetector().setInputCols("document"),
        BertSentenceEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("sentence"),
    ]
    PipelineModel(stages).write().save(str(folder / "pipeline"))
    archive = shutil.make_archive(str(folder / "artifact"), "zip", artifact)
    arguments = [MASTER, str(folder / "pipeline"), archive, json.dumps(TEXTS), str(folder / "killed")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.cluster_job", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYSPARK_PYTHON": sys.executable},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def expected(encoder: SentenceEncoder) -> list[list[list[float]]]:
    """The vector of each text, each of which is one sentence; none of the empty one."""
    texts = [text.strip() for text in TEXTS]
    return [[row.tolist()] if text else [] for text, row in zip(texts, encoder.encode(texts), strict=True)]


def test_a_pipeline_saved_by_another_process_gives_the_same_rows(
    job: dict[str, Any], expected: list[list[list[float]]]
) -> None:
    assert job["saved"] == expected


def test_an_archive_reaches_every_executor_and_a_killed_one_costs_no_rows(
    job: dict[str, Any], expected: list[list[list[float]]]
) -> None:
    assert job["artifact"] == MODEL
    assert job["killed"]
    assert job["shipped"] == expected


def test_a_task_takes_as_many_threads_as_it_has_cpus(job: dict[str, Any]) -> None:
    assert job["cpus"] == 2
