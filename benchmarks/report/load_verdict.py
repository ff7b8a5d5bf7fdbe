"""What came of a run of `benchmarks.load`: its figures minute by minute, and the faults among them."""

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.machine.memory import allowed_growth

LEAST_OPENED = 1000
MINUTE_S = 60

COLUMNS = ("resident", "anonymous", "threads", "files")
Sample = tuple[float, int, int, int, int]
"""Seconds since the start; of all processes together: resident and anonymous KiB, threads, file descriptors."""


def minutes(samples: Sequence[Sample]) -> list[dict[str, int]]:
    """The median of each column of `samples`, minute by minute."""
    found: list[dict[str, int]] = []
    for minute in range(int(samples[-1][0] // MINUTE_S) + 1):
        rows = [row[1:] for row in samples if row[0] // MINUTE_S == minute]
        medians = (round(statistics.median(column)) for column in zip(*rows, strict=True))
        found.append(dict(zip(COLUMNS, medians, strict=True)))
    return found


def growth(samples: Sequence[Sample]) -> dict[str, int]:
    """The median of the anonymous memory, in KiB, of the second tenth and of the last tenth of the time."""
    tenth = samples[-1][0] / 10
    bounds = {"second_tenth": (tenth, 2 * tenth), "last_tenth": (9 * tenth, 10 * tenth)}
    return {
        name: round(statistics.median(row[2] for row in samples if least <= row[0] <= most))
        for name, (least, most) in bounds.items()
    }


def verdict(raw: dict[str, Any]) -> dict[str, Any]:
    """The figures of a run, and the faults among them by name: none is what is wanted."""
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
        f"fewer than {LEAST_OPENED} encoders opened": totals["opened"] < LEAST_OPENED,
    }
    return {**totals, "anonymous_kib": memory, "faults": [name for name, true in faults.items() if true]}
