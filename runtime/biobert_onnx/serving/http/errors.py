"""Errors as clients get them: in OpenAI's shape, on text-embeddings-inference's routes in that one's."""

import json
from collections.abc import Mapping
from typing import Any

from biobert_onnx._extras import requires_extra
from biobert_onnx.serving.requests import EMPTY, TOO_LONG, TOO_MANY, BadRequest

with requires_extra("http", by="the HTTP app"):
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response
    from starlette.routing import Match

REQUEST_TIMEOUT = 408
CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that has gone: only the log shows it."""

TEI_PATHS = ("/", "/embed", "/tokenize", "/decode", "/similarity", "/ping")
"""The routes of text-embeddings-inference, whose clients read its errors."""

TEI_STATUS = {TOO_LONG: 413, TOO_MANY: 422, EMPTY: 400}
"""Its statuses for codes that have another one on OpenAI's routes."""

TEI_TYPES = {401: "Unauthorized", 424: "Backend", 429: "Overloaded", 503: "Unhealthy", 504: "Backend"}
"""Its types of errors by their status; all others are Validation, but an empty input."""

OPENAI_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
OPENAI_TYPES |= {504: "server_error"}
"""OpenAI's types of errors by their status; all others are invalid_request_error."""

SERVER_ERROR = "the server failed; its log says why"


class RefusedError(BadRequest):
    """A request that is refused for the server's state or its key; `headers` are those of the answer."""

    def __init__(self, message: str, *, status: int, code: str, headers: Mapping[str, str]) -> None:
        super().__init__(message, status=status, code=code)
        self.headers = headers


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in ASCII: the name of a model may hold lone surrogates."""
    return Response(json.dumps(content), status, headers, media_type="application/json")


def error_answer(
    path: str,
    status: int,
    message: str,
    *,
    field: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error in the shape of the route at `path`; text-embeddings-inference's statuses differ in part."""
    if path in TEI_PATHS:
        status = _tei_status(status, field, code)
        kind = "Empty" if code == EMPTY else TEI_TYPES.get(status, "Validation")
        return json_answer({"error": message, "error_type": kind}, status, headers)
    kind = OPENAI_TYPES.get(status, "invalid_request_error")
    return json_answer({"error": {"message": message, "type": kind, "param": field, "code": code}}, status, headers)


def _tei_status(status: int, field: str | None, code: str | None) -> int:
    """Its 400 is for broken JSON and no input at all, 422 for a wrong value, 424 for a fault of the server's own."""
    if code in TEI_STATUS:
        return TEI_STATUS[code]
    if status == 400 and field is not None:
        return 422
    return 424 if status == 500 else status


async def _bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadRequest)
    headers = dict(error.headers) if isinstance(error, RefusedError) else {}
    if error.status == REQUEST_TIMEOUT:
        headers["connection"] = "close"  # the rest of its body may come yet
    return error_answer(request.url.path, error.status, str(error), field=error.field, code=error.code, headers=headers)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    message = f"{request.method} {path}: {error.detail}, expected a route that GET /openapi.json describes"
    headers = {"allow": ", ".join(sorted(_methods(request)))} if error.status_code == 405 else error.headers
    return error_answer(path, error.status_code, message, headers=headers)


def _methods(request: Request) -> set[str]:
    """Return the methods of all routes of the request's path; Starlette names those of the first one."""
    routes = (route for route in request.app.routes if route.matches(request.scope)[0] is Match.PARTIAL)
    return {method for route in routes for method in route.methods}


async def _client_disconnected(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


HANDLERS: Mapping[Any, Any] = {
    BadRequest: _bad_request,
    HTTPException: _no_such_route,
    ClientDisconnect: _client_disconnected,
}
"""What answers each error that is not a fault of the server."""
