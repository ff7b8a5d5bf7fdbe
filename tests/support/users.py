"""Another user than root, whom permissions bind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NOBODY = 65534


@contextmanager
def any_user() -> Iterator[None]:
    """Root may read and write whatever its permissions are; another user may not."""
    if not hasattr(os, "getuid"):
        pytest.skip("this system has no users to change to")
    if os.getuid():
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
