"""The memory of processes, from the kernel's own accounting (proc(5)), and how much it may grow."""

from pathlib import Path

MAX_GROWTH_SHARE = 0.05
MAX_GROWTH_KIB = 10 * 1024
"""The growth of memory that still counts as flat: of the whole, and of a process."""


def proc_numbers(process: int | str, *names: str, file: str = "status") -> list[int]:
    """Return the numbers called `names` in /proc/`process`/`file`: memory in KiB, counts as they are.

    Raises KeyError for a number that is not there. A process that has just ended has none.
    """
    lines = Path(f"/proc/{process}/{file}").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return [int(fields[name].split()[0]) for name in names]


def allowed_growth(kib: float, *, processes: int = 1) -> float:
    """Return by how many KiB `processes` that take `kib` together may grow: 5 %, and at most 10 MiB a process.

    >>> allowed_growth(1000), allowed_growth(1_000_000, processes=2)
    (50.0, 20480)
    """
    return min(MAX_GROWTH_SHARE * kib, MAX_GROWTH_KIB * processes)
