"""The table of docs/systems.md: what ran on which system, CPU and Python, from the records in results/platforms."""

import re
from collections.abc import Iterator, Sequence

from benchmarks.report.samples import Record

PACKAGES = ("numpy", "onnxruntime", "tokenizers", "pandas", "pyspark")
"""The packages that have a column."""

HASH_DIGITS = 8
"""As many digits of a hash as the table shows."""


def platforms_table(runs: Sequence[Record]) -> Iterator[str]:
    """Yield the table, line by line; a package that no run had has no column."""
    packages = [name for name in PACKAGES if any(name in run["versions"] for run in runs)]
    titles = ["system", "CPU", "Python", *packages, "tests", "bits: kernels", "bits: onnxruntime", "note"]
    yield _row(titles)
    yield _row(["---"] * len(titles))
    for run in sorted(runs, key=_order):
        versions = [run["versions"].get(name, "") for name in packages]
        bits = [run["vectors_sha256"].get(engine, "")[:HASH_DIGITS] for engine in ("kernels", "onnxruntime")]
        yield _row([run["system"], run["cpu"], run["python"], *versions, counts_cell(run["tests"]), *bits, run["note"]])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _order(run: Record) -> tuple[str, list[int]]:
    """Runs of one CPU stand together, from the oldest Python to the newest."""
    return run["cpu"], [int(number) for number in re.findall(r"\d+", run["python"])]


def counts_cell(tests: dict[str, int] | None) -> str:
    """Return how many tests ran, and how; None is a run that compared vectors alone.

    >>> counts_cell({"passed": 5200, "skipped": 40, "failed": 0})
    '5,200 passed, 40 skipped'
    >>> counts_cell({"passed": 5200, "skipped": 0, "failed": 3})
    '5,200 passed, **3 failed**'
    >>> counts_cell(None)
    'vectors alone'
    """
    if tests is None:
        return "vectors alone"
    cells = {"passed": "{:,} passed", "skipped": "{:,} skipped", "failed": "**{:,} failed**"}
    return ", ".join(form.format(tests[word]) for word, form in cells.items() if tests[word] or word == "passed")
