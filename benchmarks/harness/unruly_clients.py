"""Clients of the HTTP app, most of whom misbehave: they go away, read and write slowly, send what is no request.

Each kind of request is a function that asks once on a connection of its own and judges what came.
"""

import asyncio
import base64
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks.harness.http_clients import read_answer
from biobert_onnx._types import FloatArray

ANSWER_TIMEOUT_S = 60.0
"""Seconds after which an answer counts as lost."""

SLOW_PIECE, SLOW_S = 65_536, 0.02
"""Bytes that a slow reader takes at a time, and how long it rests before the next ones."""

SLOW_PARTS = 5
"""Parts of a body that a slow writer sends."""

GONE_WITHIN_S = 0.05
"""Seconds within which a client that asked goes away."""

REPEATS = 20
"""How often each text stands in a request with a large answer, whose work is small."""

OVERLOADED = 429
OVERSIZED = b" " * (4 * 2**20 + 1)

RIGHT, WRONG, LOST, GONE, RETRIED = "right", "wrong", "lost", "gone", "told to come again"
"""What may become of a request; of GONE ones the client has not waited for the answer."""

MALFORMED: Mapping[str, tuple[bytes, ...]] = {
    "/v1/embeddings": (
        b"",
        b'{"input": ',
        b"\xff\xfe\x00",
        b'{"input": 5}',
        b'{"input": []}',
        b'{"input": [1, 2, 3]}',
        b'{"input": "a", "inptu": "b"}',
        b'{"input": ["a", null]}',
        b'{"input": "\\ud800"}',
        b'{"input": "a", "dimensions": 0}',
        b'{"input": ' + b"[" * 50_000,
        b'{"input": ' + b"9" * 5_000 + b"}",
    ),
    "/embed": (b"[]", b'{"inputs": {}}', b'{"inputs": "a", "truncate": 1}', b'{"inputs": [[1]]}'),
    "/tokenize": (b'{"inputs": 5}', b'{"inputs": "a", "add_special_tokens": "no"}'),
    "/decode": (b'{"ids": [-1]}', b'{"ids": [[1.5]]}', b'{"ids": "a"}'),
}
"""Bodies that are refused, by the route that they are sent to."""

REFUSALS = (400, 422)


class Connection:
    """A connection to the server at `port` of this machine, which is broken off when the block ends."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port, limit=SLOW_PIECE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.transport.abort()

    def send(self, path: str, body: bytes, *, sent: int | None = None) -> None:
        """Send a request with `body`, or the first `sent` bytes of it."""
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body[:sent])

    async def answer(self) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        return await read_answer(self.reader)


@dataclass(frozen=True, kw_only=True)
class Client:
    """What the clients of one run share: the server's port, and texts with their vectors (n, k) of unit length."""

    port: int
    texts: Sequence[str]
    vectors: FloatArray
    chance: random.Random
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    async def ask(self, kind: str) -> None:
        """Ask one request of `kind` and count what became of it; one that is told to come again comes again."""
        outcome = RETRIED
        while outcome == RETRIED:
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S), Connection(self.port) as connection:
                    outcome = await KINDS[kind].ask(self, connection)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
                outcome = LOST
                self.faults.append(f"{kind}: {type(error).__name__}: {error}")
            counts = self.counts.setdefault(kind, {})
            counts[outcome] = counts.get(outcome, 0) + 1
            if outcome == RETRIED:
                await asyncio.sleep(1)

    def some(self, least: int, most: int) -> range:
        """Return the numbers of `least` to `most` texts that follow one another."""
        count = self.chance.randint(least, most)
        start = self.chance.randrange(len(self.texts) - count)
        return range(start, start + count)

    def judge(self, kind: str, status: int, body: bytes, expected: int | Sequence[int] | FloatArray) -> str:
        """Return what the answer is, for which vectors or one of some statuses were expected."""
        if status == OVERLOADED:
            return RETRIED
        if isinstance(expected, np.ndarray):
            is_right = status == 200 and np.array_equal(vectors_in(json.loads(body)), expected)
        else:
            is_right = status in (expected if isinstance(expected, Sequence) else (expected,))
        if not is_right:
            self.faults.append(f"{kind}: {status} {body[:200]!r}")
        return RIGHT if is_right else WRONG


def vectors_in(answer: Any) -> FloatArray:
    """Return the vectors of an answer of either route."""
    rows = [item["embedding"] for item in answer["data"]] if isinstance(answer, dict) else answer
    if isinstance(rows[0], str):
        rows = [np.frombuffer(base64.b64decode(row), dtype="<f4") for row in rows]
    return np.array(rows, dtype=np.float32)


def body_of(texts: Sequence[str], field: str = "input", **options: object) -> bytes:
    """Return a request for the vectors of `texts`."""
    return json.dumps({field: list(texts), **options}).encode()


async def _one_text(client: Client, connection: Connection) -> str:
    return await _vectors(client, connection, "one text", client.some(1, 1))


async def _some_texts(client: Client, connection: Connection) -> str:
    return await _vectors(client, connection, "some texts", client.some(2, 16))


async def _vectors(client: Client, connection: Connection, kind: str, numbers: range) -> str:
    texts = [client.texts[number] for number in numbers]
    if client.chance.random() < 0.3:
        connection.send("/embed", body_of(texts, "inputs"))
    else:
        connection.send("/v1/embeddings", body_of(texts, encoding_format=client.chance.choice(("float", "base64"))))
    return client.judge(kind, *await connection.answer(), client.vectors[numbers.start : numbers.stop])


async def _gone_after_asking(client: Client, connection: Connection) -> str:
    texts = [client.texts[number] for number in client.some(1, 64)]
    connection.send("/v1/embeddings", body_of(texts))
    await asyncio.sleep(client.chance.uniform(0, GONE_WITHIN_S))
    return GONE


async def _gone_within_the_body(client: Client, connection: Connection) -> str:
    body = body_of([client.texts[number] for number in client.some(1, 16)])
    connection.send("/v1/embeddings", body, sent=client.chance.randrange(len(body)))
    await asyncio.sleep(client.chance.uniform(0, GONE_WITHIN_S))
    return GONE


async def _gone_within_the_answer(client: Client, connection: Connection) -> str:
    texts = [client.texts[number] for number in client.some(4, 12)] * REPEATS
    connection.send("/embed", body_of(texts, "inputs"))
    await connection.reader.read(100)
    return GONE


async def _slow_reader(client: Client, connection: Connection) -> str:
    numbers = client.some(4, 12)
    texts = [client.texts[number] for number in numbers] * REPEATS
    connection.send("/embed", body_of(texts, "inputs"))
    head = (await connection.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status, left = int(head.split()[1]), int(head.partition("content-length:")[2].split()[0])
    body = bytearray()
    while left > len(body):
        await asyncio.sleep(SLOW_S)
        body += await connection.reader.readexactly(min(SLOW_PIECE, left - len(body)))
    expected = np.tile(client.vectors[numbers.start : numbers.stop], (REPEATS, 1))
    return client.judge("slow reader", status, bytes(body), expected)


async def _slow_writer(client: Client, connection: Connection) -> str:
    numbers = client.some(1, 8)
    body = body_of([client.texts[number] for number in numbers])
    connection.send("/v1/embeddings", body, sent=0)
    step = len(body) // SLOW_PARTS + 1
    for start in range(0, len(body), step):
        await asyncio.sleep(SLOW_S)
        connection.writer.write(body[start : start + step])
    return client.judge("slow writer", *await connection.answer(), client.vectors[numbers.start : numbers.stop])


async def _malformed(client: Client, connection: Connection) -> str:
    path = client.chance.choice(list(MALFORMED))
    body = client.chance.choice(MALFORMED[path])
    connection.send(path, body)
    return client.judge(f"malformed {body[:40]!r}", *await connection.answer(), REFUSALS)


async def _oversized(client: Client, connection: Connection) -> str:
    connection.send(client.chance.choice(list(MALFORMED)), OVERSIZED)
    return client.judge("oversized", *await connection.answer(), 413)


async def _no_route(client: Client, connection: Connection) -> str:
    connection.send(client.chance.choice(("/nope", "/v1/models", "/v1/embeddings/x")), b"{}")
    return client.judge("no route", *await connection.answer(), (404, 405))


async def _no_http(client: Client, connection: Connection) -> str:
    connection.writer.write(client.chance.randbytes(40) + b"\r\n\r\n")
    status = int((await connection.reader.readline()).split()[1])
    return client.judge("no HTTP", status, b"", 400)


@dataclass(frozen=True)
class Kind:
    """How many of 100 requests are of a kind, and what asks one."""

    share: int
    ask: Callable[[Client, Connection], Awaitable[str]]


KINDS: Mapping[str, Kind] = {
    "one text": Kind(40, _one_text),
    "some texts": Kind(12, _some_texts),
    "gone after asking": Kind(12, _gone_after_asking),
    "gone within the body": Kind(5, _gone_within_the_body),
    "gone within the answer": Kind(3, _gone_within_the_answer),
    "slow reader": Kind(3, _slow_reader),
    "slow writer": Kind(5, _slow_writer),
    "malformed": Kind(12, _malformed),
    "oversized": Kind(2, _oversized),
    "no route": Kind(4, _no_route),
    "no HTTP": Kind(2, _no_http),
}


def drawn_kinds(count: int, chance: random.Random) -> list[str]:
    """Return the kinds of `count` requests in random order, each in its share."""
    return chance.choices(list(KINDS), [kind.share for kind in KINDS.values()], k=count)


async def ask_all(client: Client, kinds: Sequence[str], *, clients: int) -> None:
    """Ask a request of each of `kinds`, `clients` of them at a time."""
    left = iter(kinds)

    async def one() -> None:
        for kind in left:
            await client.ask(kind)

    await asyncio.gather(*(one() for _ in range(clients)))
