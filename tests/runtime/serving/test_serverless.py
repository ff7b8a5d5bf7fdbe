"""The serverless handler on events as Lambda, API Gateway and load balancers send them."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx import SentenceEncoder
from biobert_onnx.embeddings import json_rows
from biobert_onnx.serving import serverless
from biobert_onnx.serving.requests import IGNORED_FIELDS
from biobert_onnx.serving.settings import SettingError
from tests.support.engines import each_engine
from tests.support.prompts import DEFAULT, PROMPTS
from tests.support.texts import TEXTS

CONTEXT = None
"""The handler does not use Lambda's context."""


@pytest.fixture(autouse=True)
def artifact_variable(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BIOBERT_ONNX_ARTIFACT", str(artifact))
    yield
    serverless.forget_encoder()


def proxy_event_1(body: str, *, encoded: bool = False) -> dict[str, Any]:
    """A proxy event of API Gateway, format 1.0; a load balancer's has the same fields."""
    context = {"httpMethod": "POST", "stage": "prod"}
    return {"httpMethod": "POST", "requestContext": context, "body": body, "isBase64Encoded": encoded}


def proxy_event_2(body: str, *, encoded: bool = False) -> dict[str, Any]:
    """A proxy event of API Gateway, format 2.0, and of a function's URL."""
    context = {"http": {"method": "POST", "path": "/"}}
    return {"version": "2.0", "requestContext": context, "body": body, "isBase64Encoded": encoded}


def vectors(answer: dict[str, Any]) -> NDArray[np.float32]:
    return np.array(answer["embeddings"], dtype=np.float32)


def answer_to(event: object) -> dict[str, Any]:
    """The handler's answer, through JSON as Lambda passes it on."""
    return dict(json.loads(json.dumps(serverless.handler(event, CONTEXT))))


def test_a_direct_invocation_gets_the_encoders_vectors(encoder: SentenceEncoder) -> None:
    answer = answer_to({"texts": list(TEXTS), "normalize": False})
    assert answer["statusCode"] == 200
    assert (vectors(answer) == encoder.encode(TEXTS)).all()
    assert (answer["dim"], answer["model"]) == (encoder.dim, encoder.manifest.name)
    assert answer["tokens"] == encoder.token_counts(TEXTS).sum()


@each_engine
def test_the_answer_names_what_computed_its_vectors(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_ENGINE", engine)
    encoder = SentenceEncoder(artifact, engine=engine)
    answer = answer_to({"texts": list(TEXTS)})
    assert (answer["engine"], answer["kernel"]) == (engine, encoder.kernel)
    assert (vectors(answer) == encoder.encode(TEXTS)).all()
    assert json.loads(answer_to(proxy_event_2('{"texts": "a"}'))["body"])["engine"] == engine


def test_an_engine_that_does_not_exist_is_one_sentence_at_start(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_ENGINE", "cuda")
    with pytest.raises(
        SettingError, match="BIOBERT_ONNX_ENGINE is 'cuda', expected one of kernels, onnxruntime, or unset it"
    ):
        serverless.loaded_encoder()


@pytest.mark.parametrize(("value", "is_literal"), [("1", True), ("0", False), ("", False)])
def test_special_tokens_in_texts_are_read_as_the_environment_says(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, value: str, is_literal: bool
) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS", value)
    texts = ["gene [SEP] protein"]
    expected = SentenceEncoder(artifact, literal_special_tokens=is_literal)
    answer = answer_to({"texts": texts})
    assert (vectors(answer) == expected.encode(texts)).all()
    assert answer["tokens"] == expected.token_counts(texts).sum()


def test_another_value_for_special_tokens_is_one_sentence_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS", "yes")
    with pytest.raises(SettingError) as wrong:
        serverless.loaded_encoder()
    assert str(wrong.value) == (
        "BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS is 'yes', expected 1 to read special tokens in texts as plain text, or "
        "unset it"
    )


@pytest.mark.parametrize("proxy_event", [proxy_event_1, proxy_event_2])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_proxy_event_gets_them_as_a_body(encoder: SentenceEncoder, proxy_event: Any, encoded: bool) -> None:
    body = json.dumps({"texts": list(TEXTS), "normalize": True}, ensure_ascii=False)
    sent = base64.b64encode(body.encode()).decode() if encoded else body
    answer = answer_to(proxy_event(sent, encoded=encoded))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["headers"] == {"content-type": "application/json"}
    found = vectors(json.loads(answer["body"]))
    assert (found == encoder.encode(TEXTS, normalize_embeddings=True)).all()


@pytest.mark.parametrize("wrap", [dict, lambda event: proxy_event_2(json.dumps(event))])
def test_numbers_have_the_digits_that_float32_has(encoder: SentenceEncoder, wrap: Any) -> None:
    text = json.dumps(serverless.handler(wrap({"texts": list(TEXTS)}), CONTEXT))
    for row in json_rows(encoder.encode(TEXTS)):
        assert row in text


def test_a_text_that_the_caller_wants_cut_counts_its_encoded_tokens(encoder: SentenceEncoder) -> None:
    answer = answer_to({"texts": ["a", "word " * 600], "long_texts": "truncate"})
    assert (answer["statusCode"], answer["tokens"]) == (200, 3 + encoder.max_length)


def test_the_environment_decides_where_an_event_does_not_say(
    monkeypatch: pytest.MonkeyPatch, encoder: SentenceEncoder
) -> None:
    texts = ["a", "word " * 600]
    for name, value in {"NORMALIZE": "1", "LONG_TEXTS": "window", "MAX_TEXTS": "2", "MAX_CHARACTERS": "4000"}.items():
        monkeypatch.setenv(f"BIOBERT_ONNX_{name}", value)
    expected = encoder.encode(texts, long_texts="window", normalize_embeddings=True)
    assert (vectors(answer_to({"texts": texts})) == expected).all()
    assert (vectors(answer_to({"texts": ["a"], "normalize": False})) == encoder.encode(["a"])).all()
    assert "texts[1] has too many tokens" in answer_to({"texts": texts, "long_texts": "error"})["error"]
    assert answer_to({"texts": ["a"] * 3})["error"].startswith("texts holds 3 texts, expected at most 2: send several")
    assert "expected at most 4,000" in answer_to({"texts": ["a" * 4001]})["error"]


def test_fields_that_known_clients_send_change_nothing() -> None:
    plain = answer_to({"texts": list(TEXTS)})
    assert answer_to({"texts": list(TEXTS), "model": "any", **dict.fromkeys(IGNORED_FIELDS, "x")}) == plain


def test_float32_comes_in_base64_when_asked_for(encoder: SentenceEncoder) -> None:
    answer = answer_to({"texts": list(TEXTS), "encoding_format": "base64", "dimensions": 5})
    found = [np.frombuffer(base64.b64decode(each), dtype="<f4") for each in answer["embeddings"]]
    assert answer["dim"] == 5
    assert (np.array(found) == encoder.encode(TEXTS, truncate_dim=5)).all()


@pytest.mark.parametrize("wrap", [dict, lambda event: proxy_event_2(json.dumps(event))])
@pytest.mark.parametrize(
    ("options", "prompt"),
    [
        ({}, PROMPTS[DEFAULT]),
        ({"prompt": ""}, ""),
        ({"prompt": "a "}, "a "),
        ({"prompt_name": "query"}, PROMPTS["query"]),
    ],
)
def test_a_prompt_is_put_before_each_text(
    prompted_artifact: Path,
    encoder: SentenceEncoder,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    prompt: str,
    wrap: Any,
) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_ARTIFACT", str(prompted_artifact))
    answer = answer_to(wrap({"texts": list(TEXTS), **options}))
    content = json.loads(answer["body"]) if "body" in answer else answer
    assert answer["statusCode"] == 200
    assert np.array_equal(vectors(content), encoder.encode([prompt + text for text in TEXTS]))


@pytest.mark.parametrize(
    ("event", "status", "message"),
    [
        (None, 400, "the event is null, expected an object with texts"),
        (["a"], 400, 'the event is ["a"], expected an object'),
        ({}, 400, "texts is null, expected a text or an array of 1 to 256 texts"),
        ({"texts": []}, 400, "texts is [], expected"),
        ({"texts": ["a", None]}, 400, "texts[1] is null, of type null: every text must be a string"),
        ({"texts": ["a"] * 257}, 400, "texts holds 257 texts, expected at most 256"),
        ({"texts": ["a" * 600_000] * 2}, 413, "texts hold 1,200,000 characters, expected at most 1,000,000"),
        (
            {"texts": ["a"] * 200, "prompt": "a" * 8000},
            413,
            "the texts hold 1,600,200 characters with the prompt before each, expected at most 1,000,000",
        ),
        ({"texts": ["a"], "prompt": None, "prompt_name": {}}, 400, "prompt_name is {}, expected a name"),
        ({"texts": ["a"], "prompt_name": "query"}, 400, "prompt_name is 'query', but the artifact has no prompts"),
        ({"texts": ["a"], "prompt": 5}, 400, "prompt is 5, of type number"),
        ({"texts": [[101, 102]]}, 400, "texts is [[101, 102]], token ids: send texts, each a string. LangChain's"),
        ({"texts": ["a"], "normalize": None, "long_texts": "cut"}, 400, 'long_texts is "cut", expected one of trun'),
        ({"texts": ["a\ud800"]}, 400, 'texts[0] holds a lone surrogate, "\\ud800" at character 1'),
        (proxy_event_2('{"texts": ["a"], "prompt": "a", "prompt_name": "b"}'), 400, "give one of them"),
        ({"texts": ["word " * 600]}, 400, "texts[0] has too many tokens, expected at most"),
        ({"texts": ["a"], "normalise": True}, 400, 'unknown field "normalise", expected texts, encoding_format'),
        (proxy_event_1("{"), 400, "the body is not valid JSON"),
        (proxy_event_1("[]"), 400, "the body is JSON of type array, expected an object"),
        (proxy_event_2("é", encoded=True), 400, "the body is not base64"),
        (proxy_event_2("e30=x", encoded=True), 400, "the body is not base64"),
        (proxy_event_2("//79", encoded=True), 400, "the body is not valid JSON"),
        ({**proxy_event_1(""), "body": None}, 400, "the body is not valid JSON"),
        ({**proxy_event_1("", encoded=True), "body": None}, 400, "the body is null, expected base64"),
        ({**proxy_event_1(""), "httpMethod": "GET"}, 405, 'the method is "GET", expected POST'),
        ({**proxy_event_2(""), "requestContext": {"http": {"method": "DELETE"}}}, 405, 'the method is "DELETE"'),
        ({**proxy_event_2(""), "requestContext": None}, 405, "the method is null"),
    ],
)
def test_a_bad_event_gets_a_clear_4xx(event: Any, status: int, message: str) -> None:
    answer = answer_to(event)
    assert answer["statusCode"] == status
    error = json.loads(answer["body"])["error"] if "body" in answer else answer["error"]
    assert message in error


def test_the_encoder_is_loaded_once_and_anew_when_the_number_of_cpus_changes(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, loaded = encoder.encode(TEXTS), []
    for cpus in (1, 6, 6):  # a snapshot of one machine wakes up on another
        monkeypatch.setattr(serverless, "usable_cpus", lambda cpus=cpus: cpus)
        assert (vectors(answer_to({"texts": list(TEXTS)})) == expected).all()
        loaded.append(serverless.loaded_encoder())
    assert loaded[0] is not loaded[1] and loaded[1] is loaded[2]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity masks")
def test_on_one_cpu_the_bits_are_the_same(artifact: Path, encoder: SentenceEncoder) -> None:
    code = (
        "import json, os, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from biobert_onnx.serving.serverless import handler;"
        "json.dump(handler(json.load(sys.stdin), None), sys.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        input=json.dumps({"texts": list(TEXTS)}), capture_output=True, text=True, check=True,
        env={**os.environ, "BIOBERT_ONNX_ARTIFACT": str(artifact)},
    )  # fmt: skip
    assert (vectors(json.loads(done.stdout)) == encoder.encode(TEXTS)).all()


def test_without_an_artifact_the_import_is_quiet_and_the_first_event_says_what_is_missing(tmp_path: Path) -> None:
    code = "import biobert_onnx.serving.serverless as s; print('imported'); s.handler({'texts': ['a']}, None)"
    environment = {name: value for name, value in os.environ.items() if name != "BIOBERT_ONNX_ARTIFACT"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout == "imported\n"
    assert (
        "ArtifactError: set BIOBERT_ONNX_ARTIFACT to the folder of an artifact (it is not set): no artifact"
        in done.stderr
    )


def test_a_wrong_variable_fails_while_the_function_starts(tmp_path: Path) -> None:
    environment = {**os.environ, "BIOBERT_ONNX_ARTIFACT": str(tmp_path / "nothing")}
    code = "import biobert_onnx.serving.serverless; print('imported')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout == ""
    assert "ArtifactError: set BIOBERT_ONNX_ARTIFACT" in done.stderr
    assert "nothing': make one with the command 'biobert-onnx export" in done.stderr
