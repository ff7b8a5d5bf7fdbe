"""Ctrl-C at many moments of something that would never end by itself, and Python's garbage collector switched off."""

import gc
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pytest

HANGS_S = 20
"""What never ends by itself is interrupted once more after so many seconds."""


@contextmanager
def no_collector() -> Iterator[None]:
    """Let the garbage collector do nothing in the block.

    Python swallows an interrupt that falls into a finalizer of the collector's garbage, or into hypothesis's own
    function that it calls.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@no_collector()
def interrupt_at(delays_s: Iterable[float], work: Callable[[], object]) -> None:
    """Repeat `work`, interrupt it after each delay, and check that KeyboardInterrupt ends it at once."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("this system has no timers that send signals")
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for delay_s in delays_s:
            begin = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, delay_s, HANGS_S)
                while True:
                    work()
            assert time.monotonic() - begin < HANGS_S
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
