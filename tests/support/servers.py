"""The HTTP app in a real server on loopback, in a process of its own, and what asks it."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

EMBEDDINGS = "/v1/embeddings"


class Server:
    """uvicorn with the app on `artifact`, in a process of its own; `log` holds the lines that it has logged.

    With `command`, words of `biobert-onnx serve`, that command is it. Raises RuntimeError with the log if the server
    ends before it serves.
    """

    def __init__(self, artifact: Path | str | None, *, command: list[str] | None = None, **variables: str) -> None:
        words = ["uvicorn", "biobert_onnx.serving.http:app", "--port", "0"]
        if command is not None:
            words = ["biobert_onnx", "serve", str(artifact), "--port", "0", *command]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", *words],
            stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "BIOBERT_ONNX_ARTIFACT": str(artifact or ""), **variables},
        )  # fmt: skip
        self.log: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"(?:running|listening) on http://127.0.0.1:(\d+)", line):
                self.port = int(found[1])
                break
        else:
            self.process.stdout.close()
            raise RuntimeError(f"ended with {self.process.wait()}: {''.join(self.log)}")
        self._reading = threading.Thread(target=lambda: self.log.extend(self.process.stdout or ()))
        self._reading.start()

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def respond(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer to `body`, which becomes JSON unless it is bytes."""
        connection = self.connection()
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, sent, dict(headers or {}))
        response = connection.getresponse()
        answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        connection.close()
        return answer

    def ask(self, body: object, method: str = "POST", path: str = EMBEDDINGS) -> tuple[int, Any]:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, _, content = self.respond(method, path, sent)
        return status, json.loads(content)

    def get(self, path: str) -> tuple[int, Any]:
        return self.ask(b"", "GET", path)

    def refusal(self, body: object, method: str = "POST", path: str = EMBEDDINGS) -> tuple[int, str]:
        """Status and message of a request that is the client's mistake, in OpenAI's shape."""
        status, answer = self.ask(body, method, path)
        assert answer.keys() == {"error"}
        assert answer["error"].keys() == {"message", "type", "param", "code"}
        assert answer["error"]["type"] == "invalid_request_error"
        return status, answer["error"]["message"]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self._reading.join()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@contextmanager
def running(artifact: Path | str, *, command: list[str] | None = None, **variables: str) -> Iterator[Server]:
    server = Server(artifact, command=command, **variables)
    try:
        yield server
    finally:
        server.stop()


def vectors(answer: Any) -> NDArray[np.float32]:
    return np.array([item["embedding"] for item in answer["data"]], dtype=np.float32)


def request_head(length: int, *, path: str = EMBEDDINGS, more: bytes = b"") -> bytes:
    """The lines before a body of `length` bytes; `more` holds further headers."""
    return f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n".encode() + more + b"\r\n"


def started_request(server: Server, body: bytes) -> socket.socket:
    """A connection on which the app waits for `body`: it has answered "100 Continue" to the head."""
    client = server.connect()
    client.sendall(request_head(len(body), more=b"Expect: 100-continue\r\n"))
    assert client.recv(1000).startswith(b"HTTP/1.1 100")
    return client


def answer_on(client: socket.socket) -> tuple[int, Any]:
    response = http.client.HTTPResponse(client)
    response.begin()
    return response.status, json.loads(response.read())
