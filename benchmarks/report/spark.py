"""The comparison of Spark with the plain encoder: the printed table, and the figures of docs/spark.md."""

from collections.abc import Iterator

from benchmarks.report.samples import MEBIBYTE_IN_KIB, Record, markdown_table, median

COLUMNS = ("cores", "rows/s", "first row after", "memory of all processes", "cosine to the encoder")


def spark_table(record: Record) -> Iterator[str]:
    """Yield the table, line by line: medians over the rounds."""
    rows = [[figure["name"], *_cells(record, figure)] for figure in record["figures"]]
    rows += [[name, "", reason] for name, reason in record["refused"].items()]
    yield from markdown_table("", COLUMNS, rows)


def _cells(record: Record, figure: Record) -> list[str]:
    rate = record["rows"] / median(figure["seconds"])
    memory = median([sum(process["Pss"] for process in sample) / MEBIBYTE_IN_KIB for sample in figure["processes_kib"]])
    cosine = "same bits" if figure["cosine_min"] is None else f"{figure['cosine_mean']:.5f}"
    first = median(figure["first_row_seconds"])
    return [str(figure["cores"]), f"{rate:.1f}", f"{first:.1f} s", f"{memory:.0f} MiB", cosine]


def spark_lines(record: Record) -> Iterator[str]:
    """Yield the table with what it was measured on."""
    environment, first = record["environment"], record["figures"][0]
    (model,) = set(record["artifacts"].values())
    yield (
        f"{record['rows']:,} rows of {first['sentences']:,} sentences, {model}, medians of {len(first['seconds'])} "
        f"runs; Spark {record['pyspark']}, {environment['cpu']} with the kernel `{environment['kernel']}`, "
        f"{environment['date']}:"
    )
    yield from spark_table(record)
    splits = [figure for figure in record["figures"] if figure["split_seconds"]]
    share = max(median(figure["split_seconds"]) / median(figure["seconds"]) for figure in splits)
    yield f"\nSplitting takes at most {100 * share:.1f} % of the plain encoder's seconds."
