"""The order of steps: small calls first, equal shares for others, and nobody starves."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from biobert_onnx.encoding.call import Call
from biobert_onnx.encoding.fair_queue import HEAD_START, FairQueue, MicroBatchStep, Step, TokenizingStep
from biobert_onnx.encoding.stepwise_call import StepwiseCall
from tests.support.stepwise import OPTIONS, sums_of_words, words_pipeline

MakeCall = Callable[[Sequence[int]], StepwiseCall]


@pytest.fixture
def call_of(artifact: Path) -> MakeCall:
    """Make a call with texts of so many words each."""
    pipeline = words_pipeline(artifact)
    return lambda words: StepwiseCall(Call(["a " * count for count in words], OPTIONS, pairs=False), pipeline)


def do_next(queue: FairQueue) -> Step:
    """Do the next step, and let calls that are done wait no more."""
    step = queue.next_step()
    assert step is not None
    step.work(sums_of_words, 1)
    step.settle()
    for call in step.calls:
        if not call.texts_left:
            queue.remove(call)
    return step


def queue_of(*calls: StepwiseCall) -> FairQueue:
    queue = FairQueue()
    for call in calls:
        queue.add(call)
    return queue


def test_a_small_call_overtakes_big_ones(call_of: MakeCall) -> None:
    big = [call_of(range(100, 400)) for _ in range(3)]
    queue = queue_of(*big)
    for _ in range(50):
        do_next(queue)
    small = call_of([9])
    queue.add(small)
    assert [do_next(queue).calls for _ in range(2)] == [(small,), [small]]
    assert not small.texts_left


def test_a_big_call_is_served_though_small_ones_come_without_end(call_of: MakeCall) -> None:
    big = call_of(range(200, 220))
    queue = queue_of(big)
    small_tokens = 0
    while big.texts_left:
        while len(queue) < 4:  # there are always some
            queue.add(call_of([9]))
        step = do_next(queue)
        if isinstance(step, MicroBatchStep) and big not in step.calls:
            small_tokens += 11 * len(step.calls)
        assert small_tokens < 20 * HEAD_START


def test_calls_of_many_texts_get_equal_shares(call_of: MakeCall) -> None:
    calls = [call_of(range(150, 250)) for _ in range(3)]
    queue = queue_of(*calls)
    for _ in range(30):
        do_next(queue)
    for _ in range(100):
        do_next(queue)
        left = [call.texts_left for call in calls]
        assert max(left) - min(left) <= 3


def test_a_call_that_comes_later_does_not_wait_for_what_earlier_ones_had(call_of: MakeCall) -> None:
    early = call_of(range(100, 300))
    queue = queue_of(early)
    while early.texts_left > 100:
        do_next(queue)
    late = call_of(range(100, 300))
    queue.add(late)
    while late.texts_left > 150:
        do_next(queue)
    assert 30 <= 100 - early.texts_left <= 60


def test_calls_that_come_together_are_all_tokenized_and_then_computed_together(call_of: MakeCall) -> None:
    calls = [call_of([5]) for _ in range(20)]
    queue = queue_of(*calls)
    steps = [do_next(queue) for _ in range(21)]
    assert all(isinstance(step, TokenizingStep) for step in steps[:20])
    assert list(steps[20].calls) == calls
    assert len(queue) == 0
    assert queue.next_step() is None


def test_a_micro_batch_has_256_tokens_at_most_and_the_calls_in_it_came_first(call_of: MakeCall) -> None:
    calls = [call_of([98]) for _ in range(3)]
    queue = queue_of(*calls)
    steps = [do_next(queue) for _ in range(5)]
    assert [list(step.calls) for step in steps[3:]] == [calls[:2], calls[2:]]


def test_a_small_call_is_not_computed_together_with_what_others_want_of_a_big_one(call_of: MakeCall) -> None:
    big = call_of([*range(300, 340), 9])
    queue = queue_of(big)
    while not big.count(11):
        do_next(queue)
    small = call_of([9])
    queue.add(small)
    do_next(queue)
    step = do_next(queue)
    assert step.calls == [small]
    assert big.count(11) == 1


def test_a_big_call_takes_small_ones_of_its_length_along(call_of: MakeCall) -> None:
    big, small = call_of([9] + [300 + number for number in range(40)]), call_of([9])
    queue = queue_of(big)
    while big.texts_left > 1:
        do_next(queue)
    small.begin_tokenizing()
    small.add(small.tokenize())
    queue.add(small)
    assert set(do_next(queue).calls) <= {big, small}
    assert not small.texts_left


def test_a_call_that_was_removed_has_no_step(call_of: MakeCall) -> None:
    call = call_of([3, 4, 5])
    queue = queue_of(call)
    do_next(queue)
    queue.remove(call)
    assert not queue.has_step()
    assert queue.next_step() is None


def test_one_call_is_tokenized_by_one_thread_at_a_time(call_of: MakeCall) -> None:
    queue = queue_of(call_of(range(100, 400)))
    step = queue.next_step()
    assert isinstance(step, TokenizingStep)
    assert queue.next_step() is None
    step.work(sums_of_words, 1)
    step.settle()
    assert isinstance(queue.next_step(), MicroBatchStep)
