"""A Spark application of its own: what `test_local_cluster` runs.

`python -m tests.runtime.spark.cluster_job MASTER MEMORY FOLDER TEXTS`. FOLDER holds a `pipeline` that another process
saved, and an artifact that no executor finds at a path: `artifact.zip`, and the folder `shared/added`.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx.catalog.names import DEFAULT as ARCHIVED
from biobert_onnx.spark import BertSentenceEmbeddings
from biobert_onnx.spark.worker import task_cpus

ADDED = "added"
TASK_CPUS = "spark.task.cpus"
MOUNTED = "spark.hadoop.fs.viewfs.mounttable.shared.link./models"
"""Makes a folder part of a Hadoop file system, as HDFS is one: Spark ships no folder that is plainly local."""


def main(master: str, memory: str, folder: str, texts: str) -> None:
    """Print one JSON object: the rows on local[2] with two CPUs a task, and all that came of the cluster."""
    numbered = list(enumerate(json.loads(texts)))
    with session("local[2]", {TASK_CPUS: "2"}) as spark:
        local = PipelineModel.load(f"{folder}/pipeline").transform(frame_of(spark, numbered))
        found = {"local": rows_of(local), "cpus": spark.sparkContext.range(1).map(lambda _: task_cpus()).first()}
    cluster = {TASK_CPUS: "1", "spark.executor.memory": memory, MOUNTED: f"file://{folder}/shared"}
    with session(master, cluster) as spark:
        found |= on_cluster(frame_of(spark, numbered), Path(folder))
    print(json.dumps(found))  # noqa: T201


def session(master: str, settings: dict[str, Any]) -> SparkSession:
    builder = SparkSession.builder.master(master).config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.sql.shuffle.partitions", "2")
    spark = builder.config(map=settings).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def frame_of(spark: SparkSession, numbered: list[tuple[int, str]]) -> DataFrame:
    return spark.createDataFrame(numbered, "n int, text string").repartition(4)


def on_cluster(frame: DataFrame, folder: Path) -> dict[str, Any]:
    """The rows of the saved stage, of one whose artifact is archived, of one whose artifact is added; the retries.

    The first task of the second one kills its executor.
    """
    context = frame.sparkSession.sparkContext
    context.addArchive(f"{folder}/artifact.zip#{ARCHIVED}")
    context.addFile(f"viewfs://shared/models/{ADDED}", recursive=True)
    saved = PipelineModel.load(f"{folder}/pipeline").transform(frame)
    sentences = saved.drop("sentence_embeddings")
    archived, added = (BertSentenceEmbeddings.pretrained(name).setInputCols("sentence") for name in (ARCHIVED, ADDED))
    found = {
        "saved": rows_of(saved),
        "added": rows_of(added.transform(sentences)),
        "artifacts": [archived.getOrDefault("artifact"), added.getOrDefault("artifact")],
    }
    context.setJobGroup("unsteady", "an executor is killed")
    unsteady = sentences.mapInArrow(Unsteady(folder / "killed"), sentences.schema)
    return found | {"archived": rows_of(archived.transform(unsteady)), "retries": retries(frame.sparkSession)}


class Unsteady:
    """Passes batches on, but once, where `flag` is not there yet, kills the JVM of its executor."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows and not self.flag.exists():
                self.flag.touch()
                os.kill(_parent(os.getppid()), signal.SIGKILL)  # worker, its daemon, the executor
            yield batch


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def retries(spark: SparkSession) -> int:
    """Tasks that failed and stages that were run again in the job group "unsteady"."""
    tracker = spark.sparkContext.statusTracker()
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup("unsteady")]
    stages = [tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds]
    return sum(stage.numFailedTasks + stage.currentAttemptId for stage in stages if stage)


def rows_of(frame: DataFrame) -> list[list[list[Any]]]:
    """The fields of each annotation of each row, in the order of the texts."""
    rows = sorted(frame.select("n", "sentence_embeddings").collect(), key=lambda row: row["n"])
    return [[list(item) for item in row["sentence_embeddings"]] for row in rows]


if __name__ == "__main__":
    main(*sys.argv[1:])
