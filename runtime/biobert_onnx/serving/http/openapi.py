"""GET /openapi.json: the description of every route (OpenAPI 3.1), with the limits of the settings and examples."""

from collections.abc import Mapping
from typing import Any

from biobert_onnx._extras import requires_extra
from biobert_onnx.encoding.long_texts import LONG_TEXTS
from biobert_onnx.encoding.prompts import MAX_PROMPT_CHARACTERS
from biobert_onnx.serving.http.errors import json_answer
from biobert_onnx.serving.http.models import MAX_NAME_CHARACTERS
from biobert_onnx.serving.http.operator_routes import OPEN_PATHS
from biobert_onnx.serving.http.served import Served
from biobert_onnx.serving.http.tei_routes import MAX_DECODED_IDS, MAX_TOKENIZED_CHARACTERS
from biobert_onnx.serving.requests import ENCODING_FORMATS, IGNORED_FIELDS
from biobert_onnx.version import __version__

with requires_extra("http", by="the HTTP app"):
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

Schema = dict[str, Any]

TEXTS = ["I hate cancer", "Antibiotics aren't painkiller"]

STRING: Schema = {"type": "string"}
SWITCH: Schema = {"type": ["boolean", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
VECTOR: Schema = {"type": "array", "items": {"type": "number"}}
BASE64: Schema = {"type": "string", "contentEncoding": "base64"}

OPENAI_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": STRING,
                "type": STRING,
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
TEI_ERROR: Schema = {
    "type": "object",
    "required": ["error", "error_type"],
    "properties": {"error": STRING, "error_type": STRING},
}

WORK_STATUSES = {
    400: "The body is no JSON, or not what is expected.",
    401: "The key is missing or wrong.",
    408: "The body did not come in time.",
    413: "The body, or its texts, are too large.",
    429: "The server is overloaded: send the request again after the seconds in Retry-After.",
    503: "The server is closing.",
    504: "The answer took too long.",
}
OPENAI_STATUSES = WORK_STATUSES | {404: "No model has this name.", 500: "The server failed."}
TEI_STATUSES = WORK_STATUSES | {
    404: "No model has this name.",
    422: "A value is not what is expected.",
    424: "The server failed.",
}
KEY_STATUS = {401: WORK_STATUSES[401]}


async def openapi(request: Request) -> Response:
    """Answer GET /openapi.json."""
    served: Served = request.state.served
    sizes = [model.encoder.text_tokenizer.vocabulary_size for model in served.models.by_name.values()]
    return json_answer(document(served, vocabulary=min(sizes)))


ROUTES = (Route("/openapi.json", openapi),)


def document(served: Served, *, vocabulary: int) -> Schema:
    """Return the description of the app that `served` is behind; its token ids are below `vocabulary`."""
    keyed: Schema = {"components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "biobert-onnx",
            "version": __version__,
            "description": "Sentence vectors on CPUs, by the routes of OpenAI and of text-embeddings-inference.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        **(keyed if served.settings.api_key is not None else {}),
        "paths": _merged(_openai_paths(served), _tei_paths(served, vocabulary), _operator_paths(served)),
    }


def _merged(*parts: Schema) -> Schema:
    """Return the paths of all `parts`; / has a method in two of them."""
    paths: Schema = {}
    for part in parts:
        for path, methods in part.items():
            paths[path] = dict(sorted({**paths.get(path, {}), **methods}.items()))
    return paths


def _openai_paths(served: Served) -> Schema:
    answer = _object(
        {
            "object": {"const": "list"},
            "data": _array(
                _object({"object": {"const": "embedding"}, "index": COUNT, "embedding": {"anyOf": [VECTOR, BASE64]}})
            ),
            "model": STRING,
            "usage": _object({"prompt_tokens": COUNT, "total_tokens": COUNT}),
        }
    )
    model = _object(
        {"id": STRING, "object": {"const": "model"}, "created": COUNT, "owned_by": STRING, "dim": COUNT}
        | {"max_length": COUNT}
    )
    fields = {
        "input": _texts(served),
        "model": _model_name(served),
        "input_type": {"description": "query, document, passage: a prompt, where the artifact has it"},
        **_options(served),
        **{name: {"description": "ignored"} for name in sorted(IGNORED_FIELDS)},
    }
    name = {"name": "name", "in": "path", "required": True, "schema": {"enum": list(served.models.by_name)}}
    return {
        "/v1/embeddings": {
            "post": _work(
                served,
                "The vectors of texts, of unit length by default",
                _body(fields, required="input"),
                answer,
                OPENAI_STATUSES,
                OPENAI_ERROR,
                {
                    "texts": {"input": TEXTS, "model": served.models.first.name},
                    "base64": {"input": TEXTS[0], "encoding_format": "base64", "dimensions": 8},
                },
            )
        },
        "/v1/models": {
            "get": _get(
                served, "What is served", _object({"object": {"const": "list"}, "data": _array(model)}), KEY_STATUS
            )
        },
        "/v1/models/{name}": {
            "get": _get(served, "One model", model, KEY_STATUS | {404: "No model has this name."}, [name])
        },
    }


def _tei_paths(served: Served, vocabulary: int) -> Schema:
    vectors = _array({"anyOf": [VECTOR, BASE64]})
    truncation = {
        "truncate": {**SWITCH, "description": "true cuts texts of too many tokens, false refuses them"},
        "truncation_direction": {"enum": ["Right", "right", None]},
    }
    parameters = {"parameters": {"type": ["object", "null"], "maxProperties": 0}, "options": {"description": "ignored"}}
    more = {"model": _model_name(served), **truncation, **_options(served), **parameters}
    token = _object(
        {
            "id": COUNT,
            "text": STRING,
            "special": {"type": "boolean"},
            "start": {"type": ["integer", "null"], "minimum": 0},
            "stop": {"type": ["integer", "null"], "minimum": 0},
        }
    )
    ids = _array({"type": "integer", "minimum": 0, "maximum": vocabulary - 1}, maxItems=MAX_DECODED_IDS)
    pair = _object({"source_sentence": STRING, "sentences": _texts(served, fewer=1)}) | {"additionalProperties": False}

    def route(summary: str, fields: Schema, required: str, answer: Schema, examples: Mapping[str, Schema]) -> Schema:
        body = _body(fields, required=required)
        return {"post": _work(served, summary, body, answer, TEI_STATUSES, TEI_ERROR, examples)}

    cosines = _array({"type": "number"})
    texts_examples: dict[str, Schema] = {
        "texts": {"inputs": TEXTS},
        "cut": {"inputs": TEXTS[0], "truncate": True, "normalize": False},
    }
    pair_example: dict[str, Schema] = {"pair": {"inputs": {"source_sentence": TEXTS[0], "sentences": TEXTS}}}
    return {
        "/": route(
            "What /embed answers to texts, and /similarity to a source sentence with others",
            {"inputs": {"anyOf": [*_texts(served)["anyOf"], pair]}, **more},
            "inputs",
            {"anyOf": [vectors, cosines]},
            texts_examples | pair_example,
        ),
        "/embed": route(
            "The vectors of texts, of unit length by default, in an array",
            {"inputs": _texts(served), **more},
            "inputs",
            vectors,
            texts_examples,
        ),
        "/similarity": route(
            "The cosine of the source sentence to each of the others",
            {"inputs": pair, **more},
            "inputs",
            cosines,
            pair_example,
        ),
        "/tokenize": route(
            "The tokens of texts with their places",
            {
                "inputs": _texts(served) | {"description": f"at most {MAX_TOKENIZED_CHARACTERS:,} characters in all"},
                "add_special_tokens": SWITCH,
                "prompt_name": _prompt_name(served),
                "model": _model_name(served),
            },
            "inputs",
            _array(_array(token)),
            {"texts": {"inputs": TEXTS}},
        ),
        "/decode": route(
            "The texts of token ids",
            {
                "ids": {"anyOf": [ids, _array(ids)]},
                "skip_special_tokens": SWITCH,
                "model": _model_name(served),
            },
            "ids",
            _array(STRING),
            {"ids": {"ids": [[1, 2, 3], [4]]}},
        ),
    }


def _operator_paths(served: Served) -> Schema:
    health = _object({"status": {"const": "ok"}, "model": STRING, "dim": COUNT, "precision": STRING})
    name = {"type": "string", "maxLength": MAX_NAME_CHARACTERS, **_only_served(served)}
    query = {"name": "model", "in": "query", "schema": name}
    info = {
        "type": "object",
        "required": ["model", "dim", "precision", "max_length", "engine", "model_id", "max_input_length"],
    }
    ready = _object({"status": {"enum": ["ready", "closing"]}})
    paths: Schema = {
        "/health": {"get": _get(served, "Whether the server lives", health, {}, is_open=True)},
        "/ready": {"get": _get(served, "Whether the server takes requests", ready, {}, is_open=True)},
        "/info": {
            "get": _get(
                served,
                "What a model is, and the limits",
                info,
                KEY_STATUS | {400: "The name of the model is too long.", 404: "No model has this name."},
                [query],
            )
        },
        "/openapi.json": {"get": _get(served, "This description", {"type": "object"}, {}, is_open=True)},
    }
    paths["/ready"]["get"]["responses"]["503"] = _answer("The server is closing.", ready)
    for path, summary, kind in (
        ("/", "A page for people, to try sentences", "text/html"),
        ("/ping", "Whether the server lives", None),
        ("/metrics", "Counts, as Prometheus reads them", "text/plain"),
    ):
        is_open = path in OPEN_PATHS
        operation = _get(served, summary, {}, {} if is_open else KEY_STATUS, is_open=is_open)
        content = {} if kind is None else {"content": {kind: {"schema": STRING}}}
        operation["responses"]["200"] = {"description": summary, **content}
        paths[path] = {"get": operation}
    return paths


def _work(
    served: Served,
    summary: str,
    body: Schema,
    answer: Schema,
    statuses: Mapping[int, str],
    error: Schema,
    examples: Mapping[str, Schema],
) -> Schema:
    content = {"schema": body, "examples": {name: {"value": value} for name, value in examples.items()}}
    errors = {str(status): _answer(meaning, error) for status, meaning in sorted(statuses.items())}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {"200": _answer(summary, answer), **errors},
        **_security(served),
    }


def _get(
    served: Served,
    summary: str,
    answer: Schema,
    statuses: Mapping[int, str],
    parameters: list[Schema] | None = None,
    *,
    is_open: bool = False,
) -> Schema:
    errors = {str(status): _answer(meaning, OPENAI_ERROR) for status, meaning in sorted(statuses.items())}
    return {
        "summary": summary,
        **({"parameters": parameters} if parameters else {}),
        "responses": {"200": _answer(summary, answer), **errors},
        **({} if is_open else _security(served)),
    }


def _security(served: Served) -> Schema:
    return {} if served.settings.api_key is None else {"security": [{"key": []}]}


def _answer(meaning: str, schema: Schema) -> Schema:
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _body(properties: Schema, *, required: str) -> Schema:
    return {"type": "object", "required": [required], "properties": properties, "additionalProperties": False}


def _array(items: Schema, **more: int) -> Schema:
    return {"type": "array", "items": items, **more}


def _texts(served: Served, *, fewer: int = 0) -> Schema:
    """One text, or several; `fewer` than a request may have."""
    settings = served.settings
    text = {"type": "string", "maxLength": settings.max_characters}
    return {"anyOf": [text, _array(text, minItems=1, maxItems=settings.max_texts - fewer)]}


def _options(served: Served) -> Schema:
    most = max(model.encoder.dim for model in served.models.by_name.values())
    return {
        "encoding_format": {"enum": [*ENCODING_FORMATS, None]},
        "dimensions": {"type": ["integer", "null"], "minimum": 1, "maximum": most},
        "normalize": SWITCH,
        "long_texts": {"enum": [*LONG_TEXTS, None], "description": "what is done with texts of too many tokens"},
        "prompt": {"type": ["string", "null"], "maxLength": MAX_PROMPT_CHARACTERS},
        "prompt_name": _prompt_name(served),
    }


def _prompt_name(served: Served) -> Schema:
    names = {name for model in served.models.by_name.values() for name in model.encoder.prompts}
    return {"enum": [*sorted(names), None]}


def _model_name(served: Served) -> Schema:
    if len(served.models.by_name) > 1:
        return {"enum": [*served.models.by_name, None]}
    return {"type": ["string", "null"], "maxLength": MAX_NAME_CHARACTERS}


def _only_served(served: Served) -> Schema:
    return {"enum": list(served.models.by_name)} if len(served.models.by_name) > 1 else {}
