"""Endpoints that work for a request: its body in, its answer out, within the bounds of the app."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from biobert_onnx._extras import requires_extra
from biobert_onnx._types import FloatArray
from biobert_onnx.serving.http.admission import Ticket
from biobert_onnx.serving.http.bodies import check_arrays, whole_body
from biobert_onnx.serving.http.errors import RefusedError
from biobert_onnx.serving.http.models import Model
from biobert_onnx.serving.http.served import Served
from biobert_onnx.serving.requests import EmbeddingRequest, json_object

with requires_extra("http", by="the HTTP app"):
    import orjson
    from starlette.requests import ClientDisconnect, Request
    from starlette.types import Receive, Scope, Send

CHUNK_BYTES = 65_536
"""Bytes of an answer that are sent at a time, so that no more lies in the buffer of a client that reads slowly."""

SEND_TIMEOUT_S = 30.0
"""Seconds that a client may take to read one chunk."""

ROWS_AT_A_TIME = 64
"""Vectors that become JSON before others have their turn: about 1 ms."""


@dataclass(frozen=True)
class Answer:
    """The JSON of an answer in parts; `headers` beside its type and length."""

    parts: Sequence[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(map(len, self.parts))


@dataclass(frozen=True)
class Work:
    """A request whose body was read: its JSON object, and what it may take of the server."""

    served: Served
    request: Request
    content: dict[str, Any]
    ticket: Ticket

    async def embed(self, wanted: EmbeddingRequest, model: Model) -> tuple[FloatArray, int]:
        """Return the vectors (n, k) float32 of the texts of `wanted`, and their tokens, once there is room."""
        await self.ticket.room_for_texts(len(wanted.texts), wanted.characters(model.encoder))
        vectors, counts = await wanted.aencode(model.encoder)
        tokens = int(counts.sum())
        self.served.metrics.count_texts(model.name, len(vectors), tokens)
        self.request.state.texts = len(vectors)
        return vectors, tokens


Handler = Callable[[Work], Awaitable[Answer]]


class Endpoint:
    """An ASGI app that reads a body, has `handler` answer it while its client waits, and sends the answer."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises BadRequest for what is answered by an error."""
        request = Request(scope, receive)
        served: Served = request.state.served
        admission, settings = served.admission, served.settings
        admission.check_open()
        with served.body() as held:
            body = await whole_body(request, held, admission, max_bytes=settings.max_body_bytes)
            check_arrays(body)
            content = json_object(body)
            del body
            with served.in_flight() as ticket:
                try:
                    async with asyncio.timeout(settings.timeout_s):
                        with _while_client_waits(receive):
                            answer = await self._handler(Work(served, request, content, ticket))
                            await ticket.room_for_answer(answer.size)
                except TimeoutError as error:
                    raise _too_late(settings.timeout_s) from error
                del content
                await _send(answer, send, settings.timeout_s)


@contextmanager
def _while_client_waits(receive: Receive) -> Iterator[None]:
    """Cancel the block, and raise ClientDisconnect, if the client goes away."""
    task = asyncio.current_task()
    assert task is not None
    is_gone = False

    def notice(watching: "asyncio.Future[Any]") -> None:
        nonlocal is_gone
        if not watching.cancelled():
            is_gone = True
            task.cancel()

    watch = asyncio.ensure_future(receive())
    watch.add_done_callback(notice)
    try:
        yield
    except asyncio.CancelledError:
        if not is_gone:
            raise
        task.uncancel()
        raise ClientDisconnect from None
    finally:
        watch.remove_done_callback(notice)
        watch.cancel()


def _too_late(timeout_s: float) -> RefusedError:
    return RefusedError(
        f"the answer took more than {timeout_s:g} s: send fewer or shorter texts",
        status=504,
        code="timeout",
        headers={},
    )


async def _send(answer: Answer, send: Send, timeout_s: float) -> None:
    """Send `answer` as fast as its client reads it; leave one that reads too slowly without the rest."""
    headers = [(b"content-length", str(answer.size).encode()), (b"content-type", b"application/json")]
    headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if answer.size <= CHUNK_BYTES:
        await send({"type": "http.response.body", "body": b"".join(answer.parts)})
        return
    try:
        async with asyncio.timeout(timeout_s):
            for part in answer.parts:
                for start in range(0, len(part), CHUNK_BYTES):
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        chunk = part[start : start + CHUNK_BYTES]
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        return  # the server closes the connection


async def json_array(items: Callable[[int], bytes], count: int) -> list[bytes]:
    """Return the JSON of an array of `count` items in parts; others have their turn between two parts."""
    parts = [b"["]
    for start in range(0, count, ROWS_AT_A_TIME):
        if start:
            await asyncio.sleep(0)
            parts.append(b",")
        parts.append(b",".join(map(items, range(start, min(start + ROWS_AT_A_TIME, count)))))
    return [*parts, b"]"]


def json_row(vector: FloatArray) -> bytes:
    """Return `vector` (k,) float32 as a JSON array of numbers with float32's digits: a reader gets the same bits.

    >>> import numpy as np
    >>> json_row(np.array([0.1, -2.0, 1 / 3], dtype=np.float32))
    b'[0.1,-2.0,0.33333334]'
    """
    return orjson.dumps(vector, option=orjson.OPT_SERIALIZE_NUMPY)
