"""Figures from raw samples, and Markdown tables of them: the parts of every report."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

MEBIBYTE = 2**20


def measured_contenders(record: Record) -> dict[str, Record]:
    """Return the contenders that have figures, fastest first."""
    measured = {name: c for name, c in record["contenders"].items() if "throughput_seconds" in c and "failure" not in c}
    return dict(sorted(measured.items(), key=lambda item: statistics.median(item[1]["throughput_seconds"])))


def throughput(record: Record, contender: Record) -> list[float]:
    """Return the tokens a second on the corpus, one figure a round."""
    return [record["corpus"]["tokens"] / seconds for seconds in contender["throughput_seconds"]]


def median(samples: Sequence[float]) -> float:
    """Return the median.

    >>> median([3.0, 1.0, 2.0])
    2.0
    """
    return statistics.median(samples)


def spread(samples: Sequence[float], form: str) -> str:
    """Format the median of `samples`, with the least and the greatest.

    >>> spread([3.0, 1.0, 2.0], ".1f")
    '2.0 (1.0 to 3.0)'
    """
    return f"{median(samples):{form}} ({min(samples):{form}} to {max(samples):{form}})"


def percentile(samples: Sequence[float], share: int) -> float:
    """Return the `share`th percentile, by the nearest rank.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 95)
    4.0
    """
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def markdown_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table whose first column is called `title`; short rows are filled up with empty cells."""
    yield f"\n| {title} | {' | '.join(columns)} |"
    yield "|---" * (1 + len(columns)) + "|"
    for row in rows:
        cells = [*row, *[""] * (1 + len(columns) - len(row))]
        yield f"| {' | '.join(cells)} |"
