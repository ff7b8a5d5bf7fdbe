"""The CPUs this process may use: its affinity mask and the quotas of its control groups."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

QUOTA_FILES = (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
"""Where version 2 and version 1 keep quota and period in microseconds ("max" and -1: no quota); kernel documentation,
admin-guide/cgroup-v2 and scheduler/sched-bwc."""


def usable_cpus() -> int:
    """Return how many CPUs this process may use: those of its affinity mask, or all, but at most its quota.

    A quota is rounded up to whole CPUs, so there is always one.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return math.ceil(min(cpus, cgroup_quota(Path("/"))))


def cgroup_quota(root: Path) -> float:
    """Return the CPUs that this process's control groups may use, a float; infinity without a quota.

    The system files are read below `root`.

    Every ancestor's quota binds a group too, so the least on the way up counts.
    """
    try:
        mounts = _read(root / "proc/self/mountinfo")
        paths = _group_paths(_read(root / "proc/self/cgroup"))
    except OSError:  # no Linux, or no /proc: no control groups
        return math.inf
    return min((_quota(root / folder[1:]) for folder in _group_folders(mounts, paths)), default=math.inf)


def _group_paths(text: str) -> dict[str, str]:
    """The process's group in the hierarchy of each controller; "" is the one hierarchy of version 2.

    >>> _group_paths("4:cpu,cpuacct:/jobs/7\\n0::/jobs/7\\n")
    {'cpu': '/jobs/7', 'cpuacct': '/jobs/7', '': '/jobs/7'}
    """
    lines = (line.split(":", 2) for line in text.split("\n") if line)
    return {controller: path for _, controllers, path in lines for controller in controllers.split(",")}


def _group_folders(mounts: str, paths: dict[str, str]) -> Iterator[str]:
    """The folders of the process's groups and of their ancestors, as far up as they are mounted.

    A container may see the path of its group on the host, but only that group mounted, or a group that it has been
    moved out of: then the mount itself is the nearest there is.
    """
    for line in mounts.split("\n"):
        place, _, kind = line.partition(" - ")  # proc_pid_mountinfo(5): a varying number of fields before the dash
        controller = _controller(kind)
        if controller is not None and controller in paths:
            mount_root, mount_point = place.split(" ")[3:5]
            path = PurePosixPath(paths[controller])
            inside = path.relative_to(mount_root) if path.is_relative_to(mount_root) else PurePosixPath()
            yield from (str(mount_point / folder) for folder in (inside, *inside.parents))


def _controller(kind: str) -> str | None:
    """The key of `_group_paths` for a mount of "type source options"; None if it does not limit CPUs."""
    if kind.startswith("cgroup2 "):
        return ""
    options = kind.rpartition(" ")[2].split(",")
    return "cpu" if kind.startswith("cgroup ") and "cpu" in options else None


def _quota(folder: Path) -> float:
    for names in QUOTA_FILES:
        try:
            quota, period = " ".join(_read(folder / name) for name in names).split()
        except OSError:  # the other version's folder, or the root group, which has no quota
            continue
        if quota.isdigit():
            return int(quota) / int(period)
    return math.inf


def _read(path: Path) -> str:
    return os.fsdecode(path.read_bytes())  # paths of any bytes
