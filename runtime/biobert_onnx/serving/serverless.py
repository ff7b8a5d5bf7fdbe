"""The serverless handler: `biobert_onnx.serving.serverless.handler(event, context)`, as AWS Lambda calls it.

Its artifact is the folder that BIOBERT_ONNX_ARTIFACT names, else `artifact` beside this package, where the command
`bundle` puts it; BIOBERT_ONNX_ENGINE names the engine, and BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS=1 reads special tokens
in texts as plain text. BIOBERT_ONNX_LONG_TEXTS and BIOBERT_ONNX_NORMALIZE decide for events that do not say,
BIOBERT_ONNX_THREADS and BIOBERT_ONNX_MAX_LENGTH are the encoder's, BIOBERT_ONNX_MAX_TEXTS and
BIOBERT_ONNX_MAX_CHARACTERS the limits of an event. It writes nothing to disk.
"""

import base64
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from biobert_onnx._file_status import is_folder
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.serving.json_values import short_json
from biobert_onnx.serving.requests import IGNORED_FIELDS, BadRequest, EmbeddingRequest, json_object
from biobert_onnx.serving.settings import ARTIFACT_VARIABLE, Settings

DEFAULTS = {"max_texts": 256, "max_characters": 1_000_000, "normalize": False}
"""The settings that have another default here than over HTTP. As numbers, 256 vectors of 1,024 dimensions stay below
Lambda's 6 MiB for an answer, and BERT base computes them within the 29 s of API Gateway on one CPU. A million
characters take 100 MB of memory while they are tokenized."""

IGNORED = frozenset(("model", *IGNORED_FIELDS))
"""Fields that change nothing: there is one model."""

BUNDLED_ARTIFACT = Path(__file__).parents[2] / "artifact"
"""The folder that `bundle` puts the artifact into."""

JSON_HEADERS = {"content-type": "application/json"}

Answer = dict[str, Any]


def handler(event: object, context: object) -> Answer:
    """Answer one event: a direct invocation, or a proxy event of API Gateway (1.0, 2.0) or a load balancer.

    The request is the event itself, or the JSON body of a proxy event, in base64 or not: {"texts": [...]}, by default
    at most 256 of 1,000,000 characters in all, and the options "normalize" (false), "encoding_format" ("float", or
    "base64" for float32 in base64), "dimensions", "long_texts" ("error", "truncate", "window"), "prompt" and
    "prompt_name".

    The answer is {"embeddings": [...], "dim": 768, "model": name, "engine": "kernels", "kernel": "vnni", "tokens": n},
    with null as the kernel of onnxruntime, or {"error": "what to change"} with a 4xx status. A proxy event gets it as
    its answer's body, a direct invocation with "statusCode" beside it.
    """
    is_proxied = isinstance(event, Mapping) and "requestContext" in event
    try:
        status, body = 200, _answer(_request_in(event))
    except BadRequest as error:
        status, body = error.status, json.dumps({"error": str(error)})
    if is_proxied:
        return {"statusCode": status, "headers": JSON_HEADERS, "isBase64Encoded": False, "body": body}
    return {"statusCode": status, **json.loads(body)}


def loaded_encoder() -> SentenceEncoder:
    """Return the encoder that answers events, with a thread for each usable CPU.

    It is opened at the first call, and again when the number of CPUs has changed: a snapshot may wake up on another
    machine than it was taken on. Raises as `Settings` does.
    """
    return _encoder(usable_cpus())


def forget_encoder() -> None:
    """Forget the encoder and the settings: the next event reads the environment, and opens the artifact named there."""
    _settings.cache_clear()
    _encoder.cache_clear()


@lru_cache(maxsize=1)
def _settings() -> Settings:
    return Settings.from_environment(BUNDLED_ARTIFACT, defaults=DEFAULTS)


@lru_cache(maxsize=1)
def _encoder(cpus: int) -> SentenceEncoder:
    settings = _settings()
    return settings.open_encoder(next(iter(settings.artifacts)), threads=cpus)


def _answer(content: Mapping[str, Any]) -> str:
    """The JSON of the answer to the request `content`; raises BadRequest."""
    encoder, settings = loaded_encoder(), _settings()
    wanted = EmbeddingRequest.read(
        content,
        field="texts",
        max_texts=settings.max_texts,
        max_characters=settings.max_characters,
        ignored=IGNORED,
        normalize=bool(settings.normalize),
        long_texts=settings.long_texts,
    )
    vectors, counts = wanted.encode(encoder)
    others = json.dumps(
        {
            "dim": vectors.shape[1],
            "model": encoder.manifest.name,
            "engine": encoder.engine,
            "kernel": encoder.kernel,
            "tokens": int(counts.sum()),
        }
    )
    return f'{{"embeddings": [{", ".join(wanted.json_vectors(vectors))}], {others[1:]}'


def _request_in(event: object) -> Mapping[str, Any]:
    if not isinstance(event, Mapping):
        raise BadRequest(f"the event is {short_json(event)}, expected an object with texts")
    return _body_of(event) if "requestContext" in event else event


def _body_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    http = _object_in(_object_in(event, "requestContext"), "http")
    method = event.get("httpMethod") or http.get("method")  # format 1.0 and load balancers; format 2.0
    if method != "POST":
        raise BadRequest(f"the method is {short_json(method)}, expected POST", status=405)
    body = event.get("body")
    if event.get("isBase64Encoded"):
        return json_object(_decoded(body))
    return json_object(body if isinstance(body, str | bytes) else "")


def _object_in(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, Mapping) else {}


def _decoded(body: object) -> bytes:
    if not isinstance(body, str | bytes):
        raise BadRequest(f"the body is {short_json(body)}, expected base64, as isBase64Encoded says")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:  # not ASCII, or not base64
        raise BadRequest(f"the body is not base64, but isBase64Encoded says so ({error})") from error


if ARTIFACT_VARIABLE in os.environ or is_folder(BUNDLED_ARTIFACT):
    loaded_encoder()  # while the function starts, before its first event
