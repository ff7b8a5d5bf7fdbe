"""OpenAI's routes: POST /v1/embeddings, GET /v1/models."""

import json
from collections.abc import Mapping
from typing import Any

from biobert_onnx._extras import requires_extra
from biobert_onnx._types import FloatArray
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.prompts import DOCUMENT, QUERY
from biobert_onnx.serving.http.errors import json_answer
from biobert_onnx.serving.http.models import Model
from biobert_onnx.serving.http.served import Served
from biobert_onnx.serving.http.work import Answer, Endpoint, Work, json_array, json_row
from biobert_onnx.serving.requests import IGNORED_FIELDS, EmbeddingRequest

with requires_extra("http", by="the HTTP app"):
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

OTHER_FIELDS = ("model", "input_type")

PROMPT_NAMES = {
    "query": QUERY,
    "search_query": QUERY,
    "document": DOCUMENT,
    "passage": DOCUMENT,
    "search_document": DOCUMENT,
}
"""The prompts that values of `input_type` mean, as NVIDIA's, Voyage's and Cohere's services have them."""


async def embeddings(work: Work) -> Answer:
    """Answer POST /v1/embeddings: OpenAI's fields, and `normalize`, `long_texts`, `prompt` and `prompt_name`."""
    settings, content = work.served.settings, work.content
    model = work.served.models.chosen(content.get("model"))
    wanted = EmbeddingRequest.read(
        _with_prompt_name(content, model.encoder),
        field="input",
        max_texts=settings.max_texts,
        max_characters=settings.max_characters,
        other_fields=OTHER_FIELDS,
        ignored=IGNORED_FIELDS,
        normalize=settings.normalize is not False,
        long_texts=settings.long_texts,
    )
    vectors, tokens = await work.embed(wanted, model)
    return Answer(await _parts(wanted, vectors, tokens=tokens, model=content.get("model") or model.name))


async def models(request: Request) -> Response:
    """Answer GET /v1/models."""
    served: Served = request.state.served
    return json_answer({"object": "list", "data": [_described(model) for model in served.models.by_name.values()]})


async def model(request: Request) -> Response:
    """Answer GET /v1/models/NAME; 404 for a name that is not served."""
    served: Served = request.state.served
    return json_answer(_described(served.models.named(request.path_params["name"])))


ROUTES = (
    Route("/v1/embeddings", Endpoint(embeddings), methods=["POST"]),
    Route("/v1/models", models),
    Route("/v1/models/{name:path}", model),
)


def _with_prompt_name(content: Mapping[str, Any], encoder: SentenceEncoder) -> Mapping[str, Any]:
    """Return `content` with the prompt that its `input_type` means, if the artifact has it and no other is named."""
    if content.get("prompt") is not None or content.get("prompt_name") is not None:
        return content
    kind, prompts = content.get("input_type"), encoder.prompts
    if not isinstance(kind, str):
        return content
    name = next((each for each in (kind, PROMPT_NAMES.get(kind)) if each in prompts), None)
    return content if name is None else {**content, "prompt_name": name}


async def _parts(wanted: EmbeddingRequest, vectors: FloatArray, *, tokens: int, model: str) -> list[bytes]:
    """The JSON of an answer, in parts."""
    if wanted.encoding_format == "float":
        rows = await json_array(lambda index: _item(index, json_row(vectors[index])), len(vectors))
    else:
        texts = list(wanted.json_vectors(vectors))
        rows = await json_array(lambda index: _item(index, texts[index].encode("ascii")), len(texts))
    usage = b'{"prompt_tokens":%d,"total_tokens":%d}' % (tokens, tokens)
    end = b',"model":%s,"usage":%s}' % (json.dumps(model).encode("ascii"), usage)
    return [b'{"object":"list","data":', *rows, end]


def _item(index: int, embedding: bytes) -> bytes:
    return b'{"object":"embedding","index":%d,"embedding":%s}' % (index, embedding)


def _described(model: Model) -> dict[str, object]:
    encoder = model.encoder
    return {
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": "biobert-onnx",
        "dim": encoder.dim,
        "max_length": encoder.max_length,
    }
