"""Another user than root, whom permissions bind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65534


@contextmanager
def any_user() -> Iterator[None]:
    """Root may read and write whatever its permissions are; another user may not."""
    if os.getuid():
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
