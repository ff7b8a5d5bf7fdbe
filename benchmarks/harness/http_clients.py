"""Clients of an HTTP server, in a process of their own: each asks for the next body as soon as it has an answer.

The protocol is written out, as a client library would take more CPU than a small network does, on the same machine.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context

ANSWER_TIMEOUT_S = 300.0
"""Seconds after which an answer counts as lost."""

START_S = 0.2
"""Seconds from now at which all processes begin; sending them their load takes less."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came for one request: the number of its body, the HTTP status (0 if the connection broke), and the body.

    `begin` and `end`: when it was asked and answered, in seconds on the clock of all processes.
    """

    number: int
    status: int
    body: bytes
    begin: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Load:
    """Requests to `path`: `clients` take `bodies` in turn, over and over for `seconds`, or each once if that is None.

    With `keep_bodies`, answers hold their bodies.
    """

    path: str
    bodies: Sequence[bytes]
    clients: int
    seconds: float | None = None
    keep_bodies: bool = False


def ask(port: int, *loads: Load) -> list[list[Answer]]:
    """Put `loads` on the server at `port` of this machine, all at once, each from a process; return their answers."""
    with ExitStack() as stack:
        processes = [stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn"))) for _ in loads]
        for ready in [process.submit(_ready) for process in processes]:
            ready.result()
        begin = time.monotonic() + START_S
        running = [process.submit(_answers, port, load, begin) for process, load in zip(processes, loads, strict=True)]
        return [future.result() for future in running]


def _ready() -> None:
    """Run in a new process once its imports are done."""


def _answers(port: int, load: Load, begin: float) -> list[Answer]:
    time.sleep(max(0.0, begin - time.monotonic()))
    return asyncio.run(_ask_all(port, load))


async def _ask_all(port: int, load: Load) -> list[Answer]:
    numbers = _numbers(load)
    answers: list[Answer] = []

    async def client() -> None:
        streams = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            answer = await _ask_one(*streams, number, load)
            answers.append(answer)
            if answer.status == 0:
                streams[1].close()
                streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].close()

    await asyncio.gather(*(client() for _ in range(load.clients)))
    return answers


def _numbers(load: Load) -> Iterator[int]:
    """Yield the numbers of the bodies to send; all clients share it."""
    if load.seconds is None:
        yield from range(len(load.bodies))
        return
    until = time.monotonic() + load.seconds
    count = 0
    while time.monotonic() < until:
        yield count % len(load.bodies)
        count += 1


async def _ask_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, load: Load) -> Answer:
    body = load.bodies[number]
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    begin = time.monotonic()
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            writer.write(head.encode() + body)
            status, answer = await read_answer(reader)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        status, answer = 0, b""
    kept = answer if load.keep_bodies else b""
    return Answer(number=number, status=status, body=kept, begin=begin, end=time.monotonic())


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and the body of an answer that tells its length; raises ValueError for another one."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lengths = [int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length:")]
    if len(lengths) != 1:
        raise ValueError(f"an answer without its length: {lines}")
    return int(lines[0].split()[1]), await reader.readexactly(lengths[0])
