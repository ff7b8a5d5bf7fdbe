"""Worker threads: every result once, errors that come through, and an end that Ctrl-C cannot prevent."""

import os
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import pytest

from biobert_onnx.encoding import workers
from biobert_onnx.encoding.workers import read_ahead, results_on_threads
from tests.support.interrupts import HANGS_S, interrupt_at
from tests.support.systems import needs_fork


def taking(items: deque[int]) -> Callable[[], int | None]:
    """What takes the next of `items`, and None when there are none left."""

    def take() -> int | None:
        try:
            return items.popleft()
        except IndexError:
            return None

    return take


@pytest.mark.parametrize("threads", [1, 4])
def test_every_result_comes_once(threads: int) -> None:
    assert sorted(results_on_threads(taking(deque(range(500))), threads=threads)) == list(range(500))


def test_several_threads_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=60)
    items = deque(range(3))

    def meet() -> int | None:
        number = taking(items)()
        if number is not None:
            together.wait()
        return number

    assert sorted(results_on_threads(meet, threads=3)) == [0, 1, 2]


def test_an_error_is_raised_and_nothing_more_is_made() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        if len(made) == 5:
            raise OSError("the disk is gone")
        time.sleep(0.001)
        return 1

    with pytest.raises(OSError, match="the disk is gone"):
        list(results_on_threads(make, threads=2))
    count_at_the_end = len(made)
    time.sleep(0.05)
    assert len(made) == count_at_the_end <= 6


def test_closing_ends_the_threads() -> None:
    numbers = count()
    results = results_on_threads(lambda: next(numbers), threads=2)
    next(results)
    results.close()
    stopped_at = next(numbers)
    time.sleep(0.05)
    assert next(numbers) == stopped_at + 1


def test_items_come_in_order_and_one_is_read_ahead() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(5):
            read.append(number)
            yield number

    ahead = read_ahead(items())
    assert read == []
    for number in range(5):
        assert next(ahead) == number
        end = time.monotonic() + 60
        while len(read) < min(number + 2, 5) and time.monotonic() < end:
            time.sleep(0.001)
        assert len(read) == min(number + 2, 5)
    assert list(ahead) == []


def test_an_error_of_the_items_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("the disk is gone")

    ahead = read_ahead(items())
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(ahead)


def test_closing_leaves_a_blocked_thread_after_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "READ_AHEAD_PATIENCE_S", 0.01)
    release = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        release.wait(timeout=60)

    ahead = read_ahead(items())
    next(ahead)
    begin = time.monotonic()
    ahead.close()
    assert time.monotonic() - begin < HANGS_S
    release.set()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_at_any_moment_ends_reading_ahead() -> None:
    interrupt_at(np.linspace(0.005, 0.05, 40), lambda: list(read_ahead(iter(range(1000)))))


def exit_code_of_child(work: Callable[[], object]) -> int:
    """Return 0 if `work`, done in a forked process, raises a RuntimeError that names the fork; -14 if it hangs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks with threads
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.alarm(HANGS_S)
    try:
        work()
    except RuntimeError as error:
        os._exit(0 if "before a fork" in str(error) else 2)
    finally:
        os._exit(1)


@needs_fork
@pytest.mark.parametrize(
    "begin",
    [lambda: read_ahead(iter(range(9))), lambda: results_on_threads(taking(deque(range(9))), threads=2)],
    ids=["read ahead", "results"],
)
def test_a_forked_process_cannot_go_on_with_its_parents_results(begin: Callable[[], Iterator[int]]) -> None:
    results = begin()
    first = next(results)
    assert exit_code_of_child(lambda: deque(results, maxlen=0)) == 0
    assert sorted([first, *results]) == list(range(9))
