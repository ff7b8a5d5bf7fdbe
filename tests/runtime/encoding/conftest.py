"""A process in which a test may press Ctrl-C."""

import gc
import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process where SIGINT arrives as KeyboardInterrupt, even one that a script started in the background.

    Nothing is collected meanwhile: an interrupt that falls into the finalizer of another test's garbage is swallowed.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    signal.signal(signal.SIGINT, before)
