"""docs/spark.md and spark-nlp.md: their blocks print what the pages show, and their vectors are the encoder's."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx import SentenceEncoder
from tests.support.pages import DOCS, runnable_blocks

WRITTEN = ("vectors.parquet", "saved-pipeline")


@pytest.fixture
def names(spark: SparkSession, artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the pages' blocks leave, run where the artifact lies under the pages' name."""
    (tmp_path / "biobert-v1.1-int8").symlink_to(artifact)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "spark.md"}
    for block in [*runnable_blocks(DOCS / "spark.md"), *runnable_blocks(DOCS / "spark-nlp.md")]:
        if block.reason is None:
            code = block.code
            for name in WRITTEN:
                code = code.replace(f'"{name}"', repr(str(tmp_path / name)))  # the JVM's working directory stays
            with redirect_stdout(StringIO()) as printed:
                exec(compile(code, block.place, "exec"), names)
            assert block.output in (None, printed.getvalue()), block.place
    return names


def test_the_blocks_of_the_pages_give_the_encoders_vectors(
    names: dict[str, Any], spark: SparkSession, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    whole = [text for _, text in names["rows"][:2]]
    of_texts = encoder.encode(whole).tolist()
    written = spark.read.parquet(str(tmp_path / WRITTEN[0]))
    for frame in (written, names["vectors"]):
        assert numbers(frame, "vector") == [*of_texts, []]
    sentences = [*whole[0].replace(". ", ".\n").splitlines(), whole[1]]
    assert numbers(names["features"], "features") == encoder.encode(sentences).astype(float).tolist()
    words = ["I", "hate", "cancer", ".", "Antibiotics", "aren't", "painkiller", "."]
    assert [token.result for token in names["first"]["token"]] == words
    clustered = names["clusters"].select("prediction", "embeddings.result").collect()
    assert sorted(row["result"] for row in clustered) == sorted(sentences)
    assert {row["prediction"] for row in clustered} == {0, 1}


def numbers(frame: DataFrame, column: str) -> list[list[float]]:
    """The vectors of `column` in the order of their papers."""
    return [list(row[column]) for row in frame.orderBy("id").collect()]
