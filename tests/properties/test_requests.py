"""Any event: the serverless handler answers it, in JSON, with vectors or with what to change."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobert_onnx import SentenceEncoder
from biobert_onnx.serving import serverless
from tests.properties.strategies import json_values, nestings, texts

OPTIONS = ("encoding_format", "dimensions", "normalize", "long_texts", "prompt", "prompt_name")
VALUES = st.one_of(
    json_values, texts, st.sampled_from(["float", "base64", "truncate", "window", "error", True, 1, 128])
)

requests = st.fixed_dictionaries(
    {"texts": st.one_of(st.lists(texts, max_size=3), texts, st.lists(json_values, max_size=3), json_values)},
    optional=dict.fromkeys(OPTIONS, VALUES),
)
bodies = st.one_of(requests.map(json.dumps), json_values.map(json.dumps), st.text(), nestings)
methods = st.sampled_from(["POST", "GET", None])


@pytest.fixture(autouse=True, scope="module")
def artifact_variable(artifact: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOBERT_ONNX_ARTIFACT", str(artifact))
        yield
    serverless.forget_encoder()


def check_answer(event: object, encoder: SentenceEncoder) -> None:
    """Check the answer: one vector a text, or an error of the caller's."""
    answer: dict[str, Any] = json.loads(json.dumps(serverless.handler(event, None)))
    content = json.loads(answer["body"]) if "body" in answer else answer
    if answer["statusCode"] == 200:
        assert len(content["embeddings"]) >= 1 and 1 <= content["dim"] <= encoder.dim
    else:
        assert answer["statusCode"] in {400, 405, 413}
        assert isinstance(content["error"], str) and len(content["error"]) < 1000


@given(event=st.one_of(requests, json_values))
def test_any_direct_invocation_is_answered(encoder: SentenceEncoder, event: object) -> None:
    check_answer(event, encoder)


@given(body=bodies, method=methods, encoded=st.booleans(), version=st.sampled_from([1, 2]))
def test_any_proxied_request_is_answered(
    encoder: SentenceEncoder, body: str, method: str | None, encoded: bool, version: int
) -> None:
    sent = base64.b64encode(body.encode("utf-8", "surrogatepass")).decode() if encoded else body
    context = {"http": {"method": method}} if version == 2 else {}
    check_answer({"httpMethod": method, "requestContext": context, "body": sent, "isBase64Encoded": encoded}, encoder)


@given(
    event=st.fixed_dictionaries(
        {"requestContext": json_values},
        optional={"httpMethod": json_values | methods, "body": json_values | bodies, "isBase64Encoded": json_values},
    )
)
def test_any_proxy_event_is_answered(encoder: SentenceEncoder, event: object) -> None:
    check_answer(event, encoder)


@given(nesting=nestings)
def test_json_however_deep_is_answered(encoder: SentenceEncoder, nesting: str) -> None:
    for body in (nesting, f'{{"texts": {nesting}}}', f'{{"texts": ["a"], "dimensions": {nesting}}}'):
        check_answer({"httpMethod": "POST", "requestContext": {}, "body": body}, encoder)
