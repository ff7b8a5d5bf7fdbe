"""The README's examples of Spark and NLU, run as they are printed, where an artifact has the model's name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from biobert_onnx import SentenceEncoder
from tests.support.pages import README, blocks

SECTION = "Spark, NLU and sentences"
TEXTS = ["I hate cancer", "Antibiotics aren't painkiller"]


@pytest.fixture(scope="module")
def examples() -> list[str]:
    """Spark, k-means, NLU."""
    return [block.code for block in blocks(README) if (block.heading, block.language) == (SECTION, "python")]


@pytest.fixture(scope="module")
def spark_names(spark: SparkSession, examples: list[str], models: Path) -> dict[str, Any]:
    """What the first two examples leave."""
    return names_after(examples[0] + examples[1], models)


def names_after(example: str, folder: Path) -> dict[str, Any]:
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(example, names)
    return names


def test_the_model_pages_spark_example_embeds_its_first_column(
    spark_names: dict[str, Any], encoder: SentenceEncoder
) -> None:
    (row,) = spark_names["result"].collect()
    assert [row["text"], row["_2"]] == TEXTS
    (annotation,) = row["sentence_embeddings"]
    assert annotation.embeddings == encoder.encode(TEXTS[:1])[0].tolist()


def test_k_means_puts_every_sentence_into_a_group(spark_names: dict[str, Any]) -> None:
    found = {row["sentence_embeddings"].result: row["prediction"] for row in spark_names["clusters"].collect()}
    notes = " ".join(note for (note,) in spark_names["notes"])
    assert sorted(found) == sorted(f"{sentence}." for sentence in notes.rstrip(".").split(". "))
    assert set(found.values()) == {0, 1}


def test_the_model_pages_nlu_example_gives_a_table_of_vectors(
    examples: list[str], models: Path, encoder: SentenceEncoder
) -> None:
    table = names_after(examples[2], models)["embeddings_df"]
    assert list(table.columns) == ["sentence", "sentence_embedding_biobert"]
    assert table["sentence"].to_list() == TEXTS
    assert np.array_equal(np.stack(table["sentence_embedding_biobert"]), encoder.encode(TEXTS))
