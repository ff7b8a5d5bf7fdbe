"""Requests for embeddings as the HTTP app and the serverless handler get them: checked, encoded, answered in JSON."""

import base64
import json
import warnings
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.embeddings import json_rows
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.long_texts import LONG_TEXTS
from biobert_onnx.encoding.prompts import PromptError
from biobert_onnx.errors import TextTooLongError, TruncationWarning, json_fault
from biobert_onnx.serving.json_values import json_type, short_json

ENCODING_FORMATS = ("float", "base64")
OPTIONS = ("encoding_format", "dimensions", "normalize", "long_texts", "prompt", "prompt_name")

IGNORED_FIELDS = frozenset(
    (
        "user",
        "task",
        "truncate",
        "truncation",
        "truncate_prompt_tokens",
        "modality",
        "embedding_type",
        "embedding_types",
        "late_chunking",
        "add_special_tokens",
        "priority",
        "request_id",
        "metadata",
        "extra_body",
        "extra_headers",
        "timeout",
        "stream",
        "store",
    )
)
"""Fields that known clients send, for OpenAI's service and others, and that change no vector here."""

TOO_LONG = "context_length_exceeded"
TOO_MANY = "too_many_texts"
EMPTY = "empty_input"
"""Codes of errors; the first one is OpenAI's."""

TOKEN_IDS_RULE = (
    "send texts, each a string. LangChain's OpenAIEmbeddings sends them with check_embedding_ctx_length=False"
)
"""What is said of token ids, which OpenAI's service takes: those of its own vocabulary mean nothing here."""

TEXT_RULE = 'every text must be a string; leave it out, or send ""'
PROMPT_RULE = 'a prompt must be a string; leave it out to get the default, or send "" for none'
"""What is said of a value that is no string where a text, or a prompt, is expected."""

JsonObject = Mapping[str, Any]


class BadRequest(ValueError):
    """A request that cannot be answered as it is. Its message is for the client and speaks of the request's fields.

    `status`: the HTTP status. `field`: the field at fault, None if it is not one field. `code`: a word for programs, as
    OpenAI's errors have one, None if there is none.
    """

    def __init__(self, message: str, *, status: int = 400, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.field, self.code = status, field, code


@dataclass(frozen=True, kw_only=True)
class EmbeddingRequest:
    """Texts, the field that they came in, and the options of the request.

    `encoding_format`: "float" gives numbers, "base64" the bytes of float32 numbers, little-endian, in base64, as
    OpenAI's endpoint does. `dimensions`: keep only the first numbers of each vector. `normalize`: scale each vector to
    unit length. `long_texts`: as in `SentenceEncoder.encode`; the default is "error", as a client sees no warning.
    `prompt`, `prompt_name`: as in `SentenceEncoder.encode`. `max_characters`: those that all texts may have, each after
    the prompt that is put before it, which would else multiply the work of a small request.
    """

    field: str
    texts: list[str]
    max_characters: int
    encoding_format: str = "float"
    dimensions: int | None = None
    normalize: bool = False
    long_texts: str = "error"
    prompt: str | None = None
    prompt_name: str | None = None

    @classmethod
    def read(
        cls,
        content: JsonObject,
        *,
        field: str,
        max_texts: int,
        max_characters: int,
        other_fields: Iterable[str] = (),
        ignored: Container[str] = (),
        normalize: bool = False,
        long_texts: str = "error",
    ) -> Self:
        """Read a request from `content`: 1 to `max_texts` texts in `field`, and options.

        `other_fields` are somebody else's to read. `ignored` ones change nothing, and no message speaks of them.
        `normalize`, `long_texts`: the options of a request that leaves them out, or has null there.

        Raises BadRequest for an unknown field or a wrong value.
        """
        check_fields(content, (field, *OPTIONS, *other_fields), ignored)
        texts = checked_texts(content.get(field), field, max_texts)
        options = {name: content[name] for name in OPTIONS if content.get(name) is not None}
        options = {"normalize": normalize, "long_texts": long_texts, **options}
        request = cls(field=field, texts=texts, max_characters=max_characters, **options)
        request._check_options()
        return request

    def encode(self, encoder: SentenceEncoder) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return the vectors (n, k) float32 and the encoded tokens (n,) int64 of the texts.

        Texts that the request wants cut give no warning. Raises BadRequest for `dimensions` that `encoder` does not
        have, for a prompt that it does not take, for a text that it refuses as too long, and for more than
        `max_characters`.
        """
        with self._refusals(), warnings.catch_warnings():
            warnings.simplefilter("ignore", TruncationWarning)
            return encoder.encode_with_counts(self.texts, **self._encode_options(encoder))

    async def aencode(self, encoder: SentenceEncoder) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return what `encode` does, awaited: requests that are awaited at the same time are computed together.

        Warnings are up to the caller: Python's filters belong to the process, not to one request.
        """
        with self._refusals():
            return await encoder.aencode_with_counts(self.texts, **self._encode_options(encoder))

    def json_vectors(self, embeddings: FloatArray) -> Iterator[str]:
        """Yield each vector of `embeddings` (n, k) float32 as JSON, in the `encoding_format` of the request."""
        if self.encoding_format == "float":
            return json_rows(embeddings)
        return (f'"{base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")}"' for row in embeddings)

    def _check_options(self) -> None:
        for name, value, choices in (
            ("encoding_format", self.encoding_format, ENCODING_FORMATS),
            ("long_texts", self.long_texts, LONG_TEXTS),
        ):
            if value not in choices:
                raise BadRequest(f"{name} is {short_json(value)}, expected one of {', '.join(choices)}", field=name)
        check_switch("normalize", self.normalize)
        if self.prompt is not None:
            _check_text("prompt", self.prompt, "prompt", rule=PROMPT_RULE)
        if not isinstance(self.prompt_name, str | None):
            raise BadRequest(f"prompt_name is {short_json(self.prompt_name)}, expected a name", field="prompt_name")

    def characters(self, encoder: SentenceEncoder) -> int:
        """Return the characters that are tokenized: those of all texts, each with the prompt before it.

        Raises BadRequest for more than `max_characters`, and for a prompt that `encoder` does not take.
        """
        with self._refusals():
            prompt = len(encoder.chosen_prompt(prompt_name=self.prompt_name, prompt=self.prompt))
        characters = sum(prompt + len(text) for text in self.texts)
        if characters > self.max_characters:
            each = " with the prompt before each" if prompt else ""
            raise BadRequest(
                f"the texts hold {characters:,} characters{each}, expected at most {self.max_characters:,}: send "
                "several requests",
                status=413,
                field=self.field,
            )
        return characters

    def _encode_options(self, encoder: SentenceEncoder) -> dict[str, Any]:
        """The options under the names that SentenceEncoder has for them, after the checks that need the encoder."""
        self.characters(encoder)
        dimensions = None if self.dimensions is None else integer(self.dimensions)
        if self.dimensions is not None and (dimensions is None or not 1 <= dimensions <= encoder.dim):
            raise BadRequest(
                f"dimensions is {short_json(self.dimensions)}, expected 1 to {encoder.dim}, the numbers of a vector",
                field="dimensions",
            )
        return {
            "normalize_embeddings": self.normalize,
            "truncate_dim": dimensions,
            "long_texts": self.long_texts,
            "prompt": self.prompt,
            "prompt_name": self.prompt_name,
        }

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Turn the encoder's error about a prompt, or a text that is too long, into a BadRequest for the client."""
        try:
            yield
        except PromptError as error:
            raise BadRequest(str(error), field=error.argument) from error
        except TextTooLongError as error:
            place = f"{self.field}[{error.index}]"
            if error.max_length is None:
                message = f"{place} has a word of more than {error.word_characters:,} characters: split it"
            else:
                prompt = " together with the prompt before it" if error.has_prompt else ""
                remedy = "shorten the text or the prompt" if error.has_prompt else "split it"
                message = (
                    f"{place} has too many tokens{prompt}, expected at most {error.max_length:,}: {remedy}, or set "
                    'long_texts to "truncate" or "window"'
                )
            raise BadRequest(message, field=self.field, code=TOO_LONG) from error


def check_fields(content: JsonObject, expected: Collection[str], ignored: Container[str] = ()) -> None:
    """Raise BadRequest if `content` has a field that is neither `expected` nor `ignored`."""
    for name in content:
        if name not in expected and name not in ignored:
            raise BadRequest(f"unknown field {short_json(name)}, expected {', '.join(expected)}", field=name)


def check_switch(field: str, value: object) -> None:
    """Raise BadRequest unless `value`, which is in `field`, is true or false."""
    if not isinstance(value, bool):
        raise BadRequest(f"{field} is {short_json(value)}, expected true or false", field=field)


def json_object(body: str | bytes | bytearray) -> dict[str, Any]:
    """Return the JSON object in `body`; raises BadRequest if there is none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not valid JSON ({json_fault(error)})") from error
    if not isinstance(content, dict):
        raise BadRequest(f"the body is JSON of type {json_type(content)}, expected an object")
    return content


def checked_texts(value: object, field: str, max_texts: int) -> list[str]:
    """Return the text or the texts in `value`, which is in `field`.

    Raises BadRequest for anything else than 1 to `max_texts` strings of valid Unicode.
    """
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        raise BadRequest(
            f"{field} is {short_json(value)}, expected a text or an array of 1 to {max_texts:,} texts",
            field=field,
            code=EMPTY if texts == [] else None,
        )
    if len(texts) > max_texts:
        raise BadRequest(
            f"{field} holds {len(texts):,} texts, expected at most {max_texts:,}: send several requests",
            field=field,
            code=TOO_MANY,
        )
    if all(type(entry) is int for entry in texts) or all(map(_is_token_ids, texts)):
        raise BadRequest(f"{field} is {short_json(value)}, token ids: {TOKEN_IDS_RULE}", field=field)
    for index, text in enumerate(texts):
        _check_text(f"{field}[{index}]", text, field)
    return texts


def _check_text(place: str, text: object, field: str, *, rule: str = TEXT_RULE) -> None:
    """Raise BadRequest unless `text`, which is at `place` in `field`, is a string of valid Unicode.

    `rule`: what the message says of a value that is no string.
    """
    if not isinstance(text, str):
        raise BadRequest(
            f"{place} is {short_json(text)}, of type {json_type(text)}: {rule}",
            field=field,
        )
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadRequest(
            f"{place} holds a lone surrogate, {short_json(text[error.start])} at character {error.start}, which is not "
            'Unicode text: send "\\ufffd" in its place',
            field=field,
        ) from error


def _is_token_ids(value: object) -> bool:
    return isinstance(value, list) and all(type(entry) is int for entry in value)


def integer(value: object) -> int | None:
    """Return the integer that a JSON number is, None for anything else; 8.0 is one, as JSON Schema has it.

    >>> integer(8), integer(8.0), integer(8.5), integer(True), integer("8")
    (8, 8, None, None, None)
    """
    if type(value) is int:
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None
