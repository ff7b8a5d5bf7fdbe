"""Memory of processes, from the kernel's own accounting (proc(5)), and how much more of it still counts as flat."""

from pathlib import Path

MOST_SHARE = 0.05
MOST_KIB = 10 * 1024


def figures(process: int | str, *names: str, file: str = "status") -> list[int]:
    """The numbers called `names` in /proc/`process`/`file`: memory in KiB, counts as they are.

    Raises KeyError for one that is not there, as none is of a process that has just ended.
    """
    lines = Path(f"/proc/{process}/{file}").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return [int(fields[name].split()[0]) for name in names]


def allowed_growth(kib: float, *, processes: int = 1) -> float:
    """KiB by which `processes` that take `kib` together may grow and be flat: 5 %, and at most 10 MiB a process.

    >>> allowed_growth(1000), allowed_growth(1_000_000, processes=2)
    (50.0, 20480)
    """
    return min(MOST_SHARE * kib, MOST_KIB * processes)
