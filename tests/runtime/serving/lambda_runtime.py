"""Lambda's runtime API on loopback, as AWS documents it for runtime clients."""

import json
import socket
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class RuntimeApi(BaseHTTPRequestHandler):
    """Hands out the events of its server, one by one, and keeps the answers."""

    protocol_version = "HTTP/1.1"
    server: "RuntimeServer"

    def do_GET(self) -> None:
        if self.path == "/2018-06-01/runtime/restore/next":  # asked once, where the snapshot would be taken
            self.server.restored = True
            return self._send(200, {}, b"")
        assert self.path == "/2018-06-01/runtime/invocation/next"
        number = len(self.server.answers)
        if number == len(self.server.events):
            self.server.all_answered.set()
            self.close_connection = True
            return None
        headers = {
            "Lambda-Runtime-Aws-Request-Id": str(number),
            "Lambda-Runtime-Deadline-Ms": "32503680000000",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:here:1:function:f",
            "Content-Type": "application/json",
        }
        return self._send(200, headers, self.server.events[number].encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == f"/2018-06-01/runtime/invocation/{len(self.server.answers)}/response", (self.path, body)
        self.server.answers.append(json.loads(body))
        self._send(202, {}, b"")

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


class RuntimeServer(HTTPServer):
    """The runtime API with `events` to hand out."""

    def __init__(self, events: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), RuntimeApi)
        self.events, self.all_answered = events, threading.Event()
        self.restored = False
        self.answers: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever).start()

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """Ignore the error: the test has ended the client."""
