"""Figures from raw samples: what the report's tables and plots are made of."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

MEBIBYTE = 2**20


def sound(record: Record) -> dict[str, Record]:
    """The contenders that have figures, fastest first."""
    measured = {name: c for name, c in record["contenders"].items() if "throughput_seconds" in c and "failure" not in c}
    return dict(sorted(measured.items(), key=lambda item: statistics.median(item[1]["throughput_seconds"])))


def throughput(record: Record, contender: Record) -> list[float]:
    """Tokens a second, one figure a round."""
    return [record["corpus"]["tokens"] / seconds for seconds in contender["throughput_seconds"]]


def median(samples: Sequence[float]) -> float:
    """The median.

    >>> median([3.0, 1.0, 2.0])
    2.0
    """
    return statistics.median(samples)


def spread(samples: Sequence[float], form: str) -> str:
    """The median of `samples`, with least and greatest.

    >>> spread([3.0, 1.0, 2.0], ".1f")
    '2.0 (1.0 to 3.0)'
    """
    return f"{median(samples):{form}} ({min(samples):{form}} to {max(samples):{form}})"


def percentile(samples: Sequence[float], share: int) -> float:
    """The `share`th percentile, by the nearest rank.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 95)
    4.0
    """
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]
