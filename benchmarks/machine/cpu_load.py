"""How busy the CPUs are that this process may use, from the kernel's own accounting (proc_stat(5))."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

IDLE_FIELDS = (3, 4)
"""The fields of a line of /proc/stat that count idle time: idle and iowait. The others are work, or were stolen."""


def busy_cpus(seconds: float) -> float:
    """Return how many of this process' CPUs were busy on average while this call slept for `seconds`."""
    cpus = os.sched_getaffinity(0)
    before = Path("/proc/stat").read_text(encoding="ascii")
    time.sleep(seconds)
    return busy_between(before, Path("/proc/stat").read_text(encoding="ascii"), cpus)


def busy_between(before: str, after: str, cpus: Iterable[int]) -> float:
    """Return how many of `cpus` were busy on average between two texts of /proc/stat.

    >>> busy_between("cpu0 10 0 0 50\\ncpu1 0 0 0 70", "cpu0 20 0 0 50\\ncpu1 5 0 0 75", [0, 1])
    1.5
    """
    first, second = _ticks(before), _ticks(after)
    return sum(_busy_share(first[f"cpu{cpu}"], second[f"cpu{cpu}"]) for cpu in cpus)


def _ticks(text: str) -> dict[str, list[int]]:
    """Return the fields of each CPU's line, user to steal: what follows, guest time, is counted in user time."""
    lines = (line.split() for line in text.splitlines() if line.startswith("cpu"))
    return {name: [int(field) for field in fields[:8]] for name, *fields in lines}


def _busy_share(before: list[int], after: list[int]) -> float:
    spent = [second - first for first, second in zip(before, after, strict=True)]
    idle = sum(spent[field] for field in IDLE_FIELDS if field < len(spent))
    return (sum(spent) - idle) / sum(spent) if sum(spent) else 0.0
