"""Figures from raw samples, and Markdown tables of them: the parts of every report."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

MEBIBYTE = 2**20
MEBIBYTE_IN_KIB = 2**10
MEGA, GIGA = 10**6, 10**9


def has_figures(contender: Record) -> bool:
    """Tell whether a contender, or a bound, was measured to the end."""
    return "throughput_seconds" in contender and "failure" not in contender


def reason(contender: Record) -> str:
    """Return why a contender has no figures, in one word: it failed, or its vectors are too far from the reference's.

    >>> reason({"failure": "no such file"}), reason({"refusal": "mean cosine 0.5"})
    ('failed', 'refused')
    """
    return "failed" if "failure" in contender else "refused"


def start_seconds(contender: Record) -> list[float]:
    """Return the seconds of its cold starts, from the start of a process to its first vector."""
    return [start["total"] for start in contender["cold_starts"]]


def measured_contenders(record: Record) -> dict[str, Record]:
    """Return the contenders that have figures, fastest first."""
    measured = {name: contender for name, contender in record["contenders"].items() if has_figures(contender)}
    return dict(sorted(measured.items(), key=lambda item: statistics.median(item[1]["throughput_seconds"])))


def thread_counts(record: Record) -> list[str]:
    """Return the numbers of threads of the measures by length, as the record writes them: one, and all.

    >>> thread_counts({"threads": 2}), thread_counts({"threads": 1})
    (['1', '2'], ['1'])
    """
    return list(dict.fromkeys(("1", str(record["threads"]))))


def in_words(threads: str) -> str:
    """Return a number of threads with its noun.

    >>> in_words("1"), in_words("2")
    ('1 thread', '2 threads')
    """
    return f"{threads} thread{'' if threads == '1' else 's'}"


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
    for cells in _filled(columns, rows):
        yield f"| {' | '.join(cells)} |"


def aligned_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of the same table for a terminal: the first column to the left, the others to the right.

    >>> list(aligned_table("", ["texts/s"], [["ours", "333"], ["theirs", "21"]]))
    ['        texts/s', 'ours        333', 'theirs       21']
    """
    cells = [[title, *columns], *_filled(columns, rows)]
    first, *widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for name, *values in cells:
        padded = [f"{value:>{width}}" for value, width in zip(values, widths, strict=True)]
        yield "  ".join([f"{name:<{first}}", *padded])


def _filled(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return `rows` with empty cells where one is shorter than the title and `columns` together."""
    return [[*row, *[""] * (1 + len(columns) - len(row))] for row in rows]
