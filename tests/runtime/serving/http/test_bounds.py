"""Bounds on what is in flight, and what is told to those who come when they are reached."""

import asyncio
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.serving.http.admission import LARGE_ROOM, Admission, Room
from biobert_onnx.serving.http.app import make_app
from biobert_onnx.serving.http.bodies import check_arrays
from biobert_onnx.serving.http.served import Served
from biobert_onnx.serving.requests import BadRequest
from biobert_onnx.serving.settings import Settings
from tests.support.servers import EMBEDDINGS, Server, request_head, running

MEBIBYTE = 2**20
LIMIT, LEFT = 400 * MEBIBYTE, 25 * MEBIBYTE


def test_a_room_lets_the_first_in_first_and_forgets_who_left() -> None:
    async def scenario() -> list[str]:
        room, came = Room(10), []

        async def come(name: str, amount: int) -> None:
            await room.take(amount)
            came.append(name)

        await come("first", 8)
        large = asyncio.ensure_future(come("larger than the room", 50))
        small = asyncio.ensure_future(come("small", 2))
        await asyncio.sleep(0)
        assert (came, room.waiting) == (["first"], 2)  # the small one does not overtake
        large.cancel()
        await asyncio.sleep(0)
        await small
        last = asyncio.ensure_future(come("last", 50))
        await asyncio.sleep(0)
        room.give_back(8)
        await asyncio.sleep(0)
        assert not last.done()
        room.give_back(2)
        await last
        return came

    assert asyncio.run(scenario()) == ["first", "small", "last"]


def test_who_is_cancelled_with_the_room_in_hand_gives_it_back() -> None:
    async def scenario() -> None:
        room = Room(1)
        await room.take(1)
        waiting = asyncio.ensure_future(room.take(1))
        await asyncio.sleep(0)
        room.give_back(1)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        await asyncio.wait_for(room.take(1), timeout=1)

    asyncio.run(scenario())


def test_small_requests_never_wait_for_large_ones() -> None:
    async def scenario() -> None:
        admission = Admission(Settings(artifacts={}))
        with admission.request() as large, admission.request() as larger, admission.request() as small:
            await large.room_for_texts(1, LARGE_ROOM)
            waiting = asyncio.ensure_future(larger.room_for_texts(1, 200_000))
            await asyncio.sleep(0)  # so that it waits
            await asyncio.wait_for(small.room_for_texts(32, 40_000), timeout=1)
            assert (admission.waiting, waiting.done()) == (1, False)
            await large.room_for_answer(10_000_000)  # encoded: the next may come
            await asyncio.wait_for(waiting, timeout=1)

    asyncio.run(scenario())


def long_request() -> bytes:
    """A request that takes a few seconds."""
    return json.dumps({"input": ["a text " * 280 + str(n) for n in range(2000)], "long_texts": "window"}).encode()


def test_one_request_too_many_is_told_to_come_again_and_a_slow_one_that_it_is_late(artifact: Path) -> None:
    with (
        running(artifact, BIOBERT_ONNX_QUEUE="1", BIOBERT_ONNX_TIMEOUT_S="0.8") as server,
        ThreadPoolExecutor(1) as other,
    ):
        late = other.submit(server.ask, long_request())
        while not re.search(rb"in_flight 1", server.respond("GET", "/metrics")[2]):
            time.sleep(0.01)
        status, headers, content = server.respond("POST", EMBEDDINGS, {"input": "a"})
        error = json.loads(content)["error"]
        assert (status, headers["retry-after"], error["code"]) == (429, "1", "overloaded")
        assert error["message"] == (
            "the server is overloaded: 1 requests are in flight, as many as the server takes (BIOBERT_ONNX_QUEUE); "
            "send the request again later"
        )
        status, answer = server.ask({"inputs": "a"}, path="/embed")
        assert (status, answer["error_type"]) == (429, "Overloaded")
        status, answer = late.result()
        assert (status, answer["error"]["code"]) == (504, "timeout")
        assert server.ask({"input": "a"})[0] in (200, 504)  # what was dropped may still be computed
    assert "Traceback" not in "".join(server.log)


def test_bodies_that_are_held_leave_no_room_for_another(artifact: Path) -> None:
    with (
        running(artifact, BIOBERT_ONNX_MAX_BODY_BYTES="100000", BIOBERT_ONNX_HELD_BYTES="100000") as server,
        server.connect() as slow,
    ):
        slow.sendall(request_head(90_000) + b" " * 80_000)
        while (answer := server.ask({"input": "a", "user": "x" * 30_000}))[0] == 200:
            time.sleep(0.01)
        assert (answer[0], answer[1]["error"]["code"]) == (429, "overloaded")
        slow.close()
        while server.ask({"input": "a", "user": "x" * 30_000})[0] == 429:
            time.sleep(0.01)


@pytest.mark.parametrize(
    "body",
    [
        b'{"input": [' + b", ".join([b"[]"] * 140_000) + b"]}",
        b'{"input": [' + b",".join([b'"\\"[",{}'] * 140_000) + b"]}",
        ('{"input": [' + ",".join(['"\u2200",[]'] * 140_000) + "]}").encode("utf-16"),
        b"[" * 140_001,
    ],
)
def test_a_body_of_more_arrays_than_any_request_needs_is_refused_before_it_is_read(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^the body holds 140,00[12] arrays and objects, expected at most 140,000"):
        check_arrays(bytearray(body))


@pytest.mark.parametrize(
    "body",
    [
        b'{"input": [' + b", ".join([b"[]"] * 139_998) + b"]}",
        json.dumps({"input": ['[{"' * 100_000, "\\[" * 100_000, "\\"]}).encode(),
        b'{"input": "' + b"[" * 200_000,
        b"\xff\xfe\xfa" + b"[" * 200_000,
    ],
)
def test_brackets_in_texts_and_what_is_no_json_are_left_to_who_reads_it(body: bytes) -> None:
    check_arrays(bytearray(body))


def test_the_app_tells_who_sends_too_many_arrays(server: Server) -> None:
    status, message = server.refusal(b'{"input": [' + b"[]," * 1_390_000 + b"[]]}")
    assert status == 413
    assert message == ("the body holds 1,390,003 arrays and objects, expected at most 140,000: send several requests")
    assert server.ask({"input": "[" * 140_001, "long_texts": "truncate"})[0] == 200


async def asked(app: Any, served: Served, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], Any]:
    """What the app answers, without a server."""
    messages: list[Any] = []
    bodies = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return bodies.pop() if bodies else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "root_path": ""}
    await app({**scope, "state": {"served": served}}, receive, send)
    headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return messages[0]["status"], headers, json.loads(b"".join(message["body"] for message in messages[1:]))


def test_a_server_that_closes_is_alive_but_not_ready(artifact: Path) -> None:
    served = Served.open(Settings(artifacts={"": artifact}))
    app = make_app()

    async def scenario() -> None:
        assert (await asked(app, served, "GET", "/ready"))[0] == 200
        served.admission.close()
        assert (await asked(app, served, "GET", "/health"))[0] == 200
        assert (await asked(app, served, "GET", "/ready"))[::2] == (503, {"status": "closing"})
        status, headers, answer = await asked(app, served, "POST", EMBEDDINGS, b'{"input": "a"}')
        assert (status, headers["retry-after"], answer["error"]["code"]) == (503, "1", "server_closing")
        status, _, answer = await asked(app, served, "POST", "/embed", b'{"inputs": "a"}')
        assert (status, answer["error_type"]) == (503, "Unhealthy")

    with served.running():
        asyncio.run(scenario())


def test_a_fault_of_the_server_is_told_without_its_reason(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served.open(Settings(artifacts={"": artifact}))

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(SentenceEncoder, "aencode_with_counts", fail)

    async def scenario() -> None:
        for path, expected in ((EMBEDDINGS, 500), ("/embed", 424)):
            messages: list[Any] = []
            with pytest.raises(RuntimeError, match="secret"):  # the server logs it
                await failing(path, messages)
            assert messages[0]["status"] == expected
            assert b"secret" not in messages[1]["body"]

    async def failing(path: str, messages: list[Any]) -> None:
        async def receive() -> Any:
            if messages == []:
                messages.append(None)
                return {"type": "http.request", "body": b'{"input": "a"}' if path == EMBEDDINGS else b'{"inputs": "a"}'}
            return await asyncio.Event().wait()

        async def send(message: Any) -> None:
            messages.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b"", "root_path": ""}
        try:
            await make_app()({**scope, "state": {"served": served}}, receive, send)
        finally:
            del messages[0]

    with served.running():
        asyncio.run(scenario())


def resident(server: Server, name: str) -> int:
    """Bytes of memory of the server: VmRSS is what it has now, VmHWM the most it had."""
    status = Path(f"/proc/{server.process.pid}/status")
    found = re.search(rf"{name}:\s+(\d+) kB", status.read_text())
    assert found is not None
    return int(found[1]) * 1024


LARGE = {
    "many words, cut": (json.dumps({"input": "ab, " * 1_000_000, "long_texts": "truncate"}).encode(), 200),
    "many words, refused": (json.dumps({"input": "ab, " * 1_000_000, "long_texts": "error"}).encode(), 400),
    "one word, cut": (json.dumps({"input": "A" * 4_000_000, "long_texts": "truncate"}).encode(), 200),
    "empty arrays": (b'{"input":[' + b",".join([b"[]"] * 1_390_000) + b"]}", 413),
}


@pytest.mark.parametrize("name", LARGE)
def test_eight_large_requests_at_once_keep_the_memory_bounded_and_give_it_back(artifact: Path, name: str) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the system has no /proc")
    body, status = LARGE[name]
    with running(artifact) as server, ThreadPoolExecutor(8) as clients:
        assert server.ask({"input": ["a"] * 64})[0] == 200
        idle = resident(server, "VmRSS")
        answers = list(clients.map(lambda _: server.ask(body)[0], range(8)))
        assert answers == [status] * 8
        assert resident(server, "VmHWM") - idle < LIMIT
        deadline = time.monotonic() + 10
        while resident(server, "VmRSS") - idle > LEFT and time.monotonic() < deadline:
            time.sleep(0.1)
        assert resident(server, "VmRSS") - idle <= LEFT
