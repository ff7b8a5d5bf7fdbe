"""The routes of text-embeddings-inference: its answers, its headers, its errors."""

import json
from typing import Any

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder, TruncationWarning
from tests.support.prompts import PROMPTS
from tests.support.servers import Server
from tests.support.texts import TEXTS


@pytest.mark.parametrize("path", ["/embed", "/"])
def test_embed_gives_a_list_of_vectors_of_unit_length(server: Server, encoder: SentenceEncoder, path: str) -> None:
    status, headers, content = server.respond("POST", path, {"inputs": list(TEXTS)})
    found = np.array(json.loads(content), dtype=np.float32)
    assert status == 200
    assert np.array_equal(found, encoder.encode(TEXTS, normalize_embeddings=True))
    assert headers["x-compute-tokens"] == str(encoder.token_counts(TEXTS).sum())
    assert headers["x-compute-characters"] == str(sum(map(len, TEXTS)))
    assert int(headers["x-total-time"]) >= int(headers["x-queue-time"]) >= 0
    status, answer = server.ask({"inputs": TEXTS[0]}, path=path)
    assert np.array_equal(np.array(answer, dtype=np.float32), found[:1])


def test_embeds_options_are_those_of_encode(prompting_server: Server, prompted: SentenceEncoder) -> None:
    texts = [TEXTS[0], "word " * 600]
    options = {"normalize": False, "truncate": True, "truncation_direction": "Right", "dimensions": 5}
    found = prompting_server.ask({"inputs": texts, "prompt_name": "query", **options}, path="/embed")
    with pytest.warns(TruncationWarning):
        expected = prompted.encode(texts, prompt_name="query", truncate_dim=5)
    assert found[0] == 200
    assert np.array_equal(np.array(found[1], dtype=np.float32), expected)
    parameters = {"parameters": {"prompt_name": "query", **options}, "options": {"use_cache": True}}
    assert prompting_server.ask({"inputs": texts, **parameters}, path="/") == found


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "message"),
    [
        ("/embed", b'{"inputs": ', 400, "Validation", "the body is not valid JSON"),
        ("/", [], 400, "Validation", "the body is JSON of type array, expected an object"),
        ("/embed", {"inputs": []}, 400, "Empty", "inputs is [], expected a text or an array"),
        ("/embed", {"inputs": None}, 422, "Validation", "inputs is null, expected a text or an array"),
        ("/embed", {"inputs": [[101, 102]]}, 422, "Validation", "inputs is [[101, 102]], token ids: send texts"),
        ("/embed", {"inputs": ["a"] * 2049}, 422, "Validation", "inputs holds 2,049 texts, expected at most 2,048"),
        ("/embed", {"inputs": "word " * 600}, 413, "Validation", "inputs[0] has too many tokens, expected at most"),
        ("/embed", {"inputs": "a", "truncate": "yes"}, 422, "Validation", 'truncate is "yes", expected true or false'),
        ("/embed", {"inputs": "a", "truncation_direction": "Left"}, 422, "Validation", 'expected "right": texts are'),
        ("/embed", {"inputs": "a", "prompt_name": "q"}, 422, "Validation", "prompt_name is 'q', but the artifact has"),
        ("/embed", {"inputs": "a", "parameters": 5}, 422, "Validation", "parameters is 5, expected an object"),
        ("/similarity", {"inputs": "a"}, 422, "Validation", 'inputs is "a", expected an object with source_sentence'),
        (
            "/similarity",
            {"inputs": {"sentences": ["a"]}},
            422,
            "Validation",
            "source_sentence is null, expected",
        ),
        ("/similarity", {"inputs": {"source_sentence": "a", "sentences": []}}, 400, "Empty", "sentences is []"),
        ("/tokenize", {"inputs": "a", "add_special_tokens": 1}, 422, "Validation", "add_special_tokens is 1, expected"),
        (
            "/tokenize",
            {"inputs": "a" * 131_073},
            413,
            "Validation",
            "131,073 characters, expected at most 131,072",
        ),
        ("/tokenize", {"inputs": "a", "prompt_name": "q"}, 422, "Validation", "the artifact has no prompts"),
        (
            "/tokenize",
            {"inputs": "a", "truncate": True},
            422,
            "Validation",
            'unknown field "truncate", expected',
        ),
        ("/decode", {"ids": "a"}, 422, "Validation", 'ids is "a", expected an array of token ids'),
        ("/decode", {"ids": [1.5]}, 422, "Validation", "ids is [1.5], expected an array of token ids"),
        ("/decode", {"ids": [[True]]}, 422, "Validation", "ids holds true, expected token ids from 0 to"),
        ("/decode", {"ids": [10**9]}, 422, "Validation", "ids holds 1000000000, expected token ids from 0 to"),
        ("/decode", {"ids": [0] * 131_073}, 413, "Validation", "ids holds 131,073 token ids, expected at most 131,072"),
    ],
)
def test_errors_have_its_shape_and_statuses(
    server: Server, path: str, body: object, status: int, kind: str, message: str
) -> None:
    found, answer = server.ask(body, path=path)
    assert answer.keys() == {"error", "error_type"}
    assert (found, answer["error_type"]) == (status, kind)
    assert message in answer["error"]


def test_an_explicit_truncate_decides_over_the_operators_choice(prompting_server: Server) -> None:
    """The server of this test cuts texts."""
    long = "word " * 600
    assert prompting_server.ask({"inputs": long}, path="/embed")[0] == 200
    assert prompting_server.ask({"inputs": long, "truncate": False}, path="/embed")[0] == 413


def test_similarity_gives_the_cosine_to_each_sentence(server: Server, encoder: SentenceEncoder) -> None:
    body = {"inputs": {"source_sentence": TEXTS[0], "sentences": [TEXTS[0], *TEXTS]}}
    status, answer = server.ask(body, path="/similarity")
    expected = encoder.similarity(encoder.encode(TEXTS[:1]), encoder.encode([TEXTS[0], *TEXTS]))[0]
    assert status == 200
    assert np.allclose(answer, expected, atol=1e-6)
    assert abs(answer[0] - 1) < 1e-6
    assert server.ask({**body, "parameters": {}}, path="/") == (200, answer)


def test_a_method_that_no_route_of_a_path_has_is_refused_with_those_that_there_are(server: Server) -> None:
    for path, methods in (("/", "GET, HEAD, POST"), ("/embed", "POST"), ("/health", "GET, HEAD")):
        status, headers, _ = server.respond("DELETE", path)
        assert (status, headers["allow"]) == (405, methods)


def tokens_of(server: Server, **body: object) -> list[list[dict[str, Any]]]:
    status, answer = server.ask(body, path="/tokenize")
    assert status == 200
    return list(answer)


def test_tokens_have_their_places_in_the_text_and_decode_to_it(server: Server, encoder: SentenceEncoder) -> None:
    found = tokens_of(server, inputs=list(TEXTS))
    assert [len(tokens) for tokens in found] == encoder.token_counts(TEXTS).tolist()
    for text, tokens in zip(TEXTS, found, strict=True):
        assert [token["special"] for token in tokens] == [True, *[False] * (len(tokens) - 2), True]
        assert all(token["text"] == text[token["start"] : token["stop"]] for token in tokens[1:-1])
        assert [(token["start"], token["stop"]) for token in (tokens[0], tokens[-1])] == [(None, None)] * 2
    assert tokens_of(server, inputs=TEXTS[0], add_special_tokens=False) == [found[0][1:-1]]
    ids = [[token["id"] for token in tokens] for tokens in found]
    status, decoded = server.ask({"ids": ids}, path="/decode")
    assert status == 200
    assert server.ask({"ids": ids[0]}, path="/decode") == (200, decoded[:1])
    assert server.ask({"ids": [float(number) for number in ids[0]]}, path="/decode") == (200, decoded[:1])
    status, with_special = server.ask({"ids": ids, "skip_special_tokens": False}, path="/decode")
    assert with_special[0] == f"{found[0][0]['text']} {decoded[0]} {found[0][-1]['text']}"


def test_a_prompt_stands_before_the_tokens_of_a_text(prompting_server: Server) -> None:
    (found,) = tokens_of(prompting_server, inputs="sepsis", prompt_name="query")
    (expected,) = tokens_of(prompting_server, inputs=PROMPTS["query"] + "sepsis")
    assert found == expected
