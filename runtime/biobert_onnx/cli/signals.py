"""Signals that end the command: they become exceptions, so that work files are removed on the way out."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that Ctrl-C, schedulers, containers and closed terminals send; Windows has no SIGHUP."""

UNTOUCHED = (signal.SIG_DFL, signal.default_int_handler)
"""Handlers of signals that nobody has changed; the second one is Python's own, of SIGINT."""

GRACE_S = 5.0
"""Seconds after a signal in which another one is ignored: systemd sends SIGTERM and SIGHUP together, people press
Ctrl-C twice, and the second would interrupt the cleaning up."""


class SignalError(BaseException):
    """The process got the signal `number`; no Exception, as nothing but cleaning up should be done."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def signals_raised() -> Iterator[None]:
    """Raise SignalError in the block when one of NAMES comes, KeyboardInterrupt for SIGINT.

    A signal that is ignored, as by nohup, or that has another handler keeps it; so do all outside the main thread. The
    handlers go with the block, unless a signal ends it.
    """
    last = float("-inf")

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last > GRACE_S:
            last = time.monotonic()
            raise KeyboardInterrupt if number == signal.SIGINT else SignalError(number)

    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in numbers if in_main_thread}
    ours = {number: handler for number, handler in before.items() if handler in UNTOUCHED}
    try:
        for number in ours:
            signal.signal(number, handle)
        yield
    except (KeyboardInterrupt, SignalError):  # the process ends now, and no second signal shall disturb that
        ours.clear()
        raise
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
