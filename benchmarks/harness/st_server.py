"""sentence-transformers behind POST /v1/embeddings, as one would serve it without a server made for it.

`uvicorn benchmarks.harness.st_server:app`, with the checkpoint's folder in ST_CHECKPOINT: one call of `encode` a
request, in Starlette's thread pool, which PyTorch's threads share.
"""

import asyncio
import os

from sentence_transformers import SentenceTransformer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

model = SentenceTransformer(os.environ["ST_CHECKPOINT"], device="cpu")


async def embeddings(request: Request) -> JSONResponse:
    """Answer with the vectors of `input`."""
    texts = (await request.json())["input"]
    vectors = await asyncio.to_thread(model.encode, [texts] if isinstance(texts, str) else texts)
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(vectors.tolist())]
    return JSONResponse({"object": "list", "data": data, "model": "all-MiniLM-L6-v2"})


app = Starlette(routes=[Route("/v1/embeddings", embeddings, methods=["POST"])])
