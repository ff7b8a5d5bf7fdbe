"""sentence-transformers behind POST /v1/embeddings, as one would serve it without a server made for it.

`uvicorn benchmarks.harness.st_server:app`, with the checkpoint's folder in ST_CHECKPOINT: one call of `encode` a
request, in a thread of its own; PyTorch's threads are shared.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from sentence_transformers import SentenceTransformer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class State(TypedDict):
    """What the app holds while it runs."""

    model: SentenceTransformer


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[State]:
    """Load the model before the first request."""
    yield {"model": SentenceTransformer(os.environ["ST_CHECKPOINT"], device="cpu")}


async def embeddings(request: Request) -> JSONResponse:
    """Answer with the vectors of `input`."""
    texts = (await request.json())["input"]
    vectors = await asyncio.to_thread(request.state.model.encode, [texts] if isinstance(texts, str) else texts)
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(vectors.tolist())]
    return JSONResponse({"object": "list", "data": data})


app = Starlette(routes=[Route("/v1/embeddings", embeddings, methods=["POST"])], lifespan=running)
