"""One Spark pipeline, or the plain encoder beside it, in a process of its own.

    python -m benchmarks.harness.spark_worker, which only `benchmarks.spark` starts

It reads one JSON object, a `SparkQuestion`, from standard input, and prints one as its last line, a `SparkAnswer`. From
the end of its imports on, it and the JVM that it starts may use the first `cores` CPUs and no others.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from benchmarks.machine.cpus import hold_to_first_cpus
from benchmarks.machine.memory import proc_numbers
from benchmarks.machine.threads import read_of_threads
from biobert_onnx import SentenceEncoder
from biobert_onnx._file_status import is_folder
from biobert_onnx.sentences import split
from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler, SentenceDetector

MAX_LENGTH = 128
"""The default of the stages, ours and Spark NLP's; the plain encoder gets it too."""

PARTITIONS_PER_CORE = 8

CHECKED_ROWS = 50
"""Rows whose vectors come back, so that they can be compared before any figure counts; they warm the workers up too."""

MEMORY_FIELDS = ("VmHWM", "Pss", "Private_Dirty")
"""The peak of a process, its share of all pages, and its own pages, as the kernel calls them."""


class SparkQuestion(TypedDict):
    """What one process measures: `contender` is a key of CONTENDERS, `folder` its artifact or model."""

    contender: str
    folder: str
    jars: str | None
    case_sensitive: bool
    cores: int
    texts: list[str]
    started: float
    """When the process was started, in seconds since the epoch."""


class SparkAnswer(TypedDict):
    """What one process measured; `vectors` are those of CHECKED_ROWS, as hexadecimal float32, `split_seconds` the time
    of splitting alone, which Spark's seconds include."""

    first_row_seconds: float
    seconds: float
    split_seconds: float | None
    sentences: int
    vectors: str
    processes_kib: list[dict[str, Any]]


def main() -> None:
    """Answer one question."""
    question: SparkQuestion = json.load(sys.stdin)
    hold_to_first_cpus(question["cores"])
    print(json.dumps(CONTENDERS[question["contender"]](question)))


def of_plain_encoder(question: SparkQuestion) -> SparkAnswer:
    """Measure the encoder alone, with as many threads as `cores`, on the sentences that the stages would find."""
    texts = question["texts"]
    encoder = SentenceEncoder(question["folder"], max_length=MAX_LENGTH, threads=question["cores"])
    encoder.encode([sentence.text for sentence in split(texts[0], rules="spark-nlp")])
    first = time.time() - question["started"]
    begin = time.perf_counter()
    sentences = [sentence.text for text in texts for sentence in split(text, rules="spark-nlp")]
    split_seconds = time.perf_counter() - begin
    checked = [sentence.text for text in texts[:CHECKED_ROWS] for sentence in split(text, rules="spark-nlp")]
    vectors = encoder.encode(checked)
    return {
        "first_row_seconds": first,
        "seconds": _timed(lambda: encoder.encode(sentences)),
        "split_seconds": split_seconds,
        "sentences": len(sentences),
        "vectors": vectors.tobytes().hex(),
        "processes_kib": [found for process in (os.getpid(),) if (found := _memory(process))],
    }


def of_our_stages(question: SparkQuestion) -> SparkAnswer:
    """Measure the stages of `biobert_onnx.spark`."""
    embeddings = BertSentenceEmbeddings.load(question["folder"]).setMaxSentenceLength(MAX_LENGTH)
    stages = [
        DocumentAssembler().setInputCol("text").setOutputCol("document"),
        SentenceDetector().setInputCols(["document"]).setOutputCol("sentence"),
        embeddings.setInputCols(["sentence"]).setOutputCol("embeddings"),
    ]
    return _of_pipeline(question, _session(question), stages)


def of_spark_nlp(question: SparkQuestion) -> SparkAnswer:
    """Measure Spark NLP's own stages on a model that it saved, or on one for loadSavedModel, which has `assets`."""
    from sparknlp.annotator import BertSentenceEmbeddings as TheirEmbeddings
    from sparknlp.annotator import SentenceDetector as TheirDetector
    from sparknlp.base import DocumentAssembler as TheirAssembler

    session, folder = _session(question), question["folder"]
    if is_folder(Path(folder) / "assets"):
        embeddings = TheirEmbeddings.loadSavedModel(folder, session)
    else:
        embeddings = TheirEmbeddings.load(folder)
    embeddings.setMaxSentenceLength(MAX_LENGTH).setCaseSensitive(question["case_sensitive"])
    stages = [
        TheirAssembler().setInputCol("text").setOutputCol("document"),
        TheirDetector().setInputCols(["document"]).setOutputCol("sentence"),
        embeddings.setInputCols(["sentence"]).setOutputCol("embeddings"),
    ]
    return _of_pipeline(question, session, stages)


CONTENDERS = {"plain encoder": of_plain_encoder, "biobert-onnx": of_our_stages, "Spark NLP": of_spark_nlp}


def _of_pipeline(question: SparkQuestion, session: SparkSession, stages: list[Any]) -> SparkAnswer:
    pipeline, texts, cores = PipelineModel(stages), question["texts"], question["cores"]
    pipeline.transform(_frame(session, texts[:1], 1)).select("embeddings").first()
    first = time.time() - question["started"]
    checked = pipeline.transform(_frame(session, texts[:CHECKED_ROWS], cores)).orderBy("n").select("embeddings")
    numbers = [item.embeddings for row in checked.collect() for item in row[0]]
    frame = _frame(session, texts, cores * PARTITIONS_PER_CORE).cache()
    frame.count()
    result = pipeline.transform(frame)
    seconds = _timed(result.write.format("noop").mode("overwrite").save)
    processes = [found for process in (os.getpid(), *_descendants(os.getpid())) if (found := _memory(process))]
    return {
        "first_row_seconds": first,
        "seconds": seconds,
        "split_seconds": None,
        "sentences": int(result.selectExpr("sum(size(sentence))").collect()[0][0]),
        "vectors": np.array(numbers, dtype=np.float32).tobytes().hex(),
        "processes_kib": processes,
    }


def _session(question: SparkQuestion) -> SparkSession:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{question['cores']}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.ui.showConsoleProgress", "false")
    if question["jars"]:
        builder = builder.config("spark.jars", question["jars"]).config("spark.driver.memory", "4g")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _frame(session: SparkSession, texts: list[str], partitions: int) -> DataFrame:
    return session.createDataFrame(list(enumerate(texts)), "n int, text string").repartition(partitions)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _descendants(process: int) -> Iterator[int]:
    """Yield the processes below `process`: the JVM, and the Python workers, which wait for the next task."""
    for children in read_of_threads(process, "children"):
        for child in map(int, children.split()):
            yield child
            yield from _descendants(child)


def _memory(process: int) -> dict[str, Any] | None:
    """Return the name of a process and the KiB of MEMORY_FIELDS; None if it has just ended."""
    try:
        own = proc_numbers(process, "VmHWM") + proc_numbers(process, "Pss", "Private_Dirty", file="smaps_rollup")
        name = Path(f"/proc/{process}/comm").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return None
    return {"name": name, **dict(zip(MEMORY_FIELDS, own, strict=True))}


if __name__ == "__main__":
    main()
