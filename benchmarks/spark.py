"""Compare Spark pipelines, and the plain encoder beside them; write results/spark/ARTIFACT.json.

Every figure comes from a process of its own, and contenders take turns. Each pipeline assembles documents, detects
sentences and embeds them. Spark NLP takes part where its jars and a model are given; run that in an environment whose
pyspark fits the jars, with the package spark-nlp.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.program import program_parser, run_program
from benchmarks.harness.spark_worker import CHECKED_ROWS, MAX_LENGTH, SparkAnswer
from benchmarks.harness.worker import WorkerError
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.machine.environment import environment
from benchmarks.report.spark import spark_table
from benchmarks.results import RESULTS, write_record
from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.embeddings import similarity
from biobert_onnx.sentences import split

PLAIN, OURS, SPARK_NLP = "plain encoder", "biobert-onnx", "Spark NLP"

NOT_GIVEN = "not run: give --spark-nlp-jars and --spark-nlp-model"


def main() -> None:
    """Measure, write the record, print the table."""
    parser = program_parser(__doc__)
    parser.add_argument("artifacts", type=Path, nargs="+", metavar="ARTIFACT", help="folders of one checkpoint")
    parser.add_argument("--spark-nlp-jars", metavar="JARS", help="paths of Spark NLP's jars, joined by commas")
    parser.add_argument(
        "--spark-nlp-model", type=Path, metavar="FOLDER", help="a folder for its loadSavedModel, or one that it saved"
    )
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2], help="default: 1 2")
    parser.add_argument("--rows", type=int, default=2000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: results/spark/ARTIFACT.json")
    options = parser.parse_args()
    if (options.spark_nlp_jars is None) != (options.spark_nlp_model is None):
        parser.error("--spark-nlp-jars and --spark-nlp-model belong together: give both or none")
    record = measure(contenders(options), cores=options.cores, rows=options.rows, rounds=options.rounds)
    output = options.output or RESULTS / "spark" / f"{options.artifacts[0].name}.json"
    write_record(output, record)
    print(*spark_table(record), sep="\n")
    print(f"wrote {output}")


def contenders(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return what each contender's SparkQuestion holds beside texts, cores and time, by its name in the record.

    Raises ArtifactError, which is a ValueError, for a folder that is no artifact.
    """
    found: dict[str, dict[str, Any]] = {}
    for artifact in options.artifacts:
        manifest = Manifest.read(artifact)
        case_sensitive = manifest.casing == "cased"
        for contender in (PLAIN, OURS):
            entry = {"contender": contender, "folder": str(artifact), "jars": None, "case_sensitive": case_sensitive}
            found[f"{contender} {manifest.precision}"] = entry
    if options.spark_nlp_jars is not None:
        entry = {"contender": SPARK_NLP, "folder": str(options.spark_nlp_model), "jars": options.spark_nlp_jars}
        found[SPARK_NLP] = entry | {"case_sensitive": case_sensitive}
    return found


def measure(entries: dict[str, dict[str, Any]], *, cores: list[int], rows: int, rounds: int) -> dict[str, Any]:
    """Run every contender on each number of `cores`, round by round in random order, and return the record.

    Raises ValueError if our stages do not give the bits of the encoder.
    """
    texts = shuffled_texts(rows)
    samples: dict[tuple[str, int], list[SparkAnswer]] = {}
    refused: dict[str, str] = {} if SPARK_NLP in entries else {SPARK_NLP: NOT_GIVEN}
    for name, count in turns([*entries], cores, rounds):
        if name in refused:
            continue
        try:
            samples.setdefault((name, count), []).append(answer(entries[name], count, texts))
        except WorkerError as error:
            if entries[name]["contender"] != SPARK_NLP:
                raise
            refused[name] = f"failed: {error}"
    expected = {name: expected_vectors(entry["folder"], texts) for name, entry in ours(entries)}
    figures = [
        _figures(name, count, answers, _agreement(name, answers[0], expected))
        for (name, count), answers in sorted(samples.items())
        if name not in refused
    ]
    return {
        "environment": environment(),
        "pyspark": version("pyspark"),
        "artifacts": {name: Manifest.read(Path(entry["folder"])).name for name, entry in ours(entries)},
        "max_length": MAX_LENGTH,
        "rows": rows,
        "figures": figures,
        "refused": refused,
    }


def shuffled_texts(rows: int) -> list[str]:
    """Make texts of PubMed's lengths with shuffled words, so that no sentence is in two texts.

    The plain encoder computes equal sentences once, and Spark once a batch, which would not be a fair comparison.
    """
    chance = random.Random(1)
    return [" ".join(chance.sample(words, len(words))) for words in map(str.split, pubmed_like_texts(rows))]


def turns(names: list[str], cores: list[int], rounds: int) -> Iterator[tuple[str, int]]:
    """Yield name and cores of every measurement, each round in an order of its own."""
    chance = random.Random(1)
    for _ in range(rounds):
        pairs = [(name, count) for name in names for count in cores]
        yield from chance.sample(pairs, len(pairs))


def answer(entry: dict[str, Any], cores: int, texts: list[str]) -> SparkAnswer:
    """Measure one contender once, in a new process; raises WorkerError with its last words if it fails."""
    question = entry | {"cores": cores, "texts": texts, "started": time.time()}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.harness.spark_worker"]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True)
    if done.returncode:
        raise WorkerError((done.stderr.strip().splitlines() or ["no message"])[-1])
    found: SparkAnswer = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(entries: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the names and entries of our stages."""
    return [(name, entry) for name, entry in entries.items() if entry["contender"] == OURS]


def expected_vectors(folder: str, texts: list[str]) -> FloatArray:
    """Return the encoder's vectors of the checked rows' sentences."""
    sentences = [sentence.text for text in texts[:CHECKED_ROWS] for sentence in split(text, rules="spark-nlp")]
    return SentenceEncoder(folder, max_length=MAX_LENGTH).encode(sentences)


def _agreement(name: str, found: SparkAnswer, expected: dict[str, FloatArray]) -> tuple[float, float] | None:
    """Return mean and least cosine of Spark NLP's vectors to the first artifact's; None where bits must be equal."""
    raw = np.frombuffer(bytes.fromhex(found["vectors"]), dtype=np.float32)
    if name != SPARK_NLP:
        own = next(vectors for ours, vectors in expected.items() if ours.split()[-1] == name.split()[-1])
        if raw.tobytes() != own.tobytes():
            raise ValueError(f"the vectors of {name} are not those of the encoder: nothing is recorded")
        return None
    reference = next(iter(expected.values()))
    if raw.size != reference.size:
        raise ValueError(f"{name} gives {raw.size} numbers for the checked rows, expected {reference.size}")
    cosines = np.diagonal(similarity(raw.reshape(reference.shape), reference))
    return float(cosines.mean()), float(cosines.min())


def _figures(name: str, cores: int, answers: list[SparkAnswer], cosines: tuple[float, float] | None) -> dict[str, Any]:
    mean, least = cosines or (None, None)
    splits = [answer["split_seconds"] for answer in answers if answer["split_seconds"] is not None]
    return {
        "name": name,
        "cores": cores,
        "sentences": answers[0]["sentences"],
        "first_row_seconds": [answer["first_row_seconds"] for answer in answers],
        "seconds": [answer["seconds"] for answer in answers],
        "split_seconds": splits or None,
        "cosine_mean": mean,
        "cosine_min": least,
        "processes_kib": [answer["processes_kib"] for answer in answers],
    }


if __name__ == "__main__":
    run_program(main)
