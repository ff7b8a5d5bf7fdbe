"""The HTTP app: an artifact behind OpenAI's embeddings endpoint (extra `http`).

`uvicorn biobert_onnx.serving.http:app` serves it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

from biobert_onnx._extras import requires_extra
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.errors import short_repr
from biobert_onnx.serving.requests import BadRequest, EmbeddingRequest, artifact_folder, json_object

with requires_extra("http", by="the HTTP app"):
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response
    from starlette.routing import Route

MOST_TEXTS = 2048
"""In one request, as OpenAI has it."""

MOST_BYTES = 4 * 2**20
"""Of a body: 2,048 texts of 2,000 characters, as PubMed abstracts are."""

READING_S = 30.0
"""Seconds that a body may take to arrive; no thread waits for it."""

TOO_SLOW = 408
CLIENT_GONE = 499
"""For the log; as nginx has it."""


class State(TypedDict):
    """What the app holds while it runs."""

    encoder: SentenceEncoder


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[State]:
    """The encoder on the artifact that BIOBERT_ONNX_ARTIFACT names, else on ./artifact; closed at the end."""
    with SentenceEncoder(artifact_folder(Path("artifact"))) as encoder:
        yield {"encoder": encoder}


async def embeddings(request: Request) -> Response:
    """POST /v1/embeddings: as OpenAI's, with `normalize` and `long_texts` besides; `user` is not looked at."""
    encoder: SentenceEncoder = request.state.encoder
    content = json_object(await _body(request))
    asked = EmbeddingRequest.read(content, field="input", most=MOST_TEXTS, others=("model", "user"))
    model = content.get("model", encoder.manifest.name)
    if not isinstance(model, str):
        raise BadRequest(f"model is {short_repr(model)}, expected a name", field="model")
    counts = await asyncio.to_thread(asked.token_counts, encoder)
    vectors = await encoder.aencode(
        asked.texts,
        normalize_embeddings=asked.normalize,
        truncate_dim=asked.dimensions,
        long_texts=asked.long_texts,
    )
    tokens = int(counts.sum())
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(asked.encoded(vectors))
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return _json({"object": "list", "data": data, "model": model, "usage": usage})


async def health(request: Request) -> Response:
    """GET /health: 200 as soon as the encoder is loaded, with what it is."""
    manifest = request.state.encoder.manifest
    return _json({"status": "ok", "model": manifest.name, "dim": manifest.dim, "precision": manifest.precision})


async def _body(request: Request) -> bytes:
    """The whole body; one that is too large is read to its end all the same, as only then its client reads the answer.

    Raises BadRequest if it is too large or too slow.
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(READING_S):
            async for part in request.stream():
                size += len(part)
                body += part if size <= MOST_BYTES else b""
    except TimeoutError as error:
        raise BadRequest(f"the body took more than {READING_S:.0f} s: send a smaller one", status=TOO_SLOW) from error
    if size > MOST_BYTES:
        raise BadRequest(f"the body has {size:,} bytes, expected at most {MOST_BYTES:,}: send several", status=413)
    return bytes(body)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadRequest)
    headers = {"connection": "close"} if error.status == TOO_SLOW else None  # the rest of its body may come yet
    return _error(error.status, str(error), kind="invalid_request_error", field=error.field, headers=headers)


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}, expected POST /v1/embeddings or GET /health"
    return _error(error.status_code, message, kind="invalid_request_error", headers=error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_GONE)


async def _failed(request: Request, error: Exception) -> Response:
    return _error(500, "the server failed, its log says why", kind="server_error")


def _error(
    status: int, message: str, *, kind: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    content = {"error": {"message": message, "type": kind, "param": field, "code": None}}
    return _json(content, status=status, headers=headers)


def _json(content: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """In ASCII, as a name that is echoed may be no valid Unicode."""
    return Response(json.dumps(content), status, headers, media_type="application/json")


app = Starlette(
    routes=[Route("/v1/embeddings", embeddings, methods=["POST"]), Route("/health", health)],
    lifespan=running,
    exception_handlers={
        BadRequest: _refused,
        HTTPException: _unrouted,
        ClientDisconnect: _gone,
        Exception: _failed,
    },
)
