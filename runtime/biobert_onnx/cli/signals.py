"""Signals that end the command: they become exceptions, so that work files are removed on the way out."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGTERM", "SIGHUP")
"""Signals that schedulers, containers and closed terminals send; Windows has no SIGHUP. Python handles SIGINT."""

GRACE_S = 5.0
"""Seconds after a signal in which another one is ignored: systemd sends SIGTERM and SIGHUP together, and the second
would interrupt the cleaning up."""


class SignalError(BaseException):
    """The process got the signal `number`; no Exception, as nothing but cleaning up should be done."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def signals_raised() -> Iterator[None]:
    """Raise SignalError in the block when one of NAMES comes.

    A signal that is ignored, as by nohup, or that has another handler keeps it; so do all outside the main thread.
    """
    last = float("-inf")

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last > GRACE_S:
            last = time.monotonic()
            raise SignalError(number)

    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    in_main_thread = threading.current_thread() is threading.main_thread()
    ours = [number for number in numbers if in_main_thread and signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in ours:
            signal.signal(number, handle)
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
