"""Embed one text with Spark, as a user's script does, and print its vector's length: `embed_with_spark.py ARTIFACT`."""

import sys

from pyspark.sql import SparkSession

from biobert_onnx.spark import embed_column


def main(artifact: str) -> None:
    """Make a session on this machine, embed, and stop it."""
    with SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate() as spark:
        texts = spark.createDataFrame([("I hate cancer",)], "text string")
        [row] = embed_column(texts, artifact, "text", "vector").collect()
    sys.stdout.write(f"{len(row['vector'])}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
