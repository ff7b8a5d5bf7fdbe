"""The CPUs this process may use."""

import os


def usable_cpus() -> int:
    """The number of CPUs in this process's affinity mask, where the system keeps one; else all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
