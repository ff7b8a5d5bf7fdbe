"""What the app holds while it runs."""

import gc
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Self, TextIO

from biobert_onnx.errors import TruncationWarning
from biobert_onnx.serving.http.admission import Admission, HeldBody, Ticket
from biobert_onnx.serving.http.memory import FreedMemory
from biobert_onnx.serving.http.metrics import Metrics
from biobert_onnx.serving.http.models import Models
from biobert_onnx.serving.settings import Settings

END_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Served:
    """The settings, the encoders, and what watches over requests."""

    settings: Settings
    models: Models
    admission: Admission
    metrics: Metrics
    memory: FreedMemory

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the artifacts of `settings`; raises as `Models.open` does."""
        return cls(settings, Models.open(settings), Admission(settings), Metrics(), FreedMemory())

    @contextmanager
    def body(self) -> Iterator[HeldBody]:
        """Count the bytes of a body in the block, and give back after it what a large one took."""
        with self.admission.body() as held:
            try:
                yield held
            finally:
                self.memory.give_back_after(held.size)

    @contextmanager
    def in_flight(self) -> Iterator[Ticket]:
        """Count a request as in flight in the block, and give back what it took; raises as `Admission.request` does."""
        with self.admission.request() as ticket:
            self.count_in_flight()
            try:
                yield ticket
            finally:
                self.memory.give_back_after(ticket.weight)
        self.count_in_flight()

    def count_in_flight(self) -> None:
        """Let the metrics show what is in flight now."""
        self.metrics.set_in_flight(self.admission.in_flight, self.admission.waiting)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Notice, in the block, texts that are cut and the signals that end the server; close everything after it."""
        gc.collect()
        gc.freeze()  # what lives as long as the server need not be looked through again and again
        try:
            with self._counting_cut_texts(), _noticing_end(self.admission.close):
                yield
        finally:
            self.admission.close()
            self.memory.cancel()
            self.metrics.close()
            self.models.close()
            gc.unfreeze()

    @contextmanager
    def _counting_cut_texts(self) -> Iterator[None]:
        """Count texts that are cut in place of warning of them: the client knows, and the log is the server's."""

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if isinstance(message, TruncationWarning):
                self.metrics.count_cut_texts(message.cut)
            else:
                show_others(message, category, filename, lineno, file, line)

        with warnings.catch_warnings():
            show_others = warnings.showwarning
            warnings.simplefilter("always", TruncationWarning)
            warnings.showwarning = show
            yield


@contextmanager
def _noticing_end(closing: Callable[[], None]) -> Iterator[None]:
    """Call `closing` in the block when a signal that ends the server comes, before the server's own handler.

    The server goes on for as long as it takes to answer what is in flight. Outside the main thread nothing is noticed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in END_SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        closing()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    handled = [number for number in END_SIGNALS if callable(before[number])]
    for number in handled:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in handled:
            if signal.getsignal(number) is handle:
                signal.signal(number, before[number])
