"""Special tokens that are written in texts: the tokens, or with `literal_special_tokens` plain text, in every call."""

import asyncio
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.paths import TOKENIZER
from biobert_onnx.encoding.texts import Chunk
from tests.support.engines import each_engine
from tests.support.texts import TEXTS

WRITTEN = ["gene [SEP] protein", "[CLS]", "the [MASK] cell[PAD]", "[UNK][SEP]"]
"""Texts with special tokens written out."""

SPACED = ["gene [ SEP ] protein", "[ CLS ]", "the [ MASK ] cell [ PAD ]", "[ UNK ] [ SEP ]"]
"""The same characters, with blanks where BERT's tokenizer splits anyway: no special token is found there."""


@pytest.fixture(scope="module")
def literal(artifact: Path) -> SentenceEncoder:
    return SentenceEncoder(artifact, literal_special_tokens=True)


def streamed(encoder: SentenceEncoder, texts: Sequence[str]) -> FloatArray:
    return np.concatenate(list(encoder.encode_stream(texts, chunk_size=3)))


def awaited(encoder: SentenceEncoder, texts: Sequence[str]) -> FloatArray:
    return asyncio.run(encoder.aencode(texts))


def grouped(encoder: SentenceEncoder, texts: Sequence[str]) -> FloatArray:
    return np.concatenate([vectors for _, vectors in encoder.encode_groups([Chunk(texts=[text]) for text in texts])])


def in_windows(encoder: SentenceEncoder, texts: Sequence[str]) -> FloatArray:
    return encoder.encode([f"{text} " * 100 for text in texts], long_texts="window")


def tokens(encoder: SentenceEncoder, texts: Sequence[str]) -> FloatArray:
    return np.concatenate([item.embeddings for item in encoder.encode_tokens(texts)])


def spans(encoder: SentenceEncoder, texts: Sequence[str]) -> FloatArray:
    return np.concatenate([encoder.encode_spans(text, [(0, len(text))]) for text in texts if text.strip()])


CALLS: list[Callable[[SentenceEncoder, Sequence[str]], FloatArray]] = [
    SentenceEncoder.encode,
    SentenceEncoder.encode_query,
    streamed,
    awaited,
    grouped,
    in_windows,
    tokens,
    spans,
]

each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)


@each_call
def test_with_it_a_special_token_in_a_text_is_its_characters(
    literal: SentenceEncoder, call: Callable[[SentenceEncoder, Sequence[str]], FloatArray]
) -> None:
    assert (call(literal, WRITTEN) == call(literal, SPACED)).all()


@each_call
def test_without_it_a_special_token_in_a_text_is_the_token(
    encoder: SentenceEncoder, call: Callable[[SentenceEncoder, Sequence[str]], FloatArray]
) -> None:
    written, spaced = call(encoder, WRITTEN), call(encoder, SPACED)
    assert written.shape != spaced.shape or (written != spaced).any()


@each_engine
@each_call
def test_texts_without_special_tokens_get_the_same_bits_with_it(
    artifact: Path, call: Callable[[SentenceEncoder, Sequence[str]], FloatArray], engine: str
) -> None:
    with (
        SentenceEncoder(artifact, engine=engine, literal_special_tokens=True) as literal,
        SentenceEncoder(artifact, engine=engine) as other,
    ):
        assert (call(literal, TEXTS) == call(other, TEXTS)).all()


@pytest.mark.parametrize("chosen", [True, False])
def test_token_counts_are_those_of_a_tokenizer_with_the_same_setting(artifact: Path, chosen: bool) -> None:
    whole = Tokenizer.from_file(str(artifact / TOKENIZER))
    whole.encode_special_tokens = chosen
    texts = [*WRITTEN, *SPACED, "gene [SEP] " * 20_000]
    with SentenceEncoder(artifact, literal_special_tokens=chosen) as encoder:
        assert encoder.token_counts(texts).tolist() == [len(whole.encode(text)) for text in texts]


def test_a_prompt_is_read_as_texts_are(literal: SentenceEncoder) -> None:
    assert (literal.encode(["gene"], prompt="[SEP] ") == literal.encode(["[ SEP ] gene"])).all()


def test_a_pickled_encoder_keeps_it(literal: SentenceEncoder) -> None:
    again = pickle.loads(pickle.dumps(literal))
    assert (again.encode(WRITTEN) == literal.encode(WRITTEN)).all()


def test_characters_of_a_special_token_have_their_places_in_the_text(literal: SentenceEncoder) -> None:
    (item,) = literal.encode_tokens(["gene [SEP]"], words=True)
    assert item.offsets.tolist() == [[0, 4], [5, 6], [6, 9], [9, 10]]


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_what_is_no_bool_is_refused(artifact: Path, value: object) -> None:
    with pytest.raises(ValueError, match=f"literal_special_tokens is {value!r}, expected True or False"):
        SentenceEncoder(artifact, literal_special_tokens=value)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"literal_special_tokens is {value!r}, expected True or False"):
        SentenceEncoder.from_hub("owner/name", literal_special_tokens=value)  # type: ignore[arg-type]
