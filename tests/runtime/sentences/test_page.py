"""The section on sentences in docs/spark.md: its code prints what stands under it."""

import pytest

from tests.support.pages import DOCS, blocks


def test_the_sentences_on_the_spark_page_are_those_that_come_out(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = (block for block in blocks(DOCS / "spark.md") if block.heading == "Sentences" and block.output)
    exec(compile(block.code, block.place, "exec"), {})
    assert capsys.readouterr().out == block.output
