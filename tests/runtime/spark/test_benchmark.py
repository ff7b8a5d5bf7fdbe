"""The benchmark of Spark pipelines: what its record holds."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.spark import spark_lines, spark_table
from benchmarks.spark import NOT_GIVEN


@pytest.fixture(scope="module")
def record(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    output = tmp_path_factory.mktemp("record") / "record.json"
    options = ["--rows", "60", "--rounds", "1", "--cores", "1", "--output", str(output)]
    jars = ["--spark-nlp-jars", "/nope.jar", "--spark-nlp-model", "/nope"]
    command = [sys.executable, "-m", "benchmarks.spark", str(artifact), *options, *jars]
    subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(output.read_text("utf-8"))
    return found


def test_each_contender_has_its_times_and_the_memory_of_all_its_processes(record: dict[str, Any]) -> None:
    plain, ours = sorted(record["figures"], key=lambda figure: str(figure["name"]), reverse=True)
    assert (plain["name"].split()[0], ours["name"].split()[0]) == ("plain", "biobert-onnx")
    assert plain["sentences"] == ours["sentences"] >= 60
    for figure in (plain, ours):
        assert figure["cores"] == 1 and len(figure["seconds"]) == len(figure["first_row_seconds"]) == 1
        assert all(process["VmHWM"] >= process["Private_Dirty"] > 0 for process in figure["processes_kib"][0])
    assert {process["name"][:4] for process in ours["processes_kib"][0]} >= {"java", "pyth"}
    assert plain["split_seconds"][0] > 0


def test_spark_nlp_is_named_with_the_reason_where_it_did_not_run(record: dict[str, Any]) -> None:
    assert record["refused"].keys() == {"Spark NLP"}
    assert re.match("failed: ModuleNotFoundError: .*sparknlp", record["refused"]["Spark NLP"])
    lines = [*spark_table(record | {"refused": {"Spark NLP": NOT_GIVEN}})]
    assert lines[-1].startswith("| Spark NLP |  | not run: give --spark-nlp-jars")
    assert len(lines) == 2 + len(record["figures"]) + 1 and all(line.count("|") == 7 for line in lines)


def test_the_page_says_what_was_measured_before_the_table(record: dict[str, Any]) -> None:
    first, *table, last = spark_lines(record)
    assert first.startswith("60 rows of ") and record["environment"]["cpu"] in first
    assert table == [*spark_table(record)]
    assert re.fullmatch(r"\nSplitting takes at most [\d.]+ % of the plain encoder's seconds\.", last)
