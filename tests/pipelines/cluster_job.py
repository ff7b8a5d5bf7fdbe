"""A Spark application of its own on a cluster of processes: what `test_local_cluster` runs.

`python -m tests.pipelines.cluster_job MASTER PIPELINE ARCHIVE TEXTS FLAG` runs the saved PIPELINE, and a new stage on
the artifact in ARCHIVE, which no executor finds at a path; the first task that sees no FLAG kills its executor.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx.pretrained import DEFAULT as MODEL
from biobert_onnx.spark import BertSentenceEmbeddings
from biobert_onnx.spark.worker import task_cpus


def main(master: str, pipeline: str, archive: str, texts: str, flag: str) -> None:
    """Print one JSON object: the rows of both stages, and the CPUs of a task."""
    builder = SparkSession.builder.master(master).config("spark.ui.enabled", "false").config("spark.task.cpus", "2")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.executor.memory", "512m")
    spark = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    spark.sparkContext.addArchive(f"{archive}#{MODEL}")
    frame = spark.createDataFrame(enumerate(json.loads(texts)), "n int, text string").repartition(4)
    saved = PipelineModel.load(pipeline).transform(frame)
    shipped = BertSentenceEmbeddings.pretrained(MODEL).setInputCols("sentence")
    unsteady = saved.drop("sentence_embeddings").mapInArrow(Unsteady(flag), saved.drop("sentence_embeddings").schema)
    found = {
        "saved": rows_of(saved),
        "artifact": shipped.getOrDefault("artifact"),
        "shipped": rows_of(shipped.transform(unsteady)),
        "killed": Path(flag).exists(),
        "cpus": spark.sparkContext.parallelize([0], 1).map(lambda _: task_cpus()).first(),
    }
    print(json.dumps(found))  # noqa: T201
    spark.stop()


class Unsteady:
    """Passes batches on, but once, where `flag` is not there yet, kills the JVM of its executor."""

    def __init__(self, flag: str) -> None:
        self.flag = flag

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows and not Path(self.flag).exists():
                Path(self.flag).touch()
                os.kill(_parent(os.getppid()), signal.SIGKILL)  # worker, its daemon, the executor
            yield batch


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def rows_of(frame: DataFrame) -> list[list[list[float]]]:
    rows = frame.orderBy("n").select("sentence_embeddings").collect()
    return [[item.embeddings for item in row[0]] for row in rows]


if __name__ == "__main__":
    main(*sys.argv[1:])
