"""The description of the routes: it has all of them, and its examples are answered as it says."""

import json
import re
from typing import Any

import pytest

from biobert_onnx.serving.http.app import ROUTES
from biobert_onnx.serving.http.pages import FILES
from tests.support.servers import Server


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    status, content = server.get("/openapi.json")
    assert (status, content["openapi"]) == (200, "3.1.0")
    return content


def test_every_route_is_described_with_its_method(document: Any) -> None:
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    served = {
        (re.sub(r":\w+}", "}", route.path), method)
        for route in ROUTES
        for method in (route.methods or ())
        if method != "HEAD"
    }
    files = {(path, "GET") for path in FILES} - {("/", "GET")}  # / is also a route for programs
    assert served - files == described


def test_examples_are_answered_as_the_document_says(server: Server, document: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="needs the extra 'test'")
    count = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in content.get("examples", {"": {"value": None}}).values():
                if example["value"] is not None:
                    jsonschema.validate(example["value"], content["schema"])
                name = document["paths"]["/v1/models/{name}"]["get"]["parameters"][0]["schema"]["enum"][0]
                status, headers, body = server.respond(method.upper(), path.replace("{name}", name), example["value"])
                described = operation["responses"]["200"].get("content", {})
                assert status == 200
                kind = headers.get("content-type", "").partition(";")[0]
                assert [kind] == list(described) or (not described and not body)
                if kind == "application/json":
                    jsonschema.validate(json.loads(body), described[kind]["schema"])
                count += 1
    assert count >= len(document["paths"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"input": 5}),
        ("/v1/embeddings", {"input": "word " * 600}),
        ("/embed", {"inputs": []}),
        ("/embed", {"inputs": "a", "dimensions": 0}),
        ("/tokenize", {"inputs": "a" * 200_000}),
        ("/decode", {"ids": "a"}),
        ("/similarity", {}),
    ],
)
def test_errors_are_answered_as_the_document_says(server: Server, document: Any, path: str, body: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="needs the extra 'test'")
    status, answer = server.ask(body, path=path)
    described = document["paths"][path]["post"]["responses"][str(status)]
    jsonschema.validate(answer, described["content"]["application/json"]["schema"])
