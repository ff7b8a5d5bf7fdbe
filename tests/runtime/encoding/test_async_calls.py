"""Callers of `aencode`: the bits of `encode`, shared micro-batches, and nobody hurt by another's error or end."""

import asyncio
import pickle
import random
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx import SentenceEncoder, TruncationWarning
from biobert_onnx.encoding.async_calls import AsyncCalls
from biobert_onnx.encoding.call import Call
from biobert_onnx.encoding.micro_batches import Run
from tests.support.stepwise import OPTIONS, sums_of_words, words_pipeline
from tests.support.texts import TEXTS

T = TypeVar("T")

BULK = tuple(range(200, 240))
"""The words of many texts, each a micro-batch."""


async def all_of(*awaitables: Awaitable[T]) -> list[T]:
    return list(await asyncio.gather(*awaitables))


def working_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "biobert-onnx async calls"]


def join_idle_threads() -> None:
    """Wait for the threads of earlier calls, which end soon."""
    for thread in working_threads():
        thread.join(timeout=30)
        assert not thread.is_alive()


class Gate:
    """A `run` that notes the shape of each micro-batch and its threads, and computes long ones when it is opened.

    `short`: the tokens of texts that may pass. `free`: micro-batches that pass before.
    """

    def __init__(self, *, short: int = 0, free: int = 0) -> None:
        self.opened = threading.Event()
        self.short, self.free = short, free
        self.shapes: list[tuple[int, ...]] = []
        self.threads: list[int] = []

    def run(self, input_ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None) -> NDArray[np.float32]:
        self.shapes.append(input_ids.shape)
        self.threads.append(threads)
        if input_ids.shape[1] > self.short and len(self.shapes) > self.free:
            assert self.opened.wait(timeout=30)
        return sums_of_words(input_ids, threads, types)

    async def entrance(self, micro_batches: int = 1) -> None:
        """Wait until so many micro-batches have come."""
        async with asyncio.timeout(30):
            while len(self.shapes) < micro_batches:
                await asyncio.sleep(0.001)


class Callers:
    """Calls with vectors of one number, the words of the text, as `run` computes them."""

    def __init__(self, artifact: Path, run: Run, *, threads: int = 1) -> None:
        self.calls = AsyncCalls(words_pipeline(artifact, run, threads=threads))

    async def call(self, *words: int) -> list[float]:
        """Await texts of so many words each."""
        call = Call(["a " * count for count in words], OPTIONS, pairs=False)
        await self.calls.fill(call)
        return list(map(float, call.finish(stacklevel=1)[0][:, 0]))

    async def begin(self, *calls: tuple[int, ...]) -> list[asyncio.Task[list[float]]]:
        """Let tasks await texts of so many words each."""
        tasks = [asyncio.create_task(self.call(*words)) for words in calls]
        await asyncio.sleep(0)
        return tasks


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


def test_a_few_callers_texts_of_one_length_share_a_micro_batch_without_waiting_for_others(artifact: Path) -> None:
    gate = Gate()
    callers = Callers(artifact, gate.run)

    async def main() -> list[list[float]]:
        first = await callers.begin((2,), (4,))
        await gate.entrance(2)
        others = await callers.begin(*((3,) for _ in range(20)))
        gate.opened.set()
        return await all_of(*first, *others)

    assert asyncio.run(main()) == [[2.0], [4.0], *([3.0] for _ in range(20))]
    assert sum(texts for texts, tokens in gate.shapes if tokens == 5) == 20
    assert len(gate.shapes) <= 4  # one thread may begin while the other tokenizes the last text


def test_a_sentence_does_not_wait_for_what_a_big_call_computes(artifact: Path) -> None:
    gate = Gate(short=50, free=10)
    callers = Callers(artifact, gate.run)

    async def main() -> None:
        bulk = await callers.begin(BULK)
        await gate.entrance(11)
        assert await callers.call(7) == [7.0]
        assert callers.calls.waiting == (1, len(BULK) - 10)
        gate.opened.set()
        assert await bulk[0] == [*map(float, BULK)]

    asyncio.run(main())


def test_a_micro_batch_that_is_alone_takes_all_threads_and_others_take_one_each(artifact: Path) -> None:
    gate = Gate()
    callers = Callers(artifact, gate.run, threads=3)

    async def main() -> None:
        alone = await callers.begin((4,))
        await gate.entrance()
        beside = await callers.begin((250, 249, 248))
        while len(gate.shapes) < 3:  # a third thread takes nothing while two are asked for
            await asyncio.sleep(0.001)
        gate.opened.set()
        assert await all_of(*alone, *beside) == [[4.0], [250.0, 249.0, 248.0]]

    asyncio.run(main())
    assert gate.shapes[0] == (1, 6)
    assert gate.threads[:3] == [3, 1, 1]  # what is left at the end may be alone again


def test_what_waits_can_be_asked(artifact: Path) -> None:
    gate = Gate()
    callers = Callers(artifact, gate.run)

    async def main() -> None:
        tasks = await callers.begin((1, 2, 3), (4,))
        await gate.entrance()
        assert callers.calls.waiting == (2, 4)
        tasks[0].cancel()
        await asyncio.sleep(0)
        assert callers.calls.waiting == (1, 1)
        gate.opened.set()
        await tasks[1]
        assert callers.calls.waiting == (0, 0)

    asyncio.run(main())


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


def test_a_caller_that_is_cancelled_is_computed_no_further_and_the_others_never_notice(artifact: Path) -> None:
    gate = Gate()
    callers = Callers(artifact, gate.run)

    async def main() -> list[object]:
        running = await callers.begin(BULK)
        await gate.entrance(2)
        waiting, other = await callers.begin((6,), (7,))
        running[0].cancel()
        waiting.cancel()
        await asyncio.sleep(0)
        gate.opened.set()
        return list(await asyncio.gather(*running, waiting, other, return_exceptions=True))

    first, second, third = asyncio.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(second, asyncio.CancelledError)
    assert third == [7.0]
    assert gate.shapes[2:] == [(1, 9)]


def test_an_error_of_the_computing_reaches_every_caller_of_the_micro_batch_and_no_other(artifact: Path) -> None:
    gate = Gate()

    def run(input_ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None) -> NDArray[np.float32]:
        if input_ids.shape[1] == 15:
            raise RuntimeError("out of memory")
        return gate.run(input_ids, threads, types)

    callers = Callers(artifact, run)

    async def main() -> None:
        first = await callers.begin((1,))
        await gate.entrance()
        others = await callers.begin((13, 5), (13,), (5,))
        gate.opened.set()
        one, two, three = await asyncio.gather(*others, return_exceptions=True)
        assert isinstance(one, RuntimeError)
        assert isinstance(two, RuntimeError)
        assert (three, await first[0]) == ([5.0], [1.0])
        assert await callers.call(4) == [4.0]

    asyncio.run(main())


def test_closing_tells_those_who_wait_and_computes_nothing_more_of_them(artifact: Path) -> None:
    join_idle_threads()
    gate = Gate()
    callers = Callers(artifact, gate.run)

    async def main() -> list[str]:
        tasks = await callers.begin(BULK, (3,), (4,))
        await gate.entrance(2)
        closing = asyncio.create_task(asyncio.to_thread(callers.calls.close))
        done = list(map(str, await asyncio.gather(*tasks, return_exceptions=True)))
        gate.opened.set()
        await closing
        return done

    assert asyncio.run(main()) == ["the encoder is closed: make a new SentenceEncoder"] * 3
    assert len(gate.shapes) == 2
    assert not working_threads()


def test_a_loop_that_is_closed_while_its_call_waits_harms_nobody(artifact: Path) -> None:
    gate = Gate()
    callers = Callers(artifact, gate.run)
    loop = asyncio.new_event_loop()
    abandoned = callers.call(2, 3)
    task = loop.create_task(abandoned)
    loop.run_until_complete(gate.entrance())
    loop.close()
    gate.opened.set()
    assert asyncio.run(callers.call(4)) == [4.0]
    assert asyncio.run(callers.call(5)) == [5.0]
    assert not task.done()
    abandoned.close()


def test_random_callers_some_of_whom_give_up_get_their_own_vectors(encoder: SentenceEncoder) -> None:
    numbers = random.Random(7)
    texts = [f"{word} " * numbers.randint(1, 9) + str(number) for number in range(300) for word in ("mice", "renal")]
    expected = dict(zip(texts, encoder.encode(texts), strict=True))
    finished: list[bool] = []

    async def caller() -> None:
        for _ in range(4):
            own = numbers.sample(texts, numbers.choice((1, 1, 3, 40, 200)))
            wait = asyncio.create_task(encoder.aencode(own))
            if numbers.random() < 0.3:
                await asyncio.sleep(numbers.random() / 50)
                wait.cancel()
            try:
                rows = await wait
            except asyncio.CancelledError:
                continue
            finished.append(bool((rows == np.array([expected[text] for text in own])).all()))

    asyncio.run(all_of(*(caller() for _ in range(12))))
    assert len(finished) > 20
    assert all(finished)
    assert encoder.waiting == (0, 0)


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
    join_idle_threads()
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
    join_idle_threads()


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
