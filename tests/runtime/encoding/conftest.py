"""A process in which a test may press Ctrl-C."""

import signal
from collections.abc import Iterator

import pytest

from tests.support.interrupts import no_collector


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process where SIGINT arrives as KeyboardInterrupt, even one that a script started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with no_collector():
        yield
    signal.signal(signal.SIGINT, before)
