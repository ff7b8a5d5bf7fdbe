"""Operators' routes: health, readiness, what is served, metrics, the description of all routes."""

from biobert_onnx._extras import requires_extra
from biobert_onnx.serving.http import pages
from biobert_onnx.serving.http.errors import json_answer
from biobert_onnx.serving.http.metrics import CONTENT_TYPE
from biobert_onnx.serving.http.served import Served
from biobert_onnx.version import __version__

with requires_extra("http", by="the HTTP app"):
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

OPEN_PATHS = ("/health", "/ready", "/ping", "/openapi.json", *pages.FILES)
"""What GET shows without the key: that the server lives, and how it is asked."""


async def health(request: Request) -> Response:
    """Answer GET /health: 200 as long as the process serves, with the first model's name, dim and precision."""
    manifest = request.state.served.models.first.encoder.manifest
    name = request.state.served.models.first.name
    return json_answer({"status": "ok", "model": name, "dim": manifest.dim, "precision": manifest.precision})


async def ping(request: Request) -> Response:
    """Answer GET /ping: 200, without a body."""
    return Response()


async def ready(request: Request) -> Response:
    """Answer GET /ready: 503 from the moment the server begins to end."""
    if request.state.served.admission.is_closing:
        return json_answer({"status": "closing"}, 503)
    return json_answer({"status": "ready"})


async def info(request: Request) -> Response:
    """Answer GET /info: what the model named by the query's `model` is, by default the first, and its limits.

    The second half has the names of text-embeddings-inference.
    """
    served: Served = request.state.served
    settings, model = served.settings, served.models.chosen(request.query_params.get("model"))
    encoder, manifest = model.encoder, model.encoder.manifest
    return json_answer(
        {
            "model": model.name,
            "dim": encoder.dim,
            "precision": manifest.precision,
            "pooling": manifest.pooling,
            "unit_length": manifest.normalized,
            "max_length": encoder.max_length,
            "engine": encoder.engine,
            "kernel": encoder.kernel,
            "prompts": encoder.prompts,
            "default_prompt_name": encoder.default_prompt_name,
            "long_texts": settings.long_texts,
            "models": list(served.models.by_name),
            "max_characters": settings.max_characters,
            "max_body_bytes": settings.max_body_bytes,
            "model_id": model.name,
            "model_sha": None,
            "model_dtype": manifest.precision,
            "model_type": {"embedding": {"pooling": manifest.pooling}},
            "max_concurrent_requests": settings.queue,
            "max_input_length": encoder.max_length,
            "max_batch_tokens": settings.max_characters,
            "max_client_batch_size": settings.max_texts,
            "auto_truncate": settings.long_texts == "truncate",
            "tokenization_workers": 1,
            "version": __version__,
            "sha": None,
            "docker_label": None,
        }
    )


async def metrics(request: Request) -> Response:
    """Answer GET /metrics in the text format of Prometheus."""
    served: Served = request.state.served
    served.count_in_flight()
    return Response(served.metrics.text(), headers={"content-type": CONTENT_TYPE})


ROUTES = (
    Route("/health", health),
    Route("/ping", ping),
    Route("/ready", ready),
    Route("/info", info),
    Route("/metrics", metrics),
)
