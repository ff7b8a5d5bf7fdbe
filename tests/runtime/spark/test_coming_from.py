"""docs/coming-from.md, and README's lines on Spark and NLU: run where an artifact has the names that they use."""

from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from biobert_onnx import SentenceEncoder, nlu
from biobert_onnx.catalog.names import DEFAULT as MODEL
from biobert_onnx.spark import embed_column
from tests.support.pages import DOCS, README, Block, code_of_rows, runnable_blocks, same_output

TEXTS = ["I hate cancer", "Antibiotics aren't painkiller"]
JOBS = code_of_rows(README)


@pytest.fixture(scope="module")
def reader(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A working directory where both names stand for the artifact of all-MiniLM-L6-v2."""
    folder = tmp_path_factory.mktemp("reader")
    for name in (MODEL, "my-artifact"):
        (folder / name).symlink_to(minilm)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


@pytest.fixture(scope="module")
def encoder(minilm: Path) -> SentenceEncoder:
    return SentenceEncoder(minilm, threads=2)


@pytest.fixture(scope="module")
def run(spark: SparkSession, reader: None) -> tuple[dict[str, Any], list[tuple[Block, str]]]:
    """The names that the blocks of the page leave, and each block with what it printed."""
    names: dict[str, Any] = {"__name__": "coming-from.md"}
    printed = []
    for block in runnable_blocks(DOCS / "coming-from.md"):
        with redirect_stdout(StringIO()) as output:
            exec(compile(block.code, block.place, "exec"), names)
        printed.append((block, output.getvalue()))
    return names, printed


def test_each_block_prints_what_the_page_shows(run: tuple[dict[str, Any], list[tuple[Block, str]]]) -> None:
    _, printed = run
    shown = [(block.place, output, block.output) for block, output in printed if block.output is not None]
    assert len(shown) == 5
    assert [place for place, output, expected in shown if not same_output(output, str(expected))] == []


def test_the_model_pages_spark_example_embeds_its_first_column(
    run: tuple[dict[str, Any], list[tuple[Block, str]]], encoder: SentenceEncoder
) -> None:
    (row,) = run[0]["result"].collect()
    assert [row["text"], row["_2"]] == TEXTS
    (annotation,) = row["sentence_embeddings"]
    assert annotation.embeddings == encoder.encode(TEXTS[:1])[0].tolist()


def test_k_means_puts_every_sentence_into_a_group(run: tuple[dict[str, Any], list[tuple[Block, str]]]) -> None:
    names, _ = run
    found = {row["sentence_embeddings"].result: row["prediction"] for row in names["clusters"].collect()}
    notes = " ".join(note for (note,) in names["notes"])
    assert sorted(found) == sorted(f"{sentence}." for sentence in notes.rstrip(".").split(". "))
    assert set(found.values()) == {0, 1}


def test_the_model_pages_nlu_example_gives_a_table_of_vectors(
    run: tuple[dict[str, Any], list[tuple[Block, str]]], encoder: SentenceEncoder
) -> None:
    table = run[0]["embeddings_df"]
    assert list(table.columns) == ["sentence", "sentence_embedding_biobert"]
    assert table["sentence"].to_list() == TEXTS
    assert np.array_equal(np.stack(table["sentence_embedding_biobert"]), encoder.encode(TEXTS))


@pytest.mark.usefixtures("reader")
def test_the_readmes_line_for_spark_gives_the_encoders_vectors(spark: SparkSession, encoder: SentenceEncoder) -> None:
    frame = spark.createDataFrame([[text] for text in TEXTS], ["text"])
    rows = eval(JOBS["a column of Spark"], {"embed_column": embed_column, "frame": frame}).collect()
    assert {row["text"]: row["vector"] for row in rows} == dict(zip(TEXTS, encoder.encode(TEXTS).tolist(), strict=True))


@pytest.mark.usefixtures("reader")
def test_the_readmes_line_for_a_table_gives_the_encoders_vectors(encoder: SentenceEncoder) -> None:
    table = eval(JOBS["a table, one row a sentence"], {"nlu": nlu, "texts": TEXTS})
    assert table["sentence"].to_list() == TEXTS
    assert np.array_equal(np.stack(table.iloc[:, -1]), encoder.encode(TEXTS))
