"""Requests for embeddings as the HTTP app and the serverless handler get them: checked, bounded, answered in JSON."""

import base64
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.long_texts import LONG_TEXTS
from biobert_onnx.encoding.texts import check_text
from biobert_onnx.errors import short_repr

ARTIFACT_VARIABLE = "BIOBERT_ONNX_ARTIFACT"
"""The environment variable that names the artifact's folder."""

ENCODING_FORMATS = ("float", "base64")
OPTIONS = ("encoding_format", "dimensions", "normalize", "long_texts")

Content = Mapping[str, Any]


class BadRequest(ValueError):
    """A request that cannot be answered as it is: with the HTTP status for it, and the field at fault if it is one."""

    def __init__(self, message: str, *, status: int = 400, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.field = status, field


@dataclass(frozen=True, kw_only=True)
class EmbeddingRequest:
    """Texts and what is asked for them.

    `encoding_format`: float, numbers, or base64, the bytes of float32 numbers, little-endian, in base64 as OpenAI has
    it. `dimensions`: keep only the first numbers of each vector. `normalize`: scale each vector to unit length.
    `long_texts`: as `SentenceEncoder.encode` has it; not to be asked is an error here, as a warning would go unread.
    """

    field: str
    texts: list[str]
    encoding_format: str = "float"
    dimensions: int | None = None
    normalize: bool = False
    long_texts: str = "error"

    @classmethod
    def read(cls, content: Content, *, field: str, most: int, others: Iterable[str] = ()) -> Self:
        """The request in the JSON object `content`: 1 to `most` texts in `field`, options, and fields named `others`.

        An option that is null is as good as left out. Raises BadRequest for an unknown field or a wrong value.
        """
        expected = (field, *OPTIONS, *others)
        for name in content:
            if name not in expected:
                raise BadRequest(f"unknown field {short_repr(name)}, expected {', '.join(expected)}")
        texts = _checked_texts(content.get(field), field, most)
        options = {name: content[name] for name in OPTIONS if content.get(name) is not None}
        request = cls(field=field, texts=texts, **options)
        request._check_options()
        return request

    def _check_options(self) -> None:
        for name, value, choices in (
            ("encoding_format", self.encoding_format, ENCODING_FORMATS),
            ("long_texts", self.long_texts, LONG_TEXTS),
        ):
            if value not in choices:
                raise BadRequest(f"{name} is {short_repr(value)}, expected one of {', '.join(choices)}", field=name)
        if not isinstance(self.normalize, bool):
            raise BadRequest(f"normalize is {short_repr(self.normalize)}, expected true or false", field="normalize")

    def token_counts(self, encoder: SentenceEncoder) -> NDArray[np.int64]:
        """The tokens of each text, (n,) int64; raises BadRequest for dimensions or texts that `encoder` cannot give."""
        if self.dimensions is not None and not _is_count(self.dimensions, encoder.dim):
            raise BadRequest(
                f"dimensions is {short_repr(self.dimensions)}, expected 1 to {encoder.dim}, the numbers of a vector",
                field="dimensions",
            )
        counts = encoder.token_counts(self.texts)
        longest = int(counts.argmax())
        if self.long_texts == "error" and counts[longest] > encoder.max_length:
            raise BadRequest(
                f"{self.field}[{longest}] has {counts[longest]:,} tokens, expected at most {encoder.max_length:,}: "
                "split it, or ask for long_texts 'truncate' or 'window'",
                field=self.field,
            )
        return counts

    def encoded(self, embeddings: NDArray[np.float32]) -> list[Any]:
        """Each vector of `embeddings` (n, k) as JSON holds it, in the encoding asked for."""
        if self.encoding_format == "float":
            return list(embeddings.tolist())
        return [base64.b64encode(row.astype("<f4").tobytes()).decode("ascii") for row in embeddings]


def json_object(body: str | bytes) -> dict[str, Any]:
    """The JSON object that `body` is; raises BadRequest if it is none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:  # not Unicode, not JSON, a number or a nesting without end
        raise BadRequest(f"the body is no JSON ({str(error)[:200]})") from error
    if not isinstance(content, dict):
        raise BadRequest(f"the body is a JSON {type(content).__name__}, expected an object")
    return content


def artifact_folder(default: Path) -> Path:
    """The folder that the environment variable BIOBERT_ONNX_ARTIFACT names, else `default`."""
    return Path(os.environ.get(ARTIFACT_VARIABLE) or default)


def _checked_texts(value: object, field: str, most: int) -> list[str]:
    texts: Sequence[object] = [value] if isinstance(value, str) else value if isinstance(value, list) else ()
    if not texts:
        raise BadRequest(
            f"{field} is {short_repr(value)}, expected a text or a list of 1 to {most:,} texts", field=field
        )
    if len(texts) > most:
        raise BadRequest(f"{field} holds {len(texts):,} texts, expected at most {most:,}: send several", field=field)
    for index, text in enumerate(texts):
        try:
            check_text(field, index, text)
        except (TypeError, ValueError) as error:
            raise BadRequest(str(error), field=field) from error
    return texts  # type: ignore[return-value]  # each was checked


def _is_count(value: object, most: int) -> bool:
    return type(value) is int and 1 <= value <= most
