"""The Starlette app: its routes, and what it opens when it starts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

from biobert_onnx._extras import requires_extra
from biobert_onnx.serving.http import openai_routes, openapi, operator_routes, pages, tei_routes
from biobert_onnx.serving.http.errors import HANDLERS
from biobert_onnx.serving.http.observed import Observed
from biobert_onnx.serving.http.served import Served
from biobert_onnx.serving.settings import Settings

with requires_extra("http", by="the HTTP app"):
    from starlette.applications import Starlette
    from starlette.middleware import Middleware

DEFAULT_ARTIFACT = Path("artifact")
"""The folder that is served where BIOBERT_ONNX_ARTIFACT names none, in the working directory."""

ROUTES = (
    *openai_routes.ROUTES,
    *tei_routes.ROUTES,
    *operator_routes.ROUTES,
    *openapi.ROUTES,
    *pages.ROUTES,
)


class State(TypedDict):
    """What requests find in their `state`."""

    served: Served


def opened_by_environment() -> Served:
    """Open what the environment names; raises as `Settings.from_environment` and `Served.open` do."""
    return Served.open(Settings.from_environment(DEFAULT_ARTIFACT))


def make_app(open_served: Callable[[], Served] = opened_by_environment) -> Starlette:
    """Return an app that serves what `open_served` opens when it starts, and closes it when it ends."""

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[State]:
        served = open_served()
        with served.running():
            yield {"served": served}

    return Starlette(routes=ROUTES, middleware=[Middleware(Observed)], lifespan=running, exception_handlers=HANDLERS)


app = make_app()
"""The app that servers load by its name."""
