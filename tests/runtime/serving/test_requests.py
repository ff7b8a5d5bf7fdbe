"""Requests apart from servers: the JSON of vectors, and the encoder's errors in the words of the request."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.serving.requests import BadRequest, EmbeddingRequest, json_object
from tests.support.prompts import DEFAULT, PROMPTS

DIM = 768
"""The numbers of a vector of BERT base."""


def request_for(*texts: str, **options: object) -> EmbeddingRequest:
    return EmbeddingRequest.read(
        {"texts": list(texts), **options}, field="texts", max_texts=10, max_characters=1_000_000
    )


def test_a_vector_of_768_numbers_keeps_its_bits_in_fewer_than_10_kilobytes() -> None:
    embeddings = np.random.default_rng(1).standard_normal((100, DIM)).astype(np.float32)
    rows = list(request_for("a").json_vectors(embeddings))
    assert max(map(len, rows)) < 10_000
    assert (np.array([json.loads(row) for row in rows], dtype=np.float32) == embeddings).all()


def test_float32_numbers_of_every_size_keep_their_bits() -> None:
    bits = np.random.default_rng(2).integers(0, 2**32, size=(100, DIM), dtype=np.uint32)
    numbers = bits.view(np.float32)
    embeddings = np.where(np.isfinite(numbers), numbers, np.float32(0))
    found = np.array([json.loads(row) for row in request_for("a").json_vectors(embeddings)], dtype=np.float32)
    assert np.array_equal(found.view(np.uint32), embeddings.view(np.uint32))


def test_a_long_text_is_refused_in_the_words_of_the_request(encoder: SentenceEncoder) -> None:
    with pytest.raises(BadRequest) as refusal:
        request_for("short", "word " * 600).encode(encoder)
    assert str(refusal.value) == (
        f"texts[1] has too many tokens, expected at most {encoder.max_length}: split it, or set long_texts to "
        '"truncate" or "window"'
    )
    assert (refusal.value.field, refusal.value.status) == ("texts", 400)


def test_a_text_that_is_too_long_with_its_prompt_only_is_refused_for_both(encoder: SentenceEncoder) -> None:
    with pytest.raises(BadRequest) as refusal:
        request_for("short", prompt="word " * 600).encode(encoder)
    assert str(refusal.value) == (
        f"texts[0] has too many tokens together with the prompt before it, expected at most {encoder.max_length}: "
        'shorten the text or the prompt, or set long_texts to "truncate" or "window"'
    )


def test_a_word_without_end_is_refused_in_the_words_of_the_request(encoder: SentenceEncoder) -> None:
    with pytest.raises(BadRequest, match=r"texts\[1\] has a word of more than 262,144 characters: split it$"):
        request_for("short", "\u0301" * 600_000, long_texts="truncate").encode(encoder)


@pytest.mark.parametrize(
    ("options", "prompt"),
    [
        ({}, PROMPTS[DEFAULT]),
        ({"prompt_name": "query"}, PROMPTS["query"]),
        ({"prompt": "title: "}, "title: "),
        ({"prompt": ""}, ""),
    ],
)
def test_the_prompt_before_each_text_counts_whoever_names_it(
    prompted: SentenceEncoder, options: dict[str, str], prompt: str
) -> None:
    characters = 3 * (len(prompt) + len("text"))
    content = {"texts": ["text"] * 3, **options}
    fitting = EmbeddingRequest.read(content, field="texts", max_texts=3, max_characters=characters)
    assert len(fitting.encode(prompted)[0]) == 3
    larger = EmbeddingRequest.read(content, field="texts", max_texts=3, max_characters=characters - 1)
    for refused in (lambda: larger.encode(prompted), lambda: asyncio.run(larger.aencode(prompted))):
        with pytest.raises(BadRequest, match=f"^the texts hold {characters} characters") as refusal:
            refused()
        assert (refusal.value.status, refusal.value.field) == (413, "texts")


def test_every_text_is_tokenized_once(encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenized: list[str] = []
    token_ids = TextTokenizer.token_ids

    def recording(tokenizer: TextTokenizer, texts: Sequence[str], **options: Any) -> Sequence[Sequence[int]]:
        tokenized.extend(texts)
        return token_ids(tokenizer, texts, **options)

    monkeypatch.setattr(TextTokenizer, "token_ids", recording)
    request_for("one", "two").encode(encoder)
    asyncio.run(request_for("three", "four").aencode(encoder))
    assert sorted(tokenized) == ["four", "one", "three", "two"]


@pytest.mark.parametrize(("long_texts", "counts"), [("truncate", "cut"), ("window", "all")])
def test_the_counts_are_those_of_the_encoded_tokens(encoder: SentenceEncoder, long_texts: str, counts: str) -> None:
    text = "word " * 600
    _, found = request_for("a", text, long_texts=long_texts).encode(encoder)
    whole = int(encoder.token_counts([text])[0])
    assert found.tolist() == [3, encoder.max_length if counts == "cut" else whole]


def test_a_null_option_counts_as_left_out() -> None:
    options = ("encoding_format", "dimensions", "normalize", "long_texts", "prompt", "prompt_name")
    assert request_for("a", **dict.fromkeys(options)) == request_for("a")


@pytest.mark.parametrize(
    ("body", "type_name"),
    [("null", "null"), ("true", "boolean"), ("1.5", "number"), ('"a"', "string"), ("[]", "array")],
)
def test_json_of_another_type_is_refused_by_jsons_name_of_the_type(body: str, type_name: str) -> None:
    with pytest.raises(BadRequest, match=f"the body is JSON of type {type_name}, expected an object"):
        json_object(body)
