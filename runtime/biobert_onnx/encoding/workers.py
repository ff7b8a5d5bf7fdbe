"""Worker threads that make results for one consumer, which Ctrl-C can leave at any moment.

Ctrl-C may fall between any two steps of the thread that consumes. So all that it shares with the workers are queues and
lists, whose steps are whole: the locks of `threading` and of its thread pools have steps in Python, and one that an
interrupt leaves closed is waited for without end. Where Ctrl-C cannot fall, a ThreadPoolExecutor is simpler.
"""

import os
import time
from _thread import start_new_thread
from collections.abc import Callable, Generator, Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

HEARTBEAT_S = 0.2
"""Seconds that the consumer waits at a time. A signal that comes just before a wait begins is seen at its end."""

READ_AHEAD_PATIENCE_S = 1.0
"""Seconds that closing a read-ahead waits for its thread. A thread that is blocked inside the iterator, on a terminal
or a socket, cannot be ended from outside: it ends with the next item, or with the process."""

FORKED = (
    "the vectors that were begun before a fork are made in the parent process alone: begin anew in the child, with "
    "another call"
)


def results_on_threads(make: Callable[[], T | None], *, threads: int) -> Generator[T, None, None]:
    """Yield what `make` returns, in the order of its returns, called on `threads` threads until it returns None.

    An error of `make` is raised here. After it, or when the generator is closed, `make` is called no more, and what is
    being made is waited for.
    """
    return _Workers(make).results(threads)


def read_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield `items`, each of which is made on a thread while the consumer works on the one before it.

    Nothing is read before the first item is asked for, and at most one item is made ahead. An error of `items` is
    raised after the items before it. Closing the generator ends the thread, or leaves it after READ_AHEAD_PATIENCE_S.
    """
    return _Workers(lambda: next(items, None), one_ahead=True, patience_s=READ_AHEAD_PATIENCE_S).results(threads=1)


class _Workers(Generic[T]):
    """Threads that call `make` until it returns None or fails, or until the consumer has gone."""

    def __init__(
        self, make: Callable[[], T | None], *, one_ahead: bool = False, patience_s: float | None = None
    ) -> None:
        """With `one_ahead` a result is made when one is wanted; else they are made without waiting.

        `patience_s`: seconds to wait for the threads' end; None waits as long as it takes.
        """
        self._make = make
        self._patience_s = patience_s
        self._wanted: SimpleQueue[bool] | None = SimpleQueue() if one_ahead else None
        self._made: SimpleQueue[T | BaseException | None] = SimpleQueue()
        self._process = os.getpid()
        self._gone: list[None] = []  # not empty once the consumer has gone or will go
        self._ended: list[None] = []  # one entry a thread that has ended

    def results(self, threads: int) -> Generator[T, None, None]:
        started = 0
        try:
            for _ in range(threads):
                start_new_thread(self._work, ())
                started += 1
            self._want()
            while len(self._ended) < started or not self._made.empty():
                if self._is_forked:
                    raise RuntimeError(FORKED)
                try:
                    result = self._made.get(timeout=HEARTBEAT_S)
                except Empty:
                    continue
                if isinstance(result, BaseException):
                    try:
                        raise result
                    finally:
                        del result  # it refers to this frame: a cycle would keep all that the workers hold
                if result is not None:  # None only wakes this thread: another one has ended
                    self._want()
                    yield result
        finally:
            if not self._is_forked:
                self._gone.append(None)
                self._want()
                self._wait_for_end(started)

    @property
    def _is_forked(self) -> bool:
        """Whether this is a child of the process that began: a fork copies neither the threads nor what they make."""
        return os.getpid() != self._process

    def _work(self) -> None:
        """Make results until there are no more, or no one takes them; runs on each worker thread."""
        try:
            while self._is_wanted() and (result := self._make()) is not None:
                self._made.put(result)
        except BaseException as error:
            self._gone.append(None)  # the consumer will raise it and go
            self._made.put(error)
        self._ended.append(None)
        self._made.put(None)

    def _want(self) -> None:
        """Let one more result be made, or wake the thread that waits for that."""
        if self._wanted is not None:
            self._wanted.put(True)

    def _is_wanted(self) -> bool:
        """Whether to make one more result; waits until it is known."""
        if self._wanted is not None:
            self._wanted.get()
        return not self._gone

    def _wait_for_end(self, started: int) -> None:
        until = None if self._patience_s is None else time.monotonic() + self._patience_s
        while len(self._ended) < started:
            try:
                self._made.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
            except Empty:
                return
