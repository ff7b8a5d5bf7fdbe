"""Callers that come at the same time, from any event loops, computed together on one thread beside the loops."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.after_fork import begin_anew_after_forks
from biobert_onnx.encoding.long_texts import Windows
from biobert_onnx.encoding.micro_batches import Run, run_micro_batches

if TYPE_CHECKING:
    from concurrent.futures import Future

PATIENCE_S = 0.005
"""Seconds that a round waits for the callers of the round before to come back; after a caller alone, for nobody."""

ROUND = 1024
"""Texts in one round (but one caller's): what later callers may have to wait for."""


@dataclass(frozen=True, kw_only=True)
class _Caller:
    """How to get the windows of `texts` texts, and where they and their vectors are awaited."""

    windows: Callable[[], Windows]
    texts: int
    answer: "Future[tuple[Windows, FloatArray]]"


class ConcurrentCallers:
    """Computes in rounds: all who wait when a round begins share its micro-batches.

    The thread begins with a caller and ends when none is left. A forked process begins with no callers.
    """

    def __init__(self, run: Run, *, dim: int, threads: int) -> None:
        """`run` gives the embeddings (batch, dim) of a micro-batch; each round takes `threads` workers for them."""
        self._run, self._dim, self._threads = run, dim, threads
        self.begin_anew()
        begin_anew_after_forks(self)

    async def vectors(self, windows: Callable[[], Windows], *, texts: int) -> tuple[Windows, FloatArray]:
        """What `windows` gives for `texts` texts, called on the thread, and their vectors (windows, dim) float32.

        An error of `windows` reaches this caller only, one of the computing all callers of the round. A caller that is
        cancelled before its round is left out; the others never notice.
        """
        import asyncio  # whoever awaits this has it already; others need not pay 30 ms for it
        from concurrent.futures import Future

        caller = _Caller(windows=windows, texts=texts, answer=Future())
        self._add(caller)
        return await asyncio.wrap_future(caller.answer)

    def close(self) -> None:
        """Wait for the thread to end, which it does once those who wait now have their answers."""
        if self._thread:
            self._thread.join()

    def begin_anew(self) -> None:
        """Have no callers: a fork copies neither the thread nor the loops of those who wait."""
        self._changed = threading.Condition()
        self._waiting: deque[_Caller] = deque()
        self._thread: threading.Thread | None = None
        self._working, self._expected = False, 1

    def _add(self, caller: _Caller) -> None:
        with self._changed:
            if not self._working:
                self._thread = threading.Thread(target=self._work, name="biobert-onnx callers")
                self._thread.start()
                self._working = True
            self._waiting.append(caller)
            self._changed.notify()

    def _work(self) -> None:
        while callers := self._next_round():
            self._answer(callers)

    def _next_round(self) -> list[_Caller]:
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) >= self._expected, timeout=PATIENCE_S)
            callers = self._taken()
            self._working, self._expected = bool(callers), max(1, len(callers))
            return callers

    def _taken(self) -> list[_Caller]:
        callers: list[_Caller] = []
        room = ROUND
        while self._waiting and (not callers or self._waiting[0].texts <= room):
            caller = self._waiting.popleft()
            if caller.answer.set_running_or_notify_cancel():
                callers.append(caller)
                room -= caller.texts
        return callers

    def _answer(self, callers: Sequence[_Caller]) -> None:
        ready: list[tuple[_Caller, Windows]] = []
        for caller in callers:
            try:
                ready.append((caller, caller.windows()))
            except Exception as error:  # whatever it is, it is this caller's
                caller.answer.set_exception(error)
        try:
            vectors = self._computed([windows for _, windows in ready])
        except Exception as error:  # the thread has nobody else to tell
            for caller, _ in ready:
                caller.answer.set_exception(error)
            return
        start = 0
        for caller, windows in ready:
            stop = start + len(windows.token_ids)
            caller.answer.set_result((windows, vectors[start:stop]))
            start = stop

    def _computed(self, windows: Sequence[Windows]) -> FloatArray:
        token_ids = list(chain.from_iterable(some.token_ids for some in windows))
        vectors = np.empty((len(token_ids), self._dim), dtype=np.float32)
        for _ in run_micro_batches(self._run, token_ids, out=vectors, threads=self._threads):
            pass
        return vectors
