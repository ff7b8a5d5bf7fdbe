"""Reading the body of a request, within bounds of size, memory and time."""

import asyncio

from biobert_onnx._extras import requires_extra
from biobert_onnx.serving.http.admission import Admission, HeldBody
from biobert_onnx.serving.http.errors import REQUEST_TIMEOUT
from biobert_onnx.serving.requests import BadRequest

with requires_extra("http", by="the HTTP app"):
    from starlette.requests import Request

BODY_TIMEOUT_S = 30.0
"""Seconds that a body may take to arrive; no thread waits for it."""


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
