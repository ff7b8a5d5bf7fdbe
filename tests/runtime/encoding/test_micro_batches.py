"""Micro-batches: one length each, every text once, and errors that come through."""

import time
from _thread import interrupt_main
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx.encoding.micro_batches import micro_batches, run_micro_batches
from tests.support.interrupts import interrupt_at

LENGTHS = [int(length) for length in np.random.default_rng(3).integers(2, 300, size=500)]


def test_every_text_is_in_one_micro_batch() -> None:
    indices = [index for batch in micro_batches(LENGTHS) for index in batch]
    assert sorted(indices) == list(range(len(LENGTHS)))


def test_a_micro_batch_holds_one_length_and_keeps_the_token_budget() -> None:
    for batch in micro_batches(LENGTHS, token_budget=256):
        assert len({LENGTHS[index] for index in batch}) == 1
        assert len(batch) == 1 or len(batch) * LENGTHS[batch[0]] <= 256


def test_the_longest_texts_come_first_so_that_no_worker_ends_long_after_the_others() -> None:
    lengths = [LENGTHS[batch[0]] for batch in micro_batches(LENGTHS)]
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_are_put_back_in_the_order_of_the_texts(threads: int) -> None:
    token_ids = [[index] * length for index, length in enumerate(LENGTHS)]
    out = np.zeros((len(LENGTHS), 2), dtype=np.float32)
    done = list(run_micro_batches(lambda ids, *_: ids[:, :2].astype(np.float32), token_ids, out=out, threads=threads))
    assert sum(done) == sum(LENGTHS)
    assert (out == np.arange(len(LENGTHS))[:, None]).all()


def test_a_micro_batch_alone_takes_all_threads_and_several_take_one_each() -> None:
    taken: list[int] = []

    def run(ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None) -> NDArray[np.float32]:
        taken.append(threads)
        return np.zeros((len(ids), 1), dtype=np.float32)

    out = np.zeros((2, 1), dtype=np.float32)
    list(run_micro_batches(run, [[1, 2], [3, 4]], out=out, threads=3))
    assert taken == [3]
    list(run_micro_batches(run, [[1, 2], [3]], out=out, threads=3))
    assert taken == [3, 1, 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_in_a_worker_is_raised(threads: int) -> None:
    def run(ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None) -> NDArray[np.float32]:
        raise MemoryError("no room")

    out = np.zeros((2, 1), dtype=np.float32)
    with pytest.raises(MemoryError, match="no room"):
        list(run_micro_batches(run, [[1, 2], [1, 2, 3]], out=out, threads=threads))


@pytest.mark.usefixtures("interruptible")
def test_control_c_while_micro_batches_are_handed_out_drops_those_not_begun() -> None:
    begun: list[int] = []

    def run(ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None) -> NDArray[np.float32]:
        begun.append(len(ids))
        if len(begun) == 5:
            interrupt_main()
        time.sleep(0.01)
        return np.zeros((len(ids), 1), dtype=np.float32)

    out = np.zeros((20_000, 1), dtype=np.float32)
    with pytest.raises(KeyboardInterrupt):
        list(run_micro_batches(run, [[1] * 512] * len(out), out=out, threads=2))
    assert len(begun) < 50


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_at_any_moment_ends_it() -> None:
    rows, out = np.zeros((1, 1), dtype=np.float32), np.zeros((20_000, 1), dtype=np.float32)
    token_ids = [[1] * 512] * len(out)
    run_all = partial(run_micro_batches, lambda *_: rows, token_ids, out=out, threads=2)
    interrupt_at(np.linspace(0.01, 0.1, 60), lambda: list(run_all()))
