"""The benchmark of the Spark pipeline: what its record holds."""

from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.spark import measure


def test_a_record_holds_the_seconds_of_both_sides_and_the_memory_of_each_process(
    spark: SparkSession, artifact: Path
) -> None:
    record = measure(artifact, rows=20, rounds=2)
    assert (record["rows"], record["cpus"], record["max_length"]) == (20, 2, 128)
    assert record["sentences"] >= 20
    assert all(len(record[side]) == 2 and min(record[side]) > 0 for side in ("spark_seconds", "plain_seconds"))
    processes = record["processes_kib"]
    assert {process["name"][:4] for process in processes} >= {"java", "pyth"}
    assert all(process["VmHWM"] >= process["Private_Dirty"] > 0 for process in processes)
