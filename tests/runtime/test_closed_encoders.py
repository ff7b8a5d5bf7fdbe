"""An encoder that was closed is freed at once: nothing of it waits for Python's garbage collector.

The collector comes seldom, and sees few objects where a tokenizer or a graph of megabytes hangs on them.
"""

import asyncio
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding.texts import Chunk
from tests.support.engines import each_engine
from tests.support.interrupts import no_collector
from tests.support.texts import TEXTS

LONG = ["Sepsis was treated. " * 2000]
"""A text of many steps and windows."""


def awaited(encoder: SentenceEncoder) -> None:
    asyncio.run(encoder.aencode(TEXTS))
    asyncio.run(encoder.aencode(LONG, long_texts="window"))


def awaited_together(encoder: SentenceEncoder) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*(encoder.aencode_query(TEXTS[row:]) for row in range(len(TEXTS))))

    asyncio.run(all_at_once())


def cancelled(encoder: SentenceEncoder) -> None:
    async def begin_and_cancel() -> None:
        call = asyncio.create_task(encoder.aencode(LONG * 20, long_texts="window"))
        await asyncio.sleep(0.01)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call

    asyncio.run(begin_and_cancel())


def closed_while_awaited(encoder: SentenceEncoder) -> None:
    async def encode() -> None:
        with suppress(ValueError):
            await encoder.aencode(LONG * 20, long_texts="window")

    async def begin_and_close() -> None:
        call = asyncio.create_task(encode())
        await asyncio.sleep(0.01)
        await asyncio.to_thread(encoder.close)
        await call

    asyncio.run(begin_and_close())


def stream_left(encoder: SentenceEncoder) -> None:
    next(encoder.encode_stream(TEXTS * 3, chunk_size=2))


def too_long(encoder: SentenceEncoder) -> None:
    calls: tuple[Callable[[], Any], ...] = (
        lambda: encoder.encode([*TEXTS, *LONG], long_texts="error"),
        lambda: list(encoder.encode_stream([*TEXTS, *LONG], long_texts="error")),
        lambda: encoder.encode_tokens([*TEXTS, *LONG], long_texts="error"),
    )
    for call in calls:
        with suppress(ValueError):
            call()


def too_long_awaited(encoder: SentenceEncoder) -> None:
    async def encode() -> None:
        with suppress(ValueError):
            await encoder.aencode([*TEXTS, *LONG], long_texts="error")

    asyncio.run(encode())


def failing_source(encoder: SentenceEncoder) -> None:
    def texts() -> Iterator[str]:
        yield from TEXTS
        raise OSError("the disk is gone")

    with suppress(OSError):
        list(encoder.encode_stream(texts(), chunk_size=2))


WAYS: dict[str, Callable[[SentenceEncoder], object]] = {
    "unused": repr,
    "encode": lambda encoder: encoder.encode(TEXTS),
    "encode_stream": lambda encoder: list(encoder.encode_stream(TEXTS, chunk_size=2)),
    "encode_groups": lambda encoder: list(encoder.encode_groups([Chunk(texts=[*TEXTS])] * 3)),
    "encode_tokens": lambda encoder: encoder.encode_tokens(TEXTS, words=True),
    "encode_spans": lambda encoder: encoder.encode_spans(TEXTS[0], [(0, 5)]),
    "token_counts": lambda encoder: encoder.token_counts(TEXTS),
    "awaited": awaited,
    "awaited together": awaited_together,
    "cancelled": cancelled,
    "closed while awaited": closed_while_awaited,
    "stream left": stream_left,
    "failing source": failing_source,
    "too long": too_long,
    "too long, awaited": too_long_awaited,
}


@each_engine
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_nothing_waits_for_the_garbage_collector(
    artifact: Path, engine: str, way: Callable[[SentenceEncoder], object]
) -> None:
    encoder = SentenceEncoder(artifact, threads=2, engine=engine)
    parts = [encoder, encoder.text_tokenizer, encoder._session]
    living = [weakref.ref(part) for part in parts]
    names = [type(part).__name__ for part in parts]
    del parts
    with no_collector():
        with encoder:
            way(encoder)
        del encoder
        assert [name for name, part in zip(names, living, strict=True) if part() is not None] == []
