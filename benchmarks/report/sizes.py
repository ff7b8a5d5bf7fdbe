"""The table of docs/systems.md: how much pip installs, with each extra."""

from collections.abc import Iterator

from benchmarks.report.samples import MEGA, Record, markdown_table

TITLES = {
    "": "the runtime (`pip install .`)",
    "export": "the extra `export`, with the CPU build of torch",
    "demo": "the extra `demo`, the same",
    "test": "the extra `test`, the same",
}
"""Extra -> its row; "" is the runtime alone."""


def sizes_table(record: Record) -> Iterator[str]:
    """Yield the megabytes of each extra, line by line."""
    rows = [[title, f"{record['bytes'][extra] / MEGA:,.0f} MB"] for extra, title in TITLES.items()]
    yield from markdown_table("what is installed", ("size",), rows)
