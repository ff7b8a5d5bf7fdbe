"""The HTTP app: an artifact behind OpenAI's embeddings endpoint (extra `http`).

`uvicorn biobert_onnx.serving.http:app` serves it.
"""

import asyncio
import json
import sys
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

from biobert_onnx._extras import requires_extra
from biobert_onnx._types import FloatArray
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.errors import ArtifactError, TruncationWarning
from biobert_onnx.serving.json_values import short_json
from biobert_onnx.serving.requests import BadRequest, EmbeddingRequest, json_object
from biobert_onnx.serving.settings import SettingError, open_encoder

with requires_extra("http", by="the HTTP app"):
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

DEFAULT_ARTIFACT = Path("artifact")
"""The folder that is served where BIOBERT_ONNX_ARTIFACT names none, in the working directory."""

MAX_TEXTS_PER_REQUEST = 2048
"""Texts in one request: OpenAI's limit."""

MAX_BODY_BYTES = 4 * 2**20
"""Bytes in one body: 2,048 texts of 2,000 characters, the length of PubMed's abstracts."""

MAX_CHARACTERS_PER_REQUEST = MAX_BODY_BYTES
"""Characters in all texts of one request, each with the prompt before it: no more than a body can hold without one."""

BODY_TIMEOUT_S = 30.0
"""Seconds that a body may take to arrive; no thread waits for it."""

EXPECTED = "POST /v1/embeddings, GET /health or GET /info"
"""What messages say there is."""

REQUEST_TIMEOUT = 408
CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that has gone: only the log shows it."""


class State(TypedDict):
    """What the app holds while it runs."""

    encoder: SentenceEncoder


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[State]:
    """Open the encoder, and close it when the server ends.

    While it is open, texts that clients want cut give no warning: the client knows, and the log is the server's.
    """
    with warnings.catch_warnings(), open_encoder(DEFAULT_ARTIFACT) as encoder:
        warnings.simplefilter("ignore", TruncationWarning)
        yield {"encoder": encoder}


class BriefStartupErrors:
    """Middleware that lets a server which cannot open its encoder log the reason without a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass all on; where a start fails for its artifact or a setting, the error's sentence becomes the message."""

        async def send_brief(message: Message) -> None:
            error = sys.exception()
            if message["type"] == "lifespan.startup.failed" and isinstance(error, ArtifactError | SettingError):
                message = {**message, "message": str(error)}
            await send(message)

        await self._app(scope, receive, send_brief if scope["type"] == "lifespan" else send)


async def embeddings(request: Request) -> Response:
    """Answer POST /v1/embeddings: OpenAI's fields, of which `user` is ignored, and more.

    These are `normalize`, `long_texts`, `prompt` and `prompt_name`.
    """
    encoder: SentenceEncoder = request.state.encoder
    content = json_object(await _body(request))
    wanted = EmbeddingRequest.read(
        content,
        field="input",
        max_texts=MAX_TEXTS_PER_REQUEST,
        max_characters=MAX_CHARACTERS_PER_REQUEST,
        other_fields=("model", "user"),
    )
    model = content.get("model", encoder.manifest.name)
    if not isinstance(model, str):
        raise BadRequest(f"model is {short_json(model)}, expected a name", field="model")
    vectors, counts = await wanted.aencode(encoder)
    body = await asyncio.to_thread(_answer, wanted, vectors, tokens=int(counts.sum()), model=model)
    return Response(body, media_type="application/json")


async def health(request: Request) -> Response:
    """Answer GET /health: 200 as soon as the encoder is loaded, with its name, dim and precision."""
    manifest = request.state.encoder.manifest
    return _json({"status": "ok", "model": manifest.name, "dim": manifest.dim, "precision": manifest.precision})


async def info(request: Request) -> Response:
    """Answer GET /info: what the artifact is, and what computes its vectors here."""
    encoder: SentenceEncoder = request.state.encoder
    manifest = encoder.manifest
    return _json(
        {
            "model": manifest.name,
            "dim": encoder.dim,
            "precision": manifest.precision,
            "pooling": manifest.pooling,
            "unit_length": manifest.normalized,
            "max_length": encoder.max_length,
            "engine": encoder.engine,
            "kernel": encoder.kernel,
        }
    )


async def _body(request: Request) -> bytes:
    """Return the whole body. One that is too large is read to its end: only then does its client read the answer.

    Raises BadRequest if it is too large or too slow.
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                size += len(part)
                body += part if size <= MAX_BODY_BYTES else b""
    except TimeoutError as error:
        raise BadRequest(
            f"the body took more than {BODY_TIMEOUT_S:.0f} s: send a smaller one", status=REQUEST_TIMEOUT
        ) from error
    if size > MAX_BODY_BYTES:
        raise BadRequest(
            f"the body has {size:,} bytes, expected at most {MAX_BODY_BYTES:,}: send several requests", status=413
        )
    return bytes(body)


def _answer(wanted: EmbeddingRequest, vectors: FloatArray, *, tokens: int, model: str) -> str:
    """The JSON of an answer, put together from that of its vectors."""
    data = ", ".join(
        f'{{"object": "embedding", "index": {index}, "embedding": {vector}}}'
        for index, vector in enumerate(wanted.json_vectors(vectors))
    )
    usage = json.dumps({"prompt_tokens": tokens, "total_tokens": tokens})
    return f'{{"object": "list", "data": [{data}], "model": {json.dumps(model)}, "usage": {usage}}}'


async def _bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadRequest)
    headers = {"connection": "close"} if error.status == REQUEST_TIMEOUT else None  # the rest of its body may come yet
    return _error(error.status, str(error), kind="invalid_request_error", field=error.field, headers=headers)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}, expected {EXPECTED}"
    return _error(error.status_code, message, kind="invalid_request_error", headers=error.headers)


async def _client_disconnected(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _server_error(request: Request, error: Exception) -> Response:
    return _error(500, "the server failed; its log says why", kind="server_error")


def _error(
    status: int, message: str, *, kind: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    content = {"error": {"message": message, "type": kind, "param": field, "code": None}}
    return _json(content, status=status, headers=headers)


def _json(content: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response in ASCII: the name of a model may hold lone surrogates."""
    return Response(json.dumps(content), status, headers, media_type="application/json")


app = Starlette(
    routes=[Route("/v1/embeddings", embeddings, methods=["POST"]), Route("/health", health), Route("/info", info)],
    middleware=[Middleware(BriefStartupErrors)],
    lifespan=running,
    exception_handlers={
        BadRequest: _bad_request,
        HTTPException: _no_such_route,
        ClientDisconnect: _client_disconnected,
        Exception: _server_error,
    },
)
