"""A prompt comes before every text of a call: the same bits as texts that begin with it, in every call."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import ArtifactError, SentenceEncoder, TextTooLongError, TruncationWarning
from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.prompts import MAX_PROMPT_CHARACTERS
from biobert_onnx.encoding.texts import Chunk
from biobert_onnx.encoding.tokenizer import TextTokenizer
from tests.support.prompts import DEFAULT, PROMPTS, copy_with_prompts
from tests.support.texts import TEXTS

Call = Callable[..., FloatArray]

LONG = "Mutations of the gene were found in every second patient. " * 60


def encode(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    return encoder.encode(texts, **options)


def with_counts(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    return encoder.encode_with_counts(texts, **options)[0]


def awaited(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    return asyncio.run(encoder.aencode(texts, **options))


def awaited_with_counts(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    return asyncio.run(encoder.aencode_with_counts(texts, **options))[0]


def stream(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    return np.vstack(list(encoder.encode_stream(iter(texts), chunk_size=5, **options)))


def groups(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    chunks = [Chunk(texts=list(texts[:4])), Chunk(texts=list(texts[4:]))]
    return np.vstack([vectors for _, vectors in encoder.encode_groups(chunks, **options)])


def query(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    return encoder.encode_query(texts, **options)


def document(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    return encoder.encode_document(texts, **options)


def awaited_query(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    return asyncio.run(encoder.aencode_query(texts, **options))


def awaited_document(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> FloatArray:
    return asyncio.run(encoder.aencode_document(texts, **options))


PLAIN_CALLS = (encode, with_counts, awaited, awaited_with_counts, stream, groups)
QUERY_CALLS = (query, awaited_query)
DOCUMENT_CALLS = (document, awaited_document)
CALLS = (*PLAIN_CALLS, *QUERY_CALLS, *DOCUMENT_CALLS)


def after(prompt: str, texts: Sequence[str] = TEXTS) -> list[str]:
    return [prompt + text for text in texts]


@pytest.mark.parametrize("prompt", ["query: ", "Instruct: find\tgenes\nQuery:", "no space", " ", "患者は", "[SEP] "])
@pytest.mark.parametrize("call", CALLS)
def test_a_prompt_gives_the_bits_of_texts_that_begin_with_it(
    prompted: SentenceEncoder, encoder: SentenceEncoder, call: Call, prompt: str
) -> None:
    assert np.array_equal(call(prompted, TEXTS, prompt=prompt), encoder.encode(after(prompt)))


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_prompt_can_be_asked_for_by_its_name(
    prompted: SentenceEncoder, encoder: SentenceEncoder, call: Call, name: str
) -> None:
    assert np.array_equal(call(prompted, TEXTS, prompt_name=name), encoder.encode(after(PROMPTS[name])))


@pytest.mark.parametrize("call", CALLS)
def test_an_empty_prompt_puts_nothing_before_texts(
    prompted: SentenceEncoder, encoder: SentenceEncoder, call: Call
) -> None:
    assert np.array_equal(call(prompted, TEXTS, prompt=""), encoder.encode(TEXTS))


@pytest.mark.parametrize("call", PLAIN_CALLS)
def test_the_default_prompt_is_taken_if_none_is_asked_for(
    prompted: SentenceEncoder, encoder: SentenceEncoder, call: Call
) -> None:
    assert np.array_equal(call(prompted, TEXTS), encoder.encode(after(PROMPTS[DEFAULT])))


@pytest.mark.parametrize(
    ("call", "name"), [(call, "query") for call in QUERY_CALLS] + [(call, "document") for call in DOCUMENT_CALLS]
)
def test_queries_and_documents_take_the_prompt_of_their_name(
    prompted: SentenceEncoder, encoder: SentenceEncoder, call: Call, name: str
) -> None:
    assert np.array_equal(call(prompted, TEXTS), encoder.encode(after(PROMPTS[name])))


@pytest.mark.parametrize("call", [*QUERY_CALLS, *DOCUMENT_CALLS])
def test_queries_and_documents_without_a_prompt_of_their_name_take_none(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, call: Call
) -> None:
    folder = copy_with_prompts(artifact, tmp_path / "copy", {"passage": "passage: "}, default="passage")
    assert np.array_equal(call(SentenceEncoder(folder), TEXTS), encoder.encode(TEXTS))


@pytest.mark.parametrize("call", CALLS)
def test_without_prompts_a_prompt_still_can_be_given(encoder: SentenceEncoder, call: Call) -> None:
    assert np.array_equal(call(encoder, TEXTS, prompt="gene: "), encoder.encode(after("gene: ")))
    assert np.array_equal(call(encoder, TEXTS), encoder.encode(TEXTS))


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")
@pytest.mark.parametrize("long_texts", ["truncate", "window"])
@pytest.mark.parametrize("prompt", ["query: ", "word " * 200])
@pytest.mark.parametrize("call", CALLS)
def test_the_prompt_counts_among_the_tokens_of_long_texts(
    prompted: SentenceEncoder, encoder: SentenceEncoder, call: Call, prompt: str, long_texts: str
) -> None:
    texts = ["Sepsis", LONG, LONG[:300]]
    found = call(prompted, texts, prompt=prompt, long_texts=long_texts)
    assert np.array_equal(found, encoder.encode(after(prompt, texts), long_texts=long_texts))


@pytest.mark.parametrize("call", CALLS)
def test_options_go_along_with_a_prompt(prompted: SentenceEncoder, encoder: SentenceEncoder, call: Call) -> None:
    options: dict[str, Any] = {"normalize_embeddings": True, "truncate_dim": 7}
    assert np.array_equal(
        call(prompted, TEXTS, prompt_name="query", **options), encoder.encode(after(PROMPTS["query"]), **options)
    )


def test_awaited_calls_with_different_prompts_are_computed_together(
    prompted: SentenceEncoder, encoder: SentenceEncoder
) -> None:
    async def all_of_them() -> Sequence[FloatArray]:
        return await asyncio.gather(
            prompted.aencode(TEXTS),
            prompted.aencode(TEXTS, prompt="gene: "),
            prompted.aencode_query(TEXTS),
            prompted.aencode(TEXTS, prompt=""),
            prompted.aencode_document(TEXTS),
        )

    found = asyncio.run(all_of_them())
    prompts = [PROMPTS[DEFAULT], "gene: ", PROMPTS["query"], "", PROMPTS["document"]]
    assert all(
        np.array_equal(vectors, encoder.encode(after(prompt))) for vectors, prompt in zip(found, prompts, strict=True)
    )


def test_counts_are_those_of_prompt_and_text(prompted: SentenceEncoder, encoder: SentenceEncoder) -> None:
    expected = encoder.token_counts(after(PROMPTS["query"])).tolist()
    assert prompted.token_counts(TEXTS, prompt_name="query").tolist() == expected
    assert prompted.token_counts(TEXTS, prompt=PROMPTS["query"]).tolist() == expected
    assert prompted.encode_with_counts(TEXTS, prompt_name="query")[1].tolist() == expected
    assert prompted.token_counts(TEXTS).tolist() == encoder.token_counts(after(PROMPTS[DEFAULT])).tolist()


def test_equal_texts_are_computed_once_with_a_prompt_too(
    prompted: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenized: list[str] = []
    token_ids = TextTokenizer.token_ids

    def recording(tokenizer: TextTokenizer, texts: Sequence[str], **options: Any) -> Sequence[Sequence[int]]:
        tokenized.extend(texts)
        return token_ids(tokenizer, texts, **options)

    monkeypatch.setattr(TextTokenizer, "token_ids", recording)
    prompted.encode_query(["Sepsis", "Fever", "Sepsis"])
    assert tokenized == ["Find articles on: Sepsis", "Find articles on: Fever"]


@pytest.mark.parametrize("call", [encode, query, document])
def test_a_text_that_is_too_long_with_its_prompt_is_named(prompted: SentenceEncoder, call: Call) -> None:
    with pytest.raises(TextTooLongError, match=r"sentences\[1\] has more than"):
        call(prompted, ["", LONG], prompt="a", long_texts="error")


@pytest.mark.parametrize("call", [encode, query, document])
def test_a_prompt_that_makes_a_text_too_long_is_named_with_it(prompted: SentenceEncoder, call: Call) -> None:
    message = (
        rf"^sentences\[0\] has more than {prompted.max_length} tokens together with the prompt before it: shorten the "
        "text or the prompt, or choose long_texts='window' or 'truncate'$"
    )
    with pytest.raises(TextTooLongError, match=message):
        call(prompted, ["gene "], prompt="gene " * 1500, long_texts="error")


@pytest.mark.parametrize(
    "call", [SentenceEncoder.encode, SentenceEncoder.encode_query, SentenceEncoder.encode_document]
)
def test_a_warning_names_the_callers_line(prompted: SentenceEncoder, call: Call) -> None:
    with pytest.warns(TruncationWarning) as warned:
        call(prompted, [LONG])
    assert [warning.filename for warning in warned] == [__file__]


@pytest.mark.parametrize("call", [SentenceEncoder.aencode_query, SentenceEncoder.aencode_document])
def test_a_warning_of_an_awaited_call_names_the_callers_line(prompted: SentenceEncoder, call: Any) -> None:
    async def calling() -> None:
        await call(prompted, [LONG])

    with pytest.warns(TruncationWarning) as warned:
        asyncio.run(calling())
    assert [warning.filename for warning in warned] == [__file__]


def counts(encoder: SentenceEncoder, texts: Sequence[str], **options: Any) -> Any:
    return encoder.token_counts(texts, **options)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"prompt": "query: ", "prompt_name": "query"},
            ValueError,
            r"prompt is 'query: ' and prompt_name is 'query': give one of them$",
        ),
        ({"prompt": "", "prompt_name": "query"}, ValueError, r"prompt is '' and prompt_name is 'query'"),
        (
            {"prompt_name": "qeury"},
            ValueError,
            r"prompt_name is 'qeury', but the artifact's prompts are 'query', 'document', 'passage': choose one",
        ),
        ({"prompt_name": ""}, ValueError, r"prompt_name is '', but the artifact's prompts are"),
        ({"prompt_name": 5}, TypeError, r"prompt_name is 5, of type int: it must be a str$"),
        ({"prompt_name": ["query"]}, TypeError, r"prompt_name is \['query'\], of type list: it must be a str$"),
        ({"prompt": b"query: "}, TypeError, r"prompt is b'query: ', of type bytes: a prompt must be a str"),
        ({"prompt": False}, TypeError, r"prompt is False, of type bool: a prompt must be a str"),
        ({"prompt": "a\udc80"}, ValueError, r"prompt holds a lone surrogate, '\\udc80' at character 1"),
        (
            {"prompt": "a" * 8193},
            ValueError,
            r"prompt is 'a+\.\.\.a+', of 8,193 characters, expected at most 8,192: shorten it$",
        ),
    ],
)
@pytest.mark.parametrize("call", [*CALLS, counts])
def test_a_prompt_that_cannot_be_put_before_texts_is_refused(
    prompted: SentenceEncoder, call: Call, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"^{message}"):
        call(prompted, TEXTS, **options)


def test_a_name_is_refused_where_there_are_no_prompts(encoder: SentenceEncoder) -> None:
    with pytest.raises(ValueError, match=r"^prompt_name is 'query', but the artifact has no prompts: give the text"):
        encoder.encode(TEXTS, prompt_name="query")


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")
def test_the_longest_prompt_is_taken(encoder: SentenceEncoder) -> None:
    prompt = "a " * (MAX_PROMPT_CHARACTERS // 2)
    assert np.array_equal(encoder.encode(TEXTS, prompt=prompt), encoder.encode(after(prompt)))


@pytest.mark.parametrize("call", CALLS)
def test_an_artifact_that_cannot_leave_prompts_out_of_its_pooling_takes_none(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, call: Call
) -> None:
    other = SentenceEncoder(copy_with_prompts(artifact, tmp_path / "copy", {}, include_prompt=False))
    with pytest.raises(ValueError, match=r"^prompt is 'a ', but the checkpoint leaves prompts out of its pooling"):
        call(other, TEXTS, prompt="a ")
    assert np.array_equal(call(other, TEXTS, prompt=""), encoder.encode(TEXTS))
    assert np.array_equal(call(other, TEXTS), encoder.encode(TEXTS))


@pytest.mark.parametrize(
    ("prompts", "default", "message"),
    [
        ({"query": "q: "}, "passage", "default_prompt is 'passage', expected one of prompts \\(query\\): export"),
        ({}, "query", "default_prompt is 'query', expected one of prompts \\(there is none\\): export"),
        (
            {"query": "a" * 8193},
            None,
            r"prompts\['query'\] is 'a+\.\.\.a+', of 8,193 characters, expected at most 8,192",
        ),
    ],
)
def test_an_artifact_whose_prompts_cannot_be_right_is_refused(
    artifact: Path, tmp_path: Path, prompts: dict[str, str], default: str | None, message: str
) -> None:
    folder = copy_with_prompts(artifact, tmp_path / "copy", prompts, default)
    with pytest.raises(ArtifactError, match=rf"manifest.json' cannot be read: {message}"):
        SentenceEncoder(folder)


def test_prompts_are_shown_under_the_names_of_sentence_transformers(
    prompted: SentenceEncoder, encoder: SentenceEncoder
) -> None:
    assert (prompted.prompts, prompted.default_prompt_name) == (PROMPTS, DEFAULT)
    assert (encoder.prompts, encoder.default_prompt_name) == ({}, None)


def test_changing_the_prompts_that_were_shown_changes_no_vector(prompted: SentenceEncoder) -> None:
    before = prompted.encode_query(TEXTS)
    prompted.prompts["query"] = "other: "
    assert np.array_equal(prompted.encode_query(TEXTS), before)
