"""Rows a second of the Spark pipeline on local[2] against the plain encoder on as many threads; the processes' memory.

`python -m benchmarks.spark ARTIFACT [--rows 100000] [--rounds 1] [--output FILE]`. The stages are the model page's.
"""

import argparse
import json
import os
import random
import struct
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.machine.environment import environment
from benchmarks.machine.memory import figures
from benchmarks.report.samples import median
from biobert_onnx import SentenceEncoder
from biobert_onnx.sentences import split
from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler, SentenceDetector

CPUS = 2
MAX_LENGTH = 128
"""The stage's default and Spark NLP's, for the plain encoder too."""

PARTITIONS = 16
CHECKED = 200
"""Rows whose vectors must have the encoder's bits before anything is measured; they warm the workers up too."""

RESULTS = Path(__file__).parent / "results" / "spark"
MEMORY = ("VmHWM", "Pss", "Private_Dirty")


def main() -> None:
    """Measure, write the record, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/spark/ARTIFACT.json")
    options = parser.parse_args()
    record = measured(options.artifact, rows=options.rows, rounds=options.rounds)
    output = options.output or RESULTS / f"{options.artifact.name}.json"
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    spark, plain = (record["rows"] / median(record[side]) for side in ("spark_seconds", "plain_seconds"))
    print(f"Spark local[{CPUS}] {spark:.1f} rows/s, plain encoder {plain:.1f} rows/s: {spark / plain:.1%}")
    memory = ", ".join(f"{process['name']} {process['Pss'] >> 10}" for process in record["processes_kib"])
    print(f"memory, each process' share of all pages, MiB: {memory}")
    print(f"wrote {output}")


def measured(artifact: Path, *, rows: int, rounds: int) -> dict[str, Any]:
    """The record: raw seconds of each round of both sides, which take turns, and the memory of Spark's processes.

    The plain side encodes the sentences that Spark finds, ready split; Spark's seconds hold splitting and all else.
    """
    texts = _texts(rows)
    sentences = [sentence.text for text in texts for sentence in split(text)]
    encoder = SentenceEncoder(artifact, max_length=MAX_LENGTH, threads=CPUS)
    spark = _session()
    seconds: dict[str, list[float]] = {"spark_seconds": [], "plain_seconds": []}
    pipeline = _pipeline(artifact)
    _check(pipeline.transform(_frame(spark, texts[:CHECKED])), encoder, texts[:CHECKED])
    result = pipeline.transform(_frame(spark, texts))
    for _ in range(rounds):
        seconds["plain_seconds"].append(_timed(lambda: encoder.encode(sentences)))
        seconds["spark_seconds"].append(_timed(result.write.format("noop").mode("overwrite").save))
    return {
        "environment": environment(),
        "pyspark": version("pyspark"),
        "artifact": encoder.manifest.name,
        "precision": encoder.manifest.precision,
        "cpus": CPUS,
        "max_length": MAX_LENGTH,
        "partitions": PARTITIONS,
        "rows": rows,
        "sentences": len(sentences),
        "different_sentences": len(set(sentences)),
        **seconds,
        "processes_kib": [found for process in _descendants(os.getpid()) if (found := _memory(process))],
    }


def _texts(rows: int) -> list[str]:
    """Texts of PubMed's lengths, their words shuffled: otherwise most have a sentence in common with others.

    Equal sentences are computed once a call, so once by the plain encoder and several times by Spark.
    """
    chance = random.Random(1)
    return [" ".join(chance.sample(words, len(words))) for words in map(str.split, pubmed_like_texts(rows))]


def _session() -> SparkSession:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{CPUS}]").config("spark.ui.enabled", "false")
    session = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _pipeline(artifact: Path) -> PipelineModel:
    return PipelineModel(
        [
            DocumentAssembler().setInputCol("text"),
            SentenceDetector().setInputCols("document"),
            BertSentenceEmbeddings.load(str(artifact)).setInputCols("sentence"),
        ]
    )


def _frame(spark: SparkSession, texts: list[str]) -> DataFrame:
    frame = spark.createDataFrame(list(enumerate(texts)), "n int, text string").repartition(PARTITIONS).cache()
    frame.count()
    return frame


def _check(result: DataFrame, encoder: SentenceEncoder, texts: list[str]) -> None:
    rows = result.orderBy("n").select("sentence_embeddings").collect()
    found = [item for row in rows for item in row[0]]
    expected = encoder.encode([sentence.text for text in texts for sentence in split(text)])
    if b"".join(struct.pack(f"{encoder.dim}f", *item.embeddings) for item in found) != expected.tobytes():
        raise SystemExit("the vectors of Spark are not those of the encoder: no figures")


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _descendants(process: int) -> Iterator[int]:
    """The processes below `process`: the JVM, and the Python workers, which wait for the next task."""
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            yield child
            yield from _descendants(child)


def _memory(process: int) -> dict[str, Any] | None:
    """Name and KiB of a process: at its peak, its share of all pages, its own pages; None if it has just ended."""
    try:
        own = figures(process, "VmHWM") + figures(process, "Pss", "Private_Dirty", file="smaps_rollup")
        name = Path(f"/proc/{process}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return None
    return {"name": name, **dict(zip(MEMORY, own, strict=True))}


if __name__ == "__main__":
    main()
