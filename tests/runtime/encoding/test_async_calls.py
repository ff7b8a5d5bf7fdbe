"""Callers of `aencode`: the bits of `encode`, shared rounds, and nobody hurt by another's error or end."""

import asyncio
import pickle
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx import SentenceEncoder, TruncationWarning
from biobert_onnx.encoding.async_calls import AsyncCalls
from biobert_onnx.encoding.long_texts import Windows, windows_of
from biobert_onnx.encoding.micro_batches import Run
from biobert_onnx.encoding.pipeline import window_vectors
from tests.support.texts import TEXTS

T = TypeVar("T")


async def all_of(*awaitables: Awaitable[T]) -> list[T]:
    return list(await asyncio.gather(*awaitables))


def working_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "biobert-onnx async calls"]


class Gate:
    """A `run` for one number a text, its token ids' sum, that counts micro-batches and computes when it is opened."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        self.shapes: list[tuple[int, ...]] = []

    def run(self, input_ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None) -> NDArray[np.float32]:
        self.shapes.append(input_ids.shape)
        self.entered.set()
        assert self.opened.wait(timeout=30)
        sums: NDArray[np.float32] = input_ids.sum(axis=1, keepdims=True).astype(np.float32)
        return sums

    async def entrance(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, 30)


def async_calls(run: Run) -> AsyncCalls:
    return AsyncCalls(partial(window_vectors, run=run, dim=1, threads=1))


def windows_of_texts(*token_ids: Sequence[int]) -> Callable[[], Windows]:
    """What gives texts of one window each, with these token ids."""
    return lambda: windows_of(token_ids, long_texts="truncate", max_length=512)


def failing() -> Windows:
    raise ValueError("not mine to encode")


def test_callers_that_come_together_get_the_bits_of_encode(encoder: SentenceEncoder) -> None:
    expected = encoder.encode(TEXTS)
    alone = asyncio.run(all_of(*(encoder.aencode([text]) for text in TEXTS)))
    whole = asyncio.run(all_of(encoder.aencode(TEXTS), encoder.aencode(TEXTS[::-1])))
    assert (np.concatenate(alone) == expected).all()
    assert (whole[0] == expected).all()
    assert (whole[1] == expected[::-1]).all()


def test_each_caller_has_its_own_options(encoder: SentenceEncoder) -> None:
    long = "word " * 600
    short, unit, windows, none = asyncio.run(
        all_of(
            encoder.aencode(TEXTS, truncate_dim=3),
            encoder.aencode(TEXTS, normalize_embeddings=True, truncate_dim=5),
            encoder.aencode([*TEXTS, long], long_texts="window"),
            encoder.aencode([]),
        )
    )
    assert (short == encoder.encode(TEXTS, truncate_dim=3)).all()
    assert (unit == encoder.encode(TEXTS, normalize_embeddings=True, truncate_dim=5)).all()
    assert (windows == encoder.encode([*TEXTS, long], long_texts="window")).all()
    assert none.shape == (0, encoder.dim)


def test_many_texts_of_one_caller_come_in_turns_with_others(encoder: SentenceEncoder) -> None:
    texts = [f"{number} mice" for number in range(2500)]
    many, one = asyncio.run(all_of(encoder.aencode(texts), encoder.aencode(TEXTS)))
    assert (many == encoder.encode(texts)).all()
    assert (one == encoder.encode(TEXTS)).all()


def test_all_who_wait_when_a_round_begins_share_its_micro_batches() -> None:
    gate = Gate()
    callers = async_calls(gate.run)

    async def main() -> list[float]:
        first = asyncio.create_task(callers.vectors(windows_of_texts([7, 7]), texts=1))
        await gate.entrance()
        others = [asyncio.create_task(callers.vectors(windows_of_texts([number] * 3), texts=1)) for number in range(20)]
        await asyncio.sleep(0)
        gate.opened.set()
        return [float(vectors[0, 0]) for _, vectors in await all_of(first, *others)]

    assert asyncio.run(main()) == [14.0, *(3.0 * number for number in range(20))]
    assert gate.shapes == [(1, 2), (20, 3)]


def test_an_error_of_one_callers_texts_reaches_only_that_caller(encoder: SentenceEncoder) -> None:
    async def main() -> list[object]:
        bad = encoder.aencode(["word " * 600], long_texts="error"), encoder.aencode(["a", 5])  # type: ignore[list-item]
        good = encoder.aencode(TEXTS), encoder.aencode(TEXTS[:1])
        return list(await asyncio.gather(bad[0], good[0], bad[1], good[1], return_exceptions=True))

    long, first, number, second = asyncio.run(main())
    assert isinstance(long, ValueError)
    assert "sentences[0] has " in str(long)
    assert isinstance(number, TypeError)
    assert (first == encoder.encode(TEXTS)).all()
    assert (second == encoder.encode(TEXTS[:1])).all()


def test_a_caller_that_is_cancelled_is_left_out_and_the_others_never_notice() -> None:
    gate = Gate()
    callers = async_calls(gate.run)

    async def main() -> list[float | BaseException]:
        running = asyncio.create_task(callers.vectors(windows_of_texts([1]), texts=1))
        await gate.entrance()
        waiting, other = (asyncio.create_task(callers.vectors(windows_of_texts([n, n]), texts=1)) for n in (2, 3))
        await asyncio.sleep(0)
        running.cancel()
        waiting.cancel()
        await asyncio.sleep(0)
        gate.opened.set()
        done = await asyncio.gather(running, waiting, other, return_exceptions=True)
        return [each if isinstance(each, BaseException) else float(each[1][0, 0]) for each in done]

    first, second, third = asyncio.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(second, asyncio.CancelledError)
    assert third == 6.0
    assert gate.shapes == [(1, 1), (1, 2)]


def test_an_error_of_the_computing_reaches_every_caller_of_the_round_and_the_next_round_goes_on() -> None:
    def run(input_ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None) -> NDArray[np.float32]:
        if input_ids[0, 0] == 13:
            raise RuntimeError("out of memory")
        return input_ids[:, :1].astype(np.float32)

    async def main() -> None:
        callers = async_calls(run)
        jobs = (callers.vectors(each, texts=1) for each in (failing, windows_of_texts([13])))
        mine, computing = await asyncio.gather(*jobs, return_exceptions=True)
        assert isinstance(mine, ValueError)
        assert isinstance(computing, RuntimeError)
        assert (await callers.vectors(windows_of_texts([5]), texts=1))[1] == 5

    asyncio.run(main())


def test_several_event_loops_share_one_encoder(encoder: SentenceEncoder) -> None:
    expected = encoder.encode(TEXTS)
    equal: list[bool] = []

    async def client() -> None:
        for _ in range(3):
            equal.extend(bool((found == expected).all()) for found in await all_of(encoder.aencode(TEXTS)))

    async def clients() -> None:
        await all_of(*(client() for _ in range(4)))

    threads = [threading.Thread(target=lambda: asyncio.run(clients())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert equal == [True] * 48


def test_an_encoder_dropped_by_its_loop_serves_the_next_loop(encoder: SentenceEncoder) -> None:
    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await encoder.aencode([f"{number} of the texts" for number in range(500)])

    asyncio.run(give_up())
    assert (asyncio.run(encoder.aencode(TEXTS)) == encoder.encode(TEXTS)).all()


def test_closing_leaves_no_thread_and_those_who_wait_are_told(artifact: Path) -> None:
    encoder = SentenceEncoder(artifact, threads=2)

    async def main() -> list[object]:
        texts = [f"{number} of the texts" for number in range(1000)]
        waiting = [asyncio.create_task(encoder.aencode(texts)) for _ in range(5)]
        await asyncio.sleep(0)
        encoder.close()
        assert not working_threads()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    *_, last = asyncio.run(main())
    assert isinstance(last, ValueError)
    assert "the encoder is closed" in str(last)
    with pytest.raises(ValueError, match="the encoder is closed: make a new"):
        asyncio.run(encoder.aencode(["a"]))


def test_no_thread_is_kept_when_nobody_waits(encoder: SentenceEncoder) -> None:
    asyncio.run(all_of(encoder.aencode(TEXTS), encoder.aencode(TEXTS)))
    for thread in working_threads():
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_texts_that_were_cut_are_warned_of_at_the_callers_line(artifact: Path) -> None:
    async def main(encoder: SentenceEncoder) -> None:
        with pytest.warns(TruncationWarning, match="^1 of 2 texts have more tokens than max_length") as record:
            await encoder.aencode(["word " * 20, "short"])
        assert [item.filename for item in record] == [__file__]

    with SentenceEncoder(artifact, max_length=8) as encoder:
        asyncio.run(main(encoder))


def test_a_pickled_encoder_awaits_too(encoder: SentenceEncoder) -> None:
    asyncio.run(encoder.aencode(TEXTS))
    copy = pickle.loads(pickle.dumps(encoder))
    assert (asyncio.run(copy.aencode(TEXTS)) == encoder.encode(TEXTS)).all()
