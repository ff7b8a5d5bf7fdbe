"""Compare the Spark pipeline on local[2] with the plain encoder on 2 threads, and write results/spark/ARTIFACT.json.

It measures the rows a second of both, and the memory of Spark's processes. The stages are those of the model page.
"""

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

from benchmarks.harness.program import program_parser, run_program
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.machine.environment import environment
from benchmarks.machine.memory import proc_numbers
from benchmarks.report.samples import median
from benchmarks.results import RESULTS
from biobert_onnx import SentenceEncoder
from biobert_onnx.sentences import split
from biobert_onnx.spark import BertSentenceEmbeddings, DocumentAssembler, SentenceDetector

CPUS = 2
MAX_LENGTH = 128
"""The default of the stage and of Spark NLP; the plain encoder gets it too."""

PARTITIONS = 16

CHECKED_ROWS = 200
"""Rows whose vectors must have the encoder's bits before anything is measured. They warm the workers up too."""

MEMORY_FIELDS = ("VmHWM", "Pss", "Private_Dirty")
"""The peak of a process, its share of all pages, and its own pages, as the kernel calls them."""


def main() -> None:
    """Measure, write the record, print the figures."""
    parser = program_parser(__doc__)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT", help="an artifact's folder")
    parser.add_argument("--rows", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: results/spark/ARTIFACT.json")
    options = parser.parse_args()
    record = measure(options.artifact, rows=options.rows, rounds=options.rounds)
    output = options.output or RESULTS / "spark" / f"{options.artifact.name}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    spark, plain = (record["rows"] / median(record[side]) for side in ("spark_seconds", "plain_seconds"))
    print(f"Spark local[{CPUS}] {spark:.1f} rows/s, plain encoder {plain:.1f} rows/s: {spark / plain:.1%}")
    memory = ", ".join(f"{process['name']} {process['Pss'] >> 10}" for process in record["processes_kib"])
    print(f"memory, the share of each process of all pages, MiB: {memory}")
    print(f"wrote {output}")


def measure(artifact: Path, *, rows: int, rounds: int) -> dict[str, Any]:
    """Time both sides in alternating rounds and return the record, with the memory of Spark's processes.

    The plain encoder gets the sentences that Spark finds; Spark's seconds include splitting and everything else.
    Raises ValueError if the vectors of Spark are not those of the encoder.
    """
    encoder = SentenceEncoder(artifact, max_length=MAX_LENGTH, threads=CPUS)
    texts = _texts(rows)
    sentences = [sentence.text for text in texts for sentence in split(text)]
    spark = _session()
    seconds: dict[str, list[float]] = {"spark_seconds": [], "plain_seconds": []}
    pipeline = _pipeline(artifact)
    _check(pipeline.transform(_frame(spark, texts[:CHECKED_ROWS])), encoder, texts[:CHECKED_ROWS])
    result = pipeline.transform(_frame(spark, texts))
    for _ in range(rounds):
        seconds["plain_seconds"].append(_timed(lambda: encoder.encode(sentences)))
        seconds["spark_seconds"].append(_timed(result.write.format("noop").mode("overwrite").save))
    return {
        "environment": environment(),
        "pyspark": version("pyspark"),
        "artifact": encoder.manifest.name,
        "precision": encoder.manifest.precision,
        "engine": encoder.engine,
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
    """Make texts of PubMed's lengths with shuffled words, so that no sentence is in two texts.

    The plain encoder computes equal sentences once, and Spark once a batch, which would not be a fair comparison.
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
        raise ValueError("the vectors of Spark are not those of the encoder: nothing is measured")


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _descendants(process: int) -> Iterator[int]:
    """Yield the processes below `process`: the JVM, and the Python workers, which wait for the next task."""
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            yield child
            yield from _descendants(child)


def _memory(process: int) -> dict[str, Any] | None:
    """Return the name of a process and the KiB of MEMORY_FIELDS; None if it has just ended."""
    try:
        own = proc_numbers(process, "VmHWM") + proc_numbers(process, "Pss", "Private_Dirty", file="smaps_rollup")
        name = Path(f"/proc/{process}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return None
    return {"name": name, **dict(zip(MEMORY_FIELDS, own, strict=True))}


if __name__ == "__main__":
    run_program(main)
