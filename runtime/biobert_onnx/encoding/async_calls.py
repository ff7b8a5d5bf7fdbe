"""Calls that are awaited at the same time, from any event loops, computed on threads beside the loops."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from biobert_onnx.encoding.after_fork import reset_after_fork
from biobert_onnx.encoding.call import Call
from biobert_onnx.encoding.fair_queue import FairQueue, Step
from biobert_onnx.encoding.pipeline import Pipeline
from biobert_onnx.encoding.stepwise_call import StepwiseCall
from biobert_onnx.errors import CLOSED

if TYPE_CHECKING:
    import asyncio

IDLE_S = 0.05
"""Seconds that a thread waits for another step before it ends: the process waits for it where it would end itself."""


class Waiting(NamedTuple):
    """How much is awaited now: calls, and texts in them that have no vector yet."""

    calls: int
    texts: int


class AsyncCalls:
    """Threads that do the steps of all calls that wait, in the order of `FairQueue`.

    They are as many as the pipeline's, and one more, which does steps of small calls while all the others are at work:
    a sentence shares the CPUs with the micro-batches of bigger calls, and waits for none of them.

    A thread begins when there is a step for it, and ends when there has been none for IDLE_S. A forked process begins
    with no calls.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        """Compute with `pipeline`."""
        self._pipeline = pipeline
        self.begin_anew()
        reset_after_fork(self)

    async def fill(self, call: Call) -> None:
        """Fill `call`.

        An error of its texts reaches this call only, an error of the computing the calls in that micro-batch. When it
        is cancelled, no further step of it is done; the others never notice.
        """
        from asyncio import get_running_loop  # whoever awaits this has imported it; others need not pay 30 ms for it

        if not call.texts:
            return
        stepwise, answer = StepwiseCall(call, self._pipeline), get_running_loop().create_future()
        with self._lock:
            self._answers[stepwise] = answer
            self._queue.add(stepwise)
            self._call_thread()
        try:
            await answer
        finally:
            self._take_answers([stepwise])
            del answer  # the error that it may hold refers to this frame: a cycle would keep the pipeline

    @property
    def waiting(self) -> Waiting:
        """What waits now, or is being computed."""
        with self._lock:
            return Waiting(calls=len(self._queue), texts=sum(call.texts_left for call in self._queue))

    def close(self) -> None:
        """Let all calls that wait raise ValueError where they are awaited; wait for the threads to end.

        A step that is being done is finished first.
        """
        with self._lock:
            calls, threads = list(self._queue), list(self._threads)
            self._threads.clear()
            while self._idle:
                self._wake_thread()
        self._answer(calls, ValueError(CLOSED))
        for thread in threads:
            thread.join()

    def begin_anew(self) -> None:
        """Have no calls: a fork copies neither the threads nor the loops of those who wait."""
        self._lock = threading.Lock()
        self._queue = FairQueue()
        self._answers: dict[StepwiseCall, asyncio.Future[None]] = {}
        # A thread is idle, looks for a step, or is at work on one.
        self._threads: set[threading.Thread] = set()
        self._idle: list[threading.Lock] = []  # each thread waits for its own lock to be opened
        self._looking = self._at_work = 0

    def _call_thread(self) -> None:
        """See to it that a thread looks for a step; the lock is held.

        That one calls another if it leaves a step. So no more threads are woken than there are steps.
        """
        if self._looking:
            return
        if self._idle:
            self._wake_thread()
        elif len(self._threads) < self._pipeline.threads + 1:
            thread = threading.Thread(target=self._work, name="biobert-onnx async calls")
            self._threads.add(thread)
            self._looking += 1
            thread.start()

    def _wake_thread(self) -> None:
        """Let the thread look for a step that has been idle for the shortest time; the others may end."""
        self._looking += 1
        self._idle.pop().release()

    def _work(self) -> None:
        """Do steps until there are no more; runs on each thread."""
        error: Exception | None = None
        while (begun := self._next_step()) is not None:
            step, threads = begun
            try:
                step.work(self._pipeline.run, threads)
            except Exception as raised:  # the thread has nobody else to raise it to
                error = raised
            with self._lock:
                if error is None:
                    step.settle()
                self._at_work -= 1
                self._looking += 1
            self._answer([call for call in step.calls if error is not None or not call.texts_left], error)
            error = None  # its traceback refers to this frame: a cycle would keep the pipeline

    def _next_step(self) -> tuple[Step, int] | None:
        """Return the next step and how many threads it takes; None if this thread, which looks for one, shall end."""
        while True:
            with self._lock:
                self._looking -= 1
                if threading.current_thread() not in self._threads:
                    return None
                step = self._queue.next_step(only_small=self._are_all_at_work)
                if step is not None:
                    return step, self._begin_step()
                awakening = threading.Lock()
                awakening.acquire()
                self._idle.append(awakening)
            if not awakening.acquire(timeout=IDLE_S) and self._ends(awakening):
                return None

    def _begin_step(self) -> int:
        """Return how many threads the step that begins takes: all if nothing else is done meanwhile, else one."""
        self._at_work += 1
        if self._queue.has_step(only_small=self._are_all_at_work):
            self._call_thread()
        is_alone = self._at_work == 1 and not self._queue.has_step()
        return self._pipeline.threads if is_alone else 1

    @property
    def _are_all_at_work(self) -> bool:
        return self._at_work >= self._pipeline.threads

    def _ends(self, awakening: threading.Lock) -> bool:
        """End this thread, which waits for `awakening`, unless it has just been woken after all."""
        with self._lock:
            if awakening not in self._idle:
                return False
            self._idle.remove(awakening)
            self._threads.discard(threading.current_thread())
            return True

    def _answer(self, calls: Sequence[StepwiseCall], error: Exception | None) -> None:
        """Wake those who await `calls`, which are done, or let them raise `error`."""
        for answer in self._take_answers(calls):
            with suppress(RuntimeError):  # its loop is closed: nobody awaits it any more
                answer.get_loop().call_soon_threadsafe(_set_answer, answer, error)

    def _take_answers(self, calls: Sequence[StepwiseCall]) -> "list[asyncio.Future[None]]":
        """Let `calls` wait no more; return where their answers are awaited, if they have none yet."""
        with self._lock:
            for call in calls:
                self._queue.remove(call)
            return [self._answers.pop(call) for call in calls if call in self._answers]


def _set_answer(answer: "asyncio.Future[None]", error: Exception | None) -> None:
    """Set `answer`, in its own loop, unless it was cancelled."""
    if answer.done():
        return
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)
