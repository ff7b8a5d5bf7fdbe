"""The serverless handler: `biobert_onnx.serving.serverless.handler(event, context)`, as AWS Lambda calls it.

Its artifact is in the folder that BIOBERT_ONNX_ARTIFACT names, else in `artifact` beside this package, where the
command `bundle` puts it. It writes nothing to disk.
"""

import base64
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.tokenizer import CALL_CHARACTERS as CHARACTERS
from biobert_onnx.errors import short_repr
from biobert_onnx.serving.requests import ARTIFACT_VARIABLE, BadRequest, EmbeddingRequest, artifact_folder, json_object

MOST_TEXTS = 256
"""In one event: as numbers, vectors of 1,024 dimensions then stay below Lambda's 6 MiB for an answer, and BERT base
answers within the 29 s of API Gateway on one CPU."""

MOST_CHARACTERS = CHARACTERS
"""In all texts of one event: 100 MB of memory while they are tokenized."""

BESIDE = Path(__file__).parents[2] / "artifact"

JSON = {"content-type": "application/json"}

Answer = dict[str, Any]


def handler(event: object, context: object) -> Answer:
    """The answer to one event: a direct invocation, or a proxy event of API Gateway (1.0, 2.0) or a load balancer.

    The request is the event itself, or the JSON body of a proxy event, in base64 or not: {"texts": [...]}, at most 256
    of 1,000,000 characters in all, and if wanted "normalize" (false), "encoding_format" ("float", or "base64" for
    float32 in base64), "dimensions" and "long_texts" ("error", "truncate", "window").

    The answer is {"embeddings": [...], "dim": 768, "model": name, "tokens": n}, or {"error": "what to change"} with a
    4xx status: the body of a proxy answer, or with "statusCode" beside for a direct invocation.
    """
    proxied = isinstance(event, Mapping) and "requestContext" in event
    try:
        status, answer = 200, _answer(_request_in(event))
    except BadRequest as error:
        status, answer = error.status, {"error": str(error)}
    if proxied:
        return {"statusCode": status, "headers": JSON, "isBase64Encoded": False, "body": json.dumps(answer)}
    return {"statusCode": status, **answer}


def _answer(content: Mapping[str, Any]) -> Answer:
    asked = EmbeddingRequest.read(content, field="texts", most=MOST_TEXTS)
    characters = sum(map(len, asked.texts))
    if characters > MOST_CHARACTERS:
        raise BadRequest(
            f"texts hold {characters:,} characters, expected at most {MOST_CHARACTERS:,}: send several", status=413
        )
    encoder = _encoder(usable_cpus())
    counts = asked.token_counts(encoder)
    vectors = encoder.encode(
        asked.texts,
        normalize_embeddings=asked.normalize,
        show_progress_bar=False,
        truncate_dim=asked.dimensions,
        long_texts=asked.long_texts,
    )
    return {
        "embeddings": asked.encoded(vectors),
        "dim": vectors.shape[1],
        "model": encoder.manifest.name,
        "tokens": int(counts.sum()),
    }


def _request_in(event: object) -> Mapping[str, Any]:
    if not isinstance(event, Mapping):
        raise BadRequest(f"the event is a {type(event).__name__}, expected an object with 'texts'")
    return _body_of(event) if "requestContext" in event else event


def _body_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    http = _object_in(_object_in(event, "requestContext"), "http")
    method = event.get("httpMethod") or http.get("method")  # 1.0 and load balancers; 2.0
    if method != "POST":
        raise BadRequest(f"the method is {short_repr(method)}, expected POST", status=405)
    body = _decoded(event) if event.get("isBase64Encoded") else event.get("body")
    return json_object(body if isinstance(body, str | bytes) else "")


def _object_in(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, Mapping) else {}


def _decoded(event: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(event["body"], validate=True)
    except (KeyError, TypeError, ValueError) as error:  # no body, none of text, no base64
        raise BadRequest(f"the body is no base64 ({error})") from error


@lru_cache(maxsize=1)
def _encoder(cpus: int) -> SentenceEncoder:
    """The encoder for that many CPUs: a snapshot may wake up with more or fewer than it was taken with."""
    return SentenceEncoder(artifact_folder(BESIDE), threads=cpus)


if ARTIFACT_VARIABLE in os.environ or BESIDE.is_dir():
    _encoder(usable_cpus())  # while the function starts, before its first event
