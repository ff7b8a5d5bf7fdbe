"""Programs of tests/programs, each run in a process of its own."""

import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(__file__).parents[1] / "programs"


def run_program(
    name: str, *arguments: object, warnings: str = "error", timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """The outcome of tests/programs/`name`; `warnings` is Python's -W."""
    command = [sys.executable, "-W", warnings, str(PROGRAMS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
