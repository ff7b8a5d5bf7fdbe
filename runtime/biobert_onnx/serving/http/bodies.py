"""Reading the body of a request, within bounds of size, memory and time."""

import asyncio
import json
import re

from biobert_onnx._extras import requires_extra
from biobert_onnx.serving.http.admission import Admission, HeldBody
from biobert_onnx.serving.http.errors import REQUEST_TIMEOUT
from biobert_onnx.serving.requests import BadRequest

with requires_extra("http", by="the HTTP app"):
    from starlette.requests import Request

BODY_TIMEOUT_S = 30.0
"""Seconds that a body may take to arrive; no thread waits for it."""


MAX_ARRAYS = 140_000
"""Arrays and objects in one body: /decode takes 131,072 arrays, every other route fewer.

As many as 4 MiB can hold kept the event loop for 0.4 to 0.7 s, most of it collections of garbage; counting them takes
0.02 s, up to 0.2 s beside many short strings. A thread does not help, as `json.loads` lets no other thread run until it
ends, nor does orjson, which was no faster and holds the same lock.
"""

STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string in JSON, or one without an end."""


async def whole_body(request: Request, held: HeldBody, admission: Admission, *, max_bytes: int) -> bytearray:
    """Return the whole body, whose bytes are counted as `held`.

    One that is refused is read to its end without being kept: only then does its client read the answer. Raises
    BadRequest if it is too large (413) or too slow (408), RefusedError (429) if others' bodies leave no room for it.
    """
    body, size, fits = bytearray(), 0, True
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                size += len(part)
                fits = fits and size <= max_bytes and admission.hold(held, len(part))
                if fits:
                    body += part
                else:
                    body.clear()
    except TimeoutError as error:
        raise BadRequest(
            f"the body took more than {BODY_TIMEOUT_S:.0f} s: send a smaller one", status=REQUEST_TIMEOUT
        ) from error
    if size > max_bytes:
        raise BadRequest(
            f"the body has {size:,} bytes, expected at most {max_bytes:,}: send several requests", status=413
        )
    if not fits:
        raise admission.no_room_for_body()
    return body


def check_arrays(body: bytearray) -> None:
    """Raise BadRequest (413) for more than MAX_ARRAYS arrays and objects; brackets in texts do not count."""
    if body.count(b"[") + body.count(b"{") <= MAX_ARRAYS:
        return
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
    except UnicodeDecodeError:
        return  # it is no JSON, which is told where it is read
    outside = STRING.sub("", text)
    arrays = outside.count("[") + outside.count("{")
    if arrays > MAX_ARRAYS:
        raise BadRequest(
            f"the body holds {arrays:,} arrays and objects, expected at most {MAX_ARRAYS:,}: send several requests",
            status=413,
        )
