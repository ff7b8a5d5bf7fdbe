"""What every request meets first: its id, the key, the clock, the count and the line in the log."""

import asyncio
import hmac
import logging
import os
import re
import sys
import time

from biobert_onnx._extras import requires_extra
from biobert_onnx.errors import ArtifactError
from biobert_onnx.serving.http.errors import CLIENT_CLOSED_REQUEST, SERVER_ERROR, TEI_PATHS, error_answer
from biobert_onnx.serving.http.operator_routes import OPEN_PATHS
from biobert_onnx.serving.http.served import Served
from biobert_onnx.serving.settings import SettingError

with requires_extra("http", by="the HTTP app"):
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ACCESS_LOG = logging.getLogger("biobert_onnx.access")
"""A line a request, at level INFO: never its body, its query or its key."""

SANE_ID = re.compile(rb"[\w.:/+=@-]{1,128}", re.ASCII)
"""Ids of requests that are taken from clients."""

ROUTES = frozenset((*OPEN_PATHS, *TEI_PATHS, "/v1/embeddings", "/v1/models", "/info", "/metrics"))
"""The routes by which requests are counted; whatever else clients ask for is counted as one."""

MODEL_PATH = "/v1/models/"


class Observed:
    """Middleware around the app.

    A server that cannot open its encoders logs the reason without a traceback. What is cancelled because the server
    ends is answered with 503.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and observe it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _brief(send))
        elif scope["type"] == "http":
            await self._observe(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        served: Served = scope["state"]["served"]
        status, request_id = 0, _request_id(scope)

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        try:
            if _may_pass(scope, served.settings.api_key):
                await self._app(scope, receive, send_observed)
            else:
                await _refuse_key(scope, receive, send_observed)
        except asyncio.CancelledError:
            if status or not served.admission.is_closing:
                raise
            answer = error_answer(scope["path"], 503, "the server is closing", code="server_closing")
            await answer(scope, receive, send_observed)
        except Exception:
            if not status:
                await error_answer(scope["path"], 500, SERVER_ERROR)(scope, receive, send_observed)
            raise  # the server logs it
        finally:
            seconds = time.perf_counter() - started
            served.metrics.count_request(_route(scope["path"]), status or CLIENT_CLOSED_REQUEST, seconds)
            if ACCESS_LOG.isEnabledFor(logging.INFO):
                _log(scope, status or CLIENT_CLOSED_REQUEST, seconds, request_id)


def _request_id(scope: Scope) -> bytes:
    """Return the id that the client gave, if it is sane, else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return bytes(given) if SANE_ID.fullmatch(given) else os.urandom(8).hex().encode()


def _may_pass(scope: Scope, key: str | None) -> bool:
    """Whether no key is asked, or the request has it."""
    if key is None or (scope["path"] in OPEN_PATHS and scope["method"] in ("GET", "HEAD")):
        return True
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, token = given.partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), key.encode())


async def _refuse_key(scope: Scope, receive: Receive, send: Send) -> None:
    answer = error_answer(
        scope["path"],
        401,
        "the key is missing or wrong: send the header 'Authorization: Bearer KEY'",
        code="invalid_api_key",
        headers={"www-authenticate": "Bearer", "connection": "close"},
    )
    await answer(scope, receive, send)


def _route(path: str) -> str:
    """Return the name by which requests to `path` are counted: few names, whatever clients ask for.

    >>> _route("/embed"), _route("/v1/models/minilm"), _route("/wp-login.php")
    ('/embed', '/v1/models/{name}', 'other')
    """
    if path.startswith(MODEL_PATH):
        return MODEL_PATH + "{name}"
    return path if path in ROUTES else "other"


def _log(scope: Scope, status: int, seconds: float, request_id: bytes) -> None:
    client = scope.get("client") or ("-", 0)
    texts = scope["state"].get("texts")
    ACCESS_LOG.info(
        "%s:%d %s %s %d %.1f ms%s %s",
        client[0],
        client[1],
        scope["method"],
        _route(scope["path"]),
        status,
        1000 * seconds,
        "" if texts is None else f" {texts} texts",
        request_id.decode("ascii"),
    )


def _brief(send: Send) -> Send:
    """Return `send` for a lifespan: where a start fails for an artifact or a setting, its sentence is the message."""

    async def send_brief(message: Message) -> None:
        error = sys.exception()
        if message["type"] == "lifespan.startup.failed" and isinstance(error, ArtifactError | SettingError):
            message = {**message, "message": str(error)}
        await send(message)

    return send_brief
