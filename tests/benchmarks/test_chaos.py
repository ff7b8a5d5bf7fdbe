"""The chaos run judges every kind of request, and sees wrong vectors, lost answers, leaks and growth."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chaos import faults
from benchmarks.harness.unruly_clients import GONE, KINDS, LOST, RIGHT, WRONG, Client, ask_all, drawn_kinds
from biobert_onnx import SentenceEncoder
from tests.support.servers import Server, running

TEXTS = [f"{number} mice with sepsis" for number in range(200)]
KIB = 1024


@pytest.fixture(scope="module")
def server(artifact: Path) -> Iterator[Server]:
    pytest.importorskip("uvicorn", reason="needs the extra 'http'")
    with running(artifact, command=[]) as server:
        yield server
    assert "Traceback" not in "".join(server.log)


def client_of(port: int, encoder: SentenceEncoder, *, change: float = 0) -> Client:
    vectors = encoder.encode(TEXTS, normalize_embeddings=True)
    return Client(port=port, texts=TEXTS, vectors=vectors + change, chance=random.Random(3))


def test_each_kind_of_request_becomes_what_it_must(server: Server, encoder: SentenceEncoder) -> None:
    client = client_of(server.port, encoder)
    asyncio.run(ask_all(client, [*KINDS] * 3, clients=8))
    expected = {kind: {GONE if kind.startswith("gone") else RIGHT: 3} for kind in KINDS}
    assert (client.counts, client.faults) == (expected, [])


def test_a_wrong_vector_and_a_lost_answer_are_counted(server: Server, encoder: SentenceEncoder) -> None:
    wrong = client_of(server.port, encoder, change=0.001)
    asyncio.run(ask_all(wrong, ["one text", "slow reader", "slow writer"], clients=2))
    assert wrong.counts == {kind: {WRONG: 1} for kind in ("one text", "slow reader", "slow writer")}
    lost = client_of(1, encoder)  # nobody listens there
    asyncio.run(ask_all(lost, ["one text"], clients=1))
    assert lost.counts == {"one text": {LOST: 1}}


def test_kinds_are_drawn_in_their_shares() -> None:
    drawn = drawn_kinds(10_000, random.Random(1))
    assert sum(kind.share for kind in KINDS.values()) == 100
    assert all(abs(drawn.count(name) - 100 * kind.share) < 300 for name, kind in KINDS.items())


def raw(**changes: Any) -> dict[str, Any]:
    held = {"anonymous_kib": 100 * KIB, "threads": 9, "files": 20}
    later = {**held, **{name: changes.pop(name) for name in held if name in changes}}
    return {"counts": {"one text": {RIGHT: 5}}, "in_flight": 0, "after_each_part": [held] * 6 + [later] * 4, **changes}


@pytest.mark.parametrize(
    ("record", "log", "found"),
    [
        (raw(anonymous_kib=104 * KIB), "", []),
        (raw(anonymous_kib=106 * KIB), "", ["memory grew"]),
        (raw(files=21), "", ["files leaked"]),
        (raw(in_flight=1), "", ["requests in flight at the end"]),
        (raw(counts={"one text": {RIGHT: 4, WRONG: 1}}), "", ["answers wrong"]),
        (raw(counts={"one text": {LOST: 1}}), "", ["answers lost"]),
        (raw(), "Traceback (most recent call last):", ["a traceback in the log"]),
    ],
)
def test_a_fault_is_named(record: dict[str, Any], log: str, found: list[str]) -> None:
    assert faults(record, log) == found
