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
from biobert_onnx.serving import serverless
from tests.support.texts import TEXTS

CONTEXT = None
"""The handler asks nothing of Lambda's."""


@pytest.fixture(autouse=True)
def found_by_variable(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BIOBERT_ONNX_ARTIFACT", str(artifact))
    yield
    serverless._encoder.cache_clear()


def first(body: str, *, encoded: bool = False) -> dict[str, Any]:
    """A proxy event of API Gateway, format 1.0; a load balancer's has the same fields."""
    context = {"httpMethod": "POST", "stage": "prod"}
    return {"httpMethod": "POST", "requestContext": context, "body": body, "isBase64Encoded": encoded}


def second(body: str, *, encoded: bool = False) -> dict[str, Any]:
    """A proxy event of API Gateway, format 2.0, and of a function's URL."""
    context = {"http": {"method": "POST", "path": "/"}}
    return {"version": "2.0", "requestContext": context, "body": body, "isBase64Encoded": encoded}


def vectors(answer: dict[str, Any]) -> NDArray[np.float32]:
    return np.array(answer["embeddings"], dtype=np.float32)


def answered(event: object) -> dict[str, Any]:
    """The handler's answer, through JSON as Lambda passes it on."""
    return dict(json.loads(json.dumps(serverless.handler(event, CONTEXT))))


def test_a_direct_invocation_gets_the_encoders_vectors(encoder: SentenceEncoder) -> None:
    answer = answered({"texts": list(TEXTS), "normalize": False})
    assert answer["statusCode"] == 200
    assert (vectors(answer) == encoder.encode(TEXTS)).all()
    assert (answer["dim"], answer["model"]) == (encoder.dim, encoder.manifest.name)
    assert answer["tokens"] == encoder.token_counts(TEXTS).sum()


@pytest.mark.parametrize("proxied", [first, second])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_proxy_event_gets_them_as_a_body(encoder: SentenceEncoder, proxied: Any, encoded: bool) -> None:
    body = json.dumps({"texts": list(TEXTS), "normalize": True}, ensure_ascii=False)
    sent = base64.b64encode(body.encode()).decode() if encoded else body
    answer = answered(proxied(sent, encoded=encoded))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["headers"] == {"content-type": "application/json"}
    found = vectors(json.loads(answer["body"]))
    assert (found == encoder.encode(TEXTS, normalize_embeddings=True)).all()


def test_float32_comes_in_base64_when_asked_for(encoder: SentenceEncoder) -> None:
    answer = answered({"texts": list(TEXTS), "encoding_format": "base64", "dimensions": 5})
    found = [np.frombuffer(base64.b64decode(each), dtype="<f4") for each in answer["embeddings"]]
    assert answer["dim"] == 5
    assert (np.array(found) == encoder.encode(TEXTS, truncate_dim=5)).all()


@pytest.mark.parametrize(
    ("event", "status", "message"),
    [
        (None, 400, "the event is a NoneType, expected an object with 'texts'"),
        (["a"], 400, "the event is a list"),
        ({}, 400, "texts is None, expected a text or a list of 1 to 256 texts"),
        ({"texts": []}, 400, "texts is [], expected"),
        ({"texts": ["a", None]}, 400, "texts[1] is None, of type NoneType"),
        ({"texts": ["a"] * 257}, 400, "texts holds 257 texts, expected at most 256"),
        ({"texts": ["a" * 600_000] * 2}, 413, "texts hold 1,200,000 characters, expected at most 1,000,000"),
        ({"texts": ["word " * 600]}, 400, "tokens, expected at most"),
        ({"texts": ["a"], "normalise": True}, 400, "unknown field 'normalise', expected texts, encoding_format"),
        (first("{"), 400, "the body is no JSON"),
        (first("[]"), 400, "the body is a JSON list"),
        (second("é", encoded=True), 400, "the body is no base64"),
        (second("e30=x", encoded=True), 400, "the body is no base64"),
        (second("//79", encoded=True), 400, "the body is no JSON"),
        ({**first(""), "body": None}, 400, "the body is no JSON"),
        ({**first(""), "httpMethod": "GET"}, 405, "the method is 'GET', expected POST"),
        ({**second(""), "requestContext": {"http": {"method": "DELETE"}}}, 405, "the method is 'DELETE'"),
        ({**second(""), "requestContext": None}, 405, "the method is None"),
    ],
)
def test_a_bad_event_gets_a_clear_4xx(event: Any, status: int, message: str) -> None:
    answer = answered(event)
    assert answer["statusCode"] == status
    error = json.loads(answer["body"])["error"] if "body" in answer else answer["error"]
    assert message in error


def test_the_encoder_is_loaded_once_and_anew_when_the_number_of_cpus_changes(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = encoder.encode(TEXTS)
    for cpus in (1, 6, 6):  # a snapshot of one machine wakes up on another
        monkeypatch.setattr(serverless, "usable_cpus", lambda cpus=cpus: cpus)
        assert (vectors(answered({"texts": list(TEXTS)})) == expected).all()
    assert serverless._encoder.cache_info().misses == 2


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
    assert "ArtifactError: no artifact folder at" in done.stderr


def test_a_wrong_variable_fails_while_the_function_starts(tmp_path: Path) -> None:
    environment = {**os.environ, "BIOBERT_ONNX_ARTIFACT": str(tmp_path / "nothing")}
    code = "import biobert_onnx.serving.serverless; print('imported')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout == ""
    assert "nothing': give the path of a folder" in done.stderr
