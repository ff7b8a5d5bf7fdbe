"""What not every system has: a test that needs it is skipped with the reason."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a path")
needs_users = pytest.mark.skipif(not hasattr(os, "setresuid"), reason="this system has no users to change to")

needs_limits = pytest.mark.skipif(find_spec("resource") is None, reason="this system has no limits of processes")

NO_TERMINALS = "this system has no terminals that a program can make"
NO_LIMITS = "this system has no limits of processes"
"""Reasons of `pytest.importorskip`, for the modules pty and resource."""


def proc(name: str) -> Path:
    """Return the path of the file or folder `name` in /proc; skips the test where the system has none."""
    path = Path("/proc") / name
    if not path.exists():
        pytest.skip(f"this system has no {path}")
    return path
