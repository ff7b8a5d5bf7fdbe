"""The pages for people: GET / tries sentences, GET /docs shows /openapi.json. Files of this package, and no network."""

from pathlib import Path

from biobert_onnx._extras import requires_extra

with requires_extra("http", by="the HTTP app"):
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

FOLDER = Path(__file__).parent / "page"

FILES = {
    "/": "index.html",
    "/docs": "docs.html",
    "/page/page.css": "page.css",
    "/page/common.js": "common.js",
    "/page/index.js": "index.js",
    "/page/docs.js": "docs.js",
    "/page/icon.svg": "icon.svg",
}
"""The file in FOLDER that each path shows."""

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
"""A browser runs no script but those of this server, asks nobody else, and shows the page in no other page."""


async def page(request: Request) -> Response:
    """Answer GET with the file of the path."""
    path = FOLDER / FILES[request.url.path]
    return Response(path.read_bytes(), headers=HEADERS, media_type=TYPES[path.suffix])


ROUTES = tuple(Route(path, page, methods=["GET"], name=f"page {name}") for path, name in FILES.items())
