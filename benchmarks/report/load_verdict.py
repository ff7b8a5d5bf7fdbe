"""The verdict on a run of `benchmarks.load`: its figures minute by minute, and its faults."""

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.machine.memory import allowed_growth

MIN_OPENED = 1000
"""Encoders that a run must have opened to show that nothing leaks."""

MINUTE_S = 60

COLUMNS = ("resident", "anonymous", "threads", "files")
"""The columns of a sample after its first one."""

Sample = tuple[float, int, int, int, int]
"""Seconds since the start; of all processes together: resident and anonymous KiB, threads, file descriptors."""


def minutes(samples: Sequence[Sample]) -> list[dict[str, int]]:
    """Return the median of each column of `samples`, minute by minute."""
    found: list[dict[str, int]] = []
    for minute in range(int(samples[-1][0] // MINUTE_S) + 1):
        rows = [row[1:] for row in samples if row[0] // MINUTE_S == minute]
        medians = (round(statistics.median(column)) for column in zip(*rows, strict=True))
        found.append(dict(zip(COLUMNS, medians, strict=True)))
    return found


def growth(samples: Sequence[Sample]) -> dict[str, int]:
    """Return the median of the anonymous memory, in KiB, in the second tenth and in the last tenth of the time."""
    tenth = samples[-1][0] / 10
    bounds = {"second_tenth": (tenth, 2 * tenth), "last_tenth": (9 * tenth, 10 * tenth)}
    return {
        name: round(statistics.median(row[2] for row in samples if start <= row[0] <= end))
        for name, (start, end) in bounds.items()
    }


def verdict(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a run, and the names of its faults; a good run has none."""
    reports = raw["processes"]
    counts = ("calls", "rows", "wrong_rows", "opened", "forks", "wrong_forks", "hung_forks")
    totals = {name: sum(report[name] for report in reports) for name in counts}
    memory = growth(raw["samples"])
    more = memory["last_tenth"] - memory["second_tenth"]
    faults = {
        "wrong bits": totals["wrong_rows"] + totals["wrong_forks"] > 0,
        "hung after a fork": totals["hung_forks"] > 0,
        "threads or files leaked": any(
            report["after"][name] > count for report in reports for name, count in report["before"].items()
        ),
        "memory grew": more > allowed_growth(memory["second_tenth"], processes=len(reports)),
        f"fewer than {MIN_OPENED} encoders opened": totals["opened"] < MIN_OPENED,
    }
    return {**totals, "anonymous_kib": memory, "faults": [name for name, found in faults.items() if found]}
