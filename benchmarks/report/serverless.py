"""The figures of docs/serverless.md: cold starts, and what the zips hold."""

from collections.abc import Iterator

from benchmarks.peers.contenders import OURS, REFERENCE
from benchmarks.report.samples import MEGA, Record, markdown_table, median, start_seconds

ZIPS = {
    "bundle": "both engines",
    "bundle, kernels": "`--engine kernels`",
    "bundle, onnxruntime": "`--engine onnxruntime`",
}
"""The zips of a record of `benchmarks.bundle_start`, each with its column."""

PARTS = {
    "artifact": ("artifact",),
    "onnxruntime": ("onnxruntime",),
    "numpy, with its libraries": ("numpy", "numpy.libs"),
    "tokenizers": ("tokenizers",),
    "this project, with its bytecode": ("biobert_onnx", "__pycache__", "lambda_function.py"),
}
"""The rows: names of the zips' first folders; a row of what is left follows."""


def start_line(record: Record) -> str:
    """Return the seconds of cold starts, of one record of the peers."""
    ours, pytorch = (median(start_seconds(record["contenders"][name])) for name in (OURS, REFERENCE))
    return (
        f"From the start of the process to the first vector, {record['subject']} takes {ours:.2f} s on the machine of "
        f"the [benchmarks](../benchmarks/README.md), its files in the page cache; PyTorch takes {pytorch:.2f} s there. "
        "None was measured in AWS."
    )


def zip_table(record: Record) -> Iterator[str]:
    """Yield the megabytes that each zip holds, line by line, and how long its cold start takes."""
    rows = [[part, *(_megabytes(record, zipped, names) for zipped in ZIPS)] for part, names in PARTS.items()]
    rows.append(["licences and lists", *(_rest(record, zipped) for zipped in ZIPS)])
    rows.append(["all, unzipped", *(f"{record['unzipped'][zipped] / MEGA:.1f}" for zipped in ZIPS)])
    rows.append(["all, zipped", *(f"{record['zipped'][zipped] / MEGA:.1f}" for zipped in ZIPS)])
    yield from markdown_table("MB", list(ZIPS.values()), rows)
    bare = median(record["seconds"]["bare"])
    starts = ", ".join(f"{median(record['seconds'][zipped]):.2f} s ({title})" for zipped, title in ZIPS.items())
    compiled = ", ".join(f"{median(record['seconds'][f'{zipped}, without bytecode']):.2f}" for zipped in ZIPS)
    yield (
        f"\nFrom the start of a process to its end with one answer, on the machine of the benchmarks: {starts}; "
        f"without bytecode {compiled} s. The installed packages take {bare:.2f} s to encode the same text."
    )


def _megabytes(record: Record, zipped: str, names: tuple[str, ...]) -> str:
    found = sum(record["bytes"][zipped].get(name, 0) for name in names)
    return f"{found / MEGA:.1f}" if found else ""


def _rest(record: Record, zipped: str) -> str:
    named = {name for names in PARTS.values() for name in names}
    return f"{sum(found for name, found in record['bytes'][zipped].items() if name not in named) / MEGA:.1f}"
