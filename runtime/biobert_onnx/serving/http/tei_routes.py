"""The routes of text-embeddings-inference: /embed, /tokenize, /decode, /similarity, and / for two of them."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from biobert_onnx._extras import requires_extra
from biobert_onnx.embeddings import similarity as cosines
from biobert_onnx.encoding.token_encodings import TokenEncoding
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.serving.http.models import Model
from biobert_onnx.serving.http.work import Answer, Endpoint, Work, json_array, json_row
from biobert_onnx.serving.json_values import short_json
from biobert_onnx.serving.requests import (
    BadRequest,
    EmbeddingRequest,
    check_fields,
    check_switch,
    checked_texts,
    integer,
)

with requires_extra("http", by="the HTTP app"):
    import orjson
    from starlette.routing import Route

PARAMETERS = "parameters"
"""The field in which Hugging Face's clients may put all fields but the inputs."""

IGNORED = ("options",)
OTHER_FIELDS = ("truncate", "truncation_direction", "model")

MAX_TOKENIZED_CHARACTERS = 131_072
"""Characters in one request of /tokenize: its answer takes up to 100 bytes for each."""

MAX_DECODED_IDS = 131_072
"""Token ids in one request of /decode."""

TOKENIZED_WEIGHT = 32
"""Characters that a character counts for which is tokenized: its token's JSON takes that much more memory."""


async def embed(work: Work) -> Answer:
    """Answer POST /embed: a list of vectors, of unit length unless `normalize` is false."""
    started = time.perf_counter()
    content = _flat(work.content)
    model = work.served.models.chosen(content.get("model"))
    wanted = _embedding_request(work, content, "inputs", normalize=True)
    vectors, tokens = await work.embed(wanted, model)
    headers = _compute_headers(work, wanted, tokens, started)
    if wanted.encoding_format == "base64":
        texts = list(wanted.json_vectors(vectors))
        return Answer(await json_array(lambda index: texts[index].encode("ascii"), len(texts)), headers)
    return Answer(await json_array(lambda index: json_row(vectors[index]), len(vectors)), headers)


async def similarity(work: Work) -> Answer:
    """Answer POST /similarity: the cosine of the source sentence to each of the others."""
    started = time.perf_counter()
    content = _flat(work.content)
    model = work.served.models.chosen(content.get("model"))
    inputs = content.get("inputs")
    if not isinstance(inputs, Mapping):
        raise BadRequest(
            f"inputs is {short_json(inputs)}, expected an object with source_sentence and sentences", field="inputs"
        )
    check_fields(inputs, ("source_sentence", "sentences"))
    settings = work.served.settings
    source = inputs.get("source_sentence")
    if not isinstance(source, str):
        raise BadRequest(f"source_sentence is {short_json(source)}, expected a text", field="source_sentence")
    sentences = checked_texts(inputs.get("sentences"), "sentences", settings.max_texts - 1)
    wanted = _embedding_request(work, {**content, "inputs": [source, *sentences]}, "inputs", normalize=True)
    vectors, tokens = await work.embed(wanted, model)
    row = np.ascontiguousarray(cosines(vectors[:1], vectors[1:])[0], dtype=np.float32)
    return Answer([json_row(row)], _compute_headers(work, wanted, tokens, started))


async def embed_or_compare(work: Work) -> Answer:
    """Answer POST /: /similarity if `inputs` is an object, else /embed.

    Hugging Face's clients send both to the address that they were given (`InferenceClient.sentence_similarity`).
    """
    return await (similarity if isinstance(work.content.get("inputs"), Mapping) else embed)(work)


async def tokenize(work: Work) -> Answer:
    """Answer POST /tokenize: the tokens of each text, with their places in it."""
    content = work.content
    check_fields(content, ("inputs", "add_special_tokens", "prompt_name", "model"))
    model = work.served.models.chosen(content.get("model"))
    texts = checked_texts(content.get("inputs"), "inputs", work.served.settings.max_texts)
    special = content.get("add_special_tokens")
    special = True if special is None else special
    check_switch("add_special_tokens", special)
    characters = sum(map(len, texts))
    if characters > MAX_TOKENIZED_CHARACTERS:
        raise BadRequest(
            f"the texts hold {characters:,} characters, expected at most {MAX_TOKENIZED_CHARACTERS:,}: send several "
            "requests",
            status=413,
            field="inputs",
        )
    prompt = _prompt(model, content.get("prompt_name"))
    characters += len(prompt) * len(texts)
    await work.ticket.room_for_texts(len(texts), characters * TOKENIZED_WEIGHT)
    tokenizer = model.encoder.text_tokenizer
    return Answer([await asyncio.to_thread(_tokens, tokenizer, [prompt + text for text in texts], special)])


async def decode(work: Work) -> Answer:
    """Answer POST /decode: the text of each list of token ids."""
    content = work.content
    check_fields(content, ("ids", "skip_special_tokens", "model"))
    model = work.served.models.chosen(content.get("model"))
    skip = content.get("skip_special_tokens")
    skip = True if skip is None else skip
    check_switch("skip_special_tokens", skip)
    tokenizer = model.encoder.text_tokenizer
    lists = _id_lists(content.get("ids"), tokenizer.vocabulary_size)
    await work.ticket.room_for_texts(len(lists), sum(map(len, lists)) * TOKENIZED_WEIGHT)
    texts = await asyncio.to_thread(tokenizer.decode, lists, skip_special_tokens=skip)
    return Answer([orjson.dumps(texts)])


ROUTES = (
    Route("/", Endpoint(embed_or_compare), methods=["POST"], name="embed or compare at the root"),
    Route("/embed", Endpoint(embed), methods=["POST"]),
    Route("/similarity", Endpoint(similarity), methods=["POST"]),
    Route("/tokenize", Endpoint(tokenize), methods=["POST"]),
    Route("/decode", Endpoint(decode), methods=["POST"]),
)


def _flat(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `content` with what its `parameters` hold beside its own fields, which come first."""
    parameters = content.get(PARAMETERS)
    if parameters is None:
        return {name: value for name, value in content.items() if name != PARAMETERS}
    if not isinstance(parameters, Mapping):
        raise BadRequest(f"parameters is {short_json(parameters)}, expected an object", field=PARAMETERS)
    return {**parameters, **{name: value for name, value in content.items() if name != PARAMETERS}}


def _embedding_request(work: Work, content: Mapping[str, Any], field: str, *, normalize: bool) -> EmbeddingRequest:
    """Read a request whose `truncate` is what others call `long_texts`."""
    settings = work.served.settings
    truncate, direction = content.get("truncate"), content.get("truncation_direction")
    if truncate is not None:
        check_switch("truncate", truncate)
    if direction is not None and (not isinstance(direction, str) or direction.lower() != "right"):
        raise BadRequest(
            f'truncation_direction is {short_json(direction)}, expected "right": texts are cut at their end only',
            field="truncation_direction",
        )
    by_default = settings.long_texts if truncate is None else "truncate" if truncate else "error"
    return EmbeddingRequest.read(
        content,
        field=field,
        max_texts=settings.max_texts,
        max_characters=settings.max_characters,
        other_fields=OTHER_FIELDS,
        ignored=IGNORED,
        normalize=normalize,
        long_texts=by_default,
    )


def _compute_headers(work: Work, wanted: EmbeddingRequest, tokens: int, started: float) -> dict[str, str]:
    """The headers in which text-embeddings-inference tells what a request took, times in milliseconds."""
    total = 1000 * (time.perf_counter() - started)
    waited = 1000 * work.ticket.waited_s
    return {
        "x-compute-type": "cpu",
        "x-compute-time": f"{total:.0f}",
        "x-compute-characters": str(sum(map(len, wanted.texts))),
        "x-compute-tokens": str(tokens),
        "x-total-time": f"{total:.0f}",
        "x-queue-time": f"{waited:.0f}",
        "x-inference-time": f"{total - waited:.0f}",
    }


def _prompt(model: Model, name: object) -> str:
    """Return the prompt called `name`, "" for null; raises BadRequest for a name that there is not."""
    if name is None:
        return ""
    prompts = model.encoder.prompts
    if not isinstance(name, str) or name not in prompts:
        known = ", ".join(map(short_json, prompts)) or "no name: the artifact has no prompts"
        raise BadRequest(f"prompt_name is {short_json(name)}, expected {known}", field="prompt_name")
    return prompts[name]


def _tokens(tokenizer: TextTokenizer, texts: list[str], special: bool) -> bytes:
    """Return the JSON of the tokens of each of `texts`, with the special ones around them if `special`."""
    encodings = tokenizer.encodings(texts)
    ends = [_end(tokenizer, number) for number in (encodings[0].ids[0], encodings[0].ids[-1])] if special else []
    found = [_tokens_of(text, encoding) for text, encoding in zip(texts, encodings, strict=True)]
    return orjson.dumps([[*ends[:1], *tokens, *ends[1:]] for tokens in found])


def _tokens_of(text: str, encoding: TokenEncoding) -> list[dict[str, object]]:
    """Return the tokens of `text` with their places in it."""
    return [
        {"id": number, "text": text[start:stop], "special": False, "start": start, "stop": stop}
        for number, (start, stop) in zip(encoding.ids[1:-1], encoding.offsets[1:-1].tolist(), strict=True)
    ]


def _end(tokenizer: TextTokenizer, number: int) -> dict[str, object]:
    """Return the special token `number` before or behind a text; it has no place in it."""
    return {"id": number, "text": tokenizer.token(number), "special": True, "start": None, "stop": None}


def _id_lists(value: object, vocabulary: int) -> list[list[int]]:
    """Return the lists of token ids in `value`, one or several; raises BadRequest for anything else."""
    lists = [value] if isinstance(value, list) and all(integer(entry) is not None for entry in value) else value
    if not isinstance(lists, list) or not all(isinstance(entry, list) for entry in lists):
        raise BadRequest(
            f"ids is {short_json(value)}, expected an array of token ids, or an array of such arrays", field="ids"
        )
    count = sum(map(len, lists))
    if count > MAX_DECODED_IDS or len(lists) > MAX_DECODED_IDS:
        raise BadRequest(
            f"ids holds {count:,} token ids, expected at most {MAX_DECODED_IDS:,}: send several requests",
            status=413,
            field="ids",
        )
    return [[_token_id(number, vocabulary) for number in ids] for ids in lists]


def _token_id(value: object, vocabulary: int) -> int:
    number = integer(value)
    if number is None or not 0 <= number < vocabulary:
        raise BadRequest(f"ids holds {short_json(value)}, expected token ids from 0 to {vocabulary - 1}", field="ids")
    return number
