"""Calls that are awaited at the same time, from any event loops, computed together on one thread beside the loops."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.after_fork import reset_after_fork
from biobert_onnx.encoding.long_texts import Windows

if TYPE_CHECKING:
    from concurrent.futures import Future

ROUND_PATIENCE_S = 0.005
"""Seconds that a round waits for the callers of the last round to call again; after a lone caller it does not wait."""

ROUND_TEXTS = 1024
"""Texts in one round, unless one call has more: what later calls may have to wait for."""


@dataclass(frozen=True, kw_only=True)
class _Call:
    """One awaited call: how to get the windows of its `texts` texts, and where it waits for their vectors."""

    windows: Callable[[], Windows]
    texts: int
    answer: "Future[tuple[Windows, FloatArray]]"


class AsyncCalls:
    """Computes in rounds: all calls that wait when a round begins share its micro-batches.

    The thread begins with a call and ends when no call is left. A forked process begins with no calls.
    """

    def __init__(self, vectors: Callable[[Sequence[Windows]], list[FloatArray]]) -> None:
        """`vectors` computes the vectors (windows, dim) of each call of a round."""
        self._vectors = vectors
        self.begin_anew()
        reset_after_fork(self)

    async def vectors(self, windows: Callable[[], Windows], *, texts: int) -> tuple[Windows, FloatArray]:
        """Return the windows of `texts` texts, and their vectors (windows, dim) float32.

        `windows` is called on the thread; its error reaches this call only, an error of the computing every call of
        the round. A call that is cancelled before its round is left out; the others never notice.
        """
        import asyncio  # whoever awaits this has imported it; others need not pay 30 ms for it
        from concurrent.futures import Future

        call = _Call(windows=windows, texts=texts, answer=Future())
        self._add(call)
        return await asyncio.wrap_future(call.answer)

    def close(self) -> None:
        """Wait for the thread to end, which it does once the calls that wait now have their answers."""
        if self._thread:
            self._thread.join()

    def begin_anew(self) -> None:
        """Have no calls: a fork copies neither the thread nor the loops of those who wait."""
        self._changed = threading.Condition()
        self._waiting: deque[_Call] = deque()
        self._thread: threading.Thread | None = None
        self._is_working, self._expected = False, 1

    def _add(self, call: _Call) -> None:
        with self._changed:
            if not self._is_working:
                self._thread = threading.Thread(target=self._work, name="biobert-onnx async calls")
                self._thread.start()
                self._is_working = True
            self._waiting.append(call)
            self._changed.notify()

    def _work(self) -> None:
        while calls := self._next_round():
            self._answer(calls)

    def _next_round(self) -> list[_Call]:
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) >= self._expected, timeout=ROUND_PATIENCE_S)
            calls = self._take_round()
            self._is_working, self._expected = bool(calls), max(1, len(calls))
            return calls

    def _take_round(self) -> list[_Call]:
        calls: list[_Call] = []
        room = ROUND_TEXTS
        while self._waiting and (not calls or self._waiting[0].texts <= room):
            call = self._waiting.popleft()
            if call.answer.set_running_or_notify_cancel():
                calls.append(call)
                room -= call.texts
        return calls

    def _answer(self, calls: Sequence[_Call]) -> None:
        ready: list[tuple[_Call, Windows]] = []
        for call in calls:
            try:
                ready.append((call, call.windows()))
            except Exception as error:  # whatever it is, it is this call's
                call.answer.set_exception(error)
        try:
            vectors = self._vectors([windows for _, windows in ready])
        except Exception as error:  # the thread has nobody else to raise it to
            for call, _ in ready:
                call.answer.set_exception(error)
            return
        for (call, windows), rows in zip(ready, vectors, strict=True):
            call.answer.set_result((windows, rows))
