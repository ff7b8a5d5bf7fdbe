"""Clients that are slow, large, killed or many, and the end of a server while they wait."""

import json
import re
import signal
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn

from biobert_onnx import SentenceEncoder
from biobert_onnx.serving.http import bodies
from biobert_onnx.serving.http.app import make_app
from biobert_onnx.serving.http.served import Served
from biobert_onnx.serving.settings import Settings
from tests.support.servers import EMBEDDINGS, Server, answer_on, request_head, running, started_request, vectors
from tests.support.texts import TEXTS


def test_a_body_that_is_too_large_is_refused_whether_it_names_its_length_or_not(server: Server) -> None:
    body = b" " * (5 * 2**20)
    assert server.refusal(body)[0] == 413
    connection = server.connection()
    connection.request("POST", EMBEDDINGS, iter([body[: 2**20]] * 5), encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 413
    assert "expected at most 4,194,304" in json.loads(response.read())["error"]["message"]
    connection.close()


def test_a_slow_client_keeps_nobody_waiting(server: Server, encoder: SentenceEncoder) -> None:
    body = json.dumps({"input": TEXTS[0]}).encode()
    with started_request(server, body) as client:
        client.sendall(body[:5])
        assert server.ask({"input": "another"})[0] == 200
        client.sendall(body[5:])
        status, answer = answer_on(client)
    assert status == 200
    assert (vectors(answer) == encoder.encode(TEXTS[:1], normalize_embeddings=True)).all()


def test_a_body_that_never_comes_is_given_up(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT_S", 0.1)
    served = Served.open(Settings(artifacts={"": artifact}))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(make_app(lambda: served), log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        with socket.create_connection(listening.getsockname(), timeout=30) as client:
            client.sendall(request_head(100))
            status, answer = answer_on(client)
            assert client.recv(1) == b""
        server.should_exit = True
        thread.join()
    assert status == 408
    assert "the body took more than" in answer["error"]["message"]


def reset(client: socket.socket) -> None:
    """Close the connection as a killed process with unread data does: with a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_a_killed_client_leaves_the_server_serving(server: Server) -> None:
    body = json.dumps({"input": [f"{number} mice" for number in range(500)]}).encode()
    for sent in (b"", body[:-1], body):
        client = started_request(server, body)
        client.sendall(sent)
        reset(client)
    with server.connect() as client:
        client.sendall(b"no HTTP at all\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 400")
    assert server.ask({"input": "another"})[0] == 200


def test_no_request_of_32_clients_is_lost(server: Server, encoder: SentenceEncoder) -> None:
    texts = [f"{text} {number}" for number in range(30) for text in TEXTS]
    expected = encoder.encode(texts, normalize_embeddings=True)

    def client(first: int) -> list[bool]:
        connection, right = server.connection(), []
        for index in range(first, len(texts), 32):
            connection.request("POST", EMBEDDINGS, json.dumps({"input": texts[index]}))
            response = connection.getresponse()
            found = vectors(json.loads(response.read()))
            right.append(bool(response.status == 200 and (found[0] == expected[index]).all()))
        connection.close()
        return right

    with ThreadPoolExecutor(32) as clients:
        right = [each for answers in clients.map(client, range(32)) for each in answers]
    assert right == [True] * len(texts)


def test_a_request_in_flight_is_answered_before_the_server_ends(artifact: Path, encoder: SentenceEncoder) -> None:
    body = json.dumps({"input": list(TEXTS)}).encode()
    with running(artifact) as server, started_request(server, body) as client:
        server.process.send_signal(signal.SIGTERM)
        while accepts_connections(server):
            time.sleep(0.01)
        client.sendall(body)
        status, answer = answer_on(client)
        assert status == 200
        assert (vectors(answer) == encoder.encode(TEXTS, normalize_embeddings=True)).all()
        assert server.process.wait(timeout=30) in (0, -signal.SIGTERM)
        assert server.stop() in (0, -signal.SIGTERM)
    assert "Finished server process" in "".join(server.log)


def accepts_connections(server: Server) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return False
    return True


def metric(server: Server, name: str) -> float:
    """The number of the metric that `name` begins with, its labels included."""
    text = server.respond("GET", "/metrics")[2].decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_client_that_goes_away_takes_its_work_along(server: Server) -> None:
    gone = 'biobert_onnx_requests_total{route="/embed",status="499"}'
    before = metric(server, gone)
    body = json.dumps({"inputs": ["a text " * 100 + str(number) for number in range(2000)], "truncate": True}).encode()
    with server.connect() as client:
        client.sendall(request_head(len(body), path="/embed") + body)
        while metric(server, "biobert_onnx_requests_in_flight") < 1:
            time.sleep(0.01)
    while metric(server, gone) == before:
        time.sleep(0.01)
    assert metric(server, "biobert_onnx_requests_in_flight") == 0


def test_a_client_that_reads_slowly_gets_all_of_a_large_answer(server: Server, encoder: SentenceEncoder) -> None:
    texts = [f"{number} mice" for number in range(2000)]
    body = json.dumps({"input": texts}).encode()
    with server.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)
        client.sendall(request_head(len(body)) + body)
        time.sleep(0.5)
        status, answer = answer_on(client)
    assert status == 200
    assert (vectors(answer) == encoder.encode(texts, normalize_embeddings=True)).all()
