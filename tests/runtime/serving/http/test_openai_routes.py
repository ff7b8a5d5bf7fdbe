"""OpenAI's routes: its format, unit length by default, and refusals that say what to change."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder, TruncationWarning
from biobert_onnx.serving.requests import IGNORED_FIELDS
from tests.support.prompts import DEFAULT, PROMPTS
from tests.support.servers import EMBEDDINGS, Server, running, vectors
from tests.support.texts import TEXTS


def test_the_answer_is_openais_with_the_encoders_vectors(server: Server, encoder: SentenceEncoder) -> None:
    status, answer = server.ask({"model": "my-model", "input": list(TEXTS), "user": "me"})
    assert status == 200
    assert answer.keys() == {"object", "data", "model", "usage"}
    assert [(item["object"], item["index"]) for item in answer["data"]] == [
        ("embedding", index) for index in range(len(TEXTS))
    ]
    tokens = int(encoder.token_counts(TEXTS).sum())
    assert answer["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert (answer["object"], answer["model"]) == ("list", "my-model")
    assert (vectors(answer) == encoder.encode(TEXTS, normalize_embeddings=True)).all()


def test_one_text_is_one_vector_and_the_model_has_a_name(server: Server, encoder: SentenceEncoder) -> None:
    status, answer = server.ask({"input": TEXTS[0], "dimensions": None})
    assert (status, answer["model"]) == (200, encoder.manifest.name)
    assert (vectors(answer) == encoder.encode(TEXTS[:1], normalize_embeddings=True)).all()


def test_options_are_those_of_encode(server: Server, encoder: SentenceEncoder) -> None:
    long = "word " * 600
    body = {"input": [TEXTS[0], long], "dimensions": 7.0, "normalize": True, "long_texts": "window"}
    status, answer = server.ask({**body, "encoding_format": "base64"})
    assert status == 200
    found = [np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4") for item in answer["data"]]
    expected = encoder.encode([TEXTS[0], long], truncate_dim=7, normalize_embeddings=True, long_texts="window")
    assert (np.array(found) == expected).all()


def test_numbers_have_the_digits_that_float32_needs_and_no_more(server: Server) -> None:
    """That they are the encoder's bits, every test of vectors compares."""
    _, _, body = server.respond("POST", EMBEDDINGS, {"input": list(TEXTS)})
    numbers = re.findall(rb"-?[\d.]+(?:e-?\d+)?(?=[,\]])", body)
    assert len(numbers) >= len(TEXTS)
    assert all(np.float32(number) == np.float32(f"{np.float32(number)}") for number in numbers)
    digits = [len(number.partition(b"e")[0].lstrip(b"-0.").replace(b".", b"")) for number in numbers]
    assert max(digits) <= 9


def test_a_text_that_the_client_wants_cut_counts_its_encoded_tokens(server: Server, encoder: SentenceEncoder) -> None:
    long = "word " * 600
    status, answer = server.ask({"input": ["a", long], "long_texts": "truncate"})
    assert status == 200
    assert answer["usage"]["total_tokens"] == 3 + encoder.max_length
    with pytest.warns(TruncationWarning):
        assert (vectors(answer) == encoder.encode(["a", long], normalize_embeddings=True)).all()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not valid JSON (Expecting value at line 1, column 1)"),
        (b'{"input": "a"', "the body is not valid JSON (Expecting ',' delimiter at line 1, column 14)"),
        (b"\xff\xfe\xfa", "the body is not valid JSON (byte "),
        (b"[" * 100_000, "the body is not valid JSON (arrays or objects are nested too deeply)"),
        (b'{"input": ' + b"9" * 10_000 + b"}", "the body is not valid JSON (a number has too many digits)"),
        (["a"], "the body is JSON of type array, expected an object"),
        (None, "the body is JSON of type null, expected an object"),
        ({}, "input is null, expected a text or an array of 1 to 2,048 texts"),
        ({"input": []}, "input is [], expected a text or an array"),
        ({"input": 7}, "input is 7, expected a text or an array"),
        (
            {"input": {"text": "a", "meta": [None, True]}},
            'input is {"meta": [null, true], "text": "a"}, expected a text',
        ),
        ({"input": ["a", 7]}, "input[1] is 7, of type number: every text must be a string"),
        ({"input": ["a", None]}, "input[1] is null, of type null: every text must be a string"),
        ({"input": [False]}, "input[0] is false, of type boolean"),
        ({"input": [{"text": None}]}, 'input[0] is {"text": null}, of type object'),
        ({"input": [["a"], 102]}, 'input[0] is ["a"], of type array'),
        ({"input": [[101, 102], [7]]}, "input is [[101, 102], [7]], token ids: send texts, each a string"),
        ({"input": [101, 102]}, "with check_embedding_ctx_length=False"),
        ({"input": ["a"] * 2049}, "input holds 2,049 texts, expected at most 2,048"),
        (b'{"input": ["a", "\\ud800"]}', r'input[1] holds a lone surrogate, "\ud800" at character 0'),
        ({"input": ["a", "word " * 600]}, "input[1] has too many tokens, expected at most"),
        ({"input": "a", "model": 5}, "model is 5, expected a name of at most 1,024 characters"),
        ({"input": "a", "model": "m" * 1025}, "expected a name of at most 1,024 characters"),
        ({"input": "a", "encoding_format": "hex"}, 'encoding_format is "hex", expected one of float, base64'),
        ({"input": "a", "encoding_format": ["float"]}, 'encoding_format is ["float"], expected one of'),
        ({"input": "a", "dimensions": 0}, "dimensions is 0, expected 1 to"),
        ({"input": "a", "dimensions": 100_000}, "dimensions is 100000, expected 1 to"),
        ({"input": "a", "dimensions": 1.5}, "dimensions is 1.5, expected 1 to"),
        ({"input": "a", "dimensions": True}, "dimensions is true, expected 1 to"),
        ({"input": "a", "dimensions": "7"}, 'dimensions is "7", expected 1 to'),
        ({"input": "a", "normalize": 1}, "normalize is 1, expected true or false"),
        ({"input": "a", "long_texts": "cut"}, 'long_texts is "cut", expected one of truncate, error, window'),
        ({"input": "a", "prompt": 5}, "prompt is 5, of type number: a prompt must be a string; leave it out to get"),
        ({"input": "a", "prompt": ["a"]}, 'prompt is ["a"], of type array'),
        (b'{"input": "a", "prompt": "b\\ud800"}', r'prompt holds a lone surrogate, "\ud800" at character 1'),
        ({"input": "a", "prompt": "a" * 8193}, "of 8,193 characters, expected at most 8,192: shorten it"),
        ({"input": "a", "prompt": "a", "prompt_name": "query"}, "prompt is 'a' and prompt_name is 'query': give one"),
        ({"input": "a", "prompt_name": 5}, "prompt_name is 5, expected a name"),
        ({"input": "a", "prompt_name": "query"}, "prompt_name is 'query', but the artifact has no prompts"),
        ({"input": "a", "dimension": 7}, 'unknown field "dimension", expected input, encoding_format'),
    ],
)
def test_a_request_that_cannot_be_answered_is_told_why(server: Server, body: object, message: str) -> None:
    status, found = server.refusal(body)
    assert status == 400
    assert message in found


@pytest.mark.parametrize(
    ("options", "prompt"),
    [
        ({}, PROMPTS[DEFAULT]),
        ({"prompt": ""}, ""),
        ({"prompt": "a "}, "a "),
        ({"prompt_name": "query"}, PROMPTS["query"]),
    ],
)
def test_a_prompt_is_put_before_each_text_and_its_tokens_are_counted(
    prompting_server: Server, encoder: SentenceEncoder, options: dict[str, str], prompt: str
) -> None:
    status, answer = prompting_server.ask({"input": list(TEXTS), **options})
    expected, counts = encoder.encode_with_counts([prompt + text for text in TEXTS], normalize_embeddings=True)
    assert status == 200
    assert np.array_equal(vectors(answer), expected)
    assert answer["usage"]["total_tokens"] == counts.sum()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"prompt": 5}, "prompt"),
        ({"prompt": "a" * 8193}, "prompt"),
        ({"prompt": "a", "prompt_name": "query"}, "prompt"),
        ({"prompt_name": 5}, "prompt_name"),
        ({"prompt_name": "qeury"}, "prompt_name"),
    ],
)
def test_a_refused_prompt_is_named_as_the_field_at_fault(
    prompting_server: Server, options: dict[str, object], field: str
) -> None:
    status, answer = prompting_server.ask({"input": "a", **options})
    assert (status, answer["error"]["param"]) == (400, field)


def test_a_prompt_cannot_multiply_the_work_of_a_small_request(server: Server) -> None:
    status, message = server.refusal({"input": ["a"] * 2048, "prompt": "b" * 4096, "long_texts": "window"})
    assert status == 413
    assert message == (
        "the texts hold 8,390,656 characters with the prompt before each, expected at most 4,194,304: send several "
        "requests"
    )


def test_special_tokens_in_texts_are_plain_text_when_the_environment_says_so(artifact: Path, server: Server) -> None:
    request = {"input": ["gene [SEP] protein"]}
    expected = SentenceEncoder(artifact, literal_special_tokens=True).encode(request["input"])
    with running(artifact, BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS="1", BIOBERT_ONNX_NORMALIZE="0") as literal:
        assert (vectors(literal.ask(request)[1]) == expected).all()
    assert (vectors(server.ask({**request, "normalize": False})[1]) != expected).any()


def test_a_model_name_that_is_no_unicode_comes_back(server: Server) -> None:
    assert server.ask(b'{"input": "a", "model": "\\udfff"}')[1]["model"] == "\udfff"


def test_openais_client_gets_the_encoders_vectors(server: Server, encoder: SentenceEncoder) -> None:
    openai = pytest.importorskip("openai", reason="needs the extra 'interop'")
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="none", max_retries=0) as client:
        found = client.embeddings.create(model="any", input=list(TEXTS))
        as_numbers = client.embeddings.create(model="any", input=TEXTS[0], encoding_format="float", dimensions=5)
        with pytest.raises(openai.BadRequestError, match=r"input\[0\] has too many tokens, expected at most"):
            client.embeddings.create(model="any", input="word " * 600)
        windows = client.embeddings.create(model="any", input="word " * 600, extra_body={"long_texts": "window"})
        listed = list(client.models.list())
        found_model = client.models.retrieve(encoder.manifest.name)
    expected = encoder.encode(TEXTS, normalize_embeddings=True)
    assert (np.array([item.embedding for item in found.data], dtype=np.float32) == expected).all()
    assert found.usage.total_tokens == encoder.token_counts(TEXTS).sum()
    expected = encoder.encode(TEXTS[:1], truncate_dim=5, normalize_embeddings=True)
    assert (np.array(as_numbers.data[0].embedding, dtype=np.float32) == expected).all()
    assert len(windows.data[0].embedding) == encoder.dim
    assert [model.id for model in listed] == [encoder.manifest.name]
    assert found_model.object == "model"


def test_vectors_have_unit_length_also_after_dimensions_unless_the_request_says_otherwise(
    server: Server, encoder: SentenceEncoder
) -> None:
    request = {"input": list(TEXTS), "dimensions": 5}
    lengths = np.linalg.norm(vectors(server.ask(request)[1]), axis=1)
    assert np.abs(lengths - 1).max() < 1e-6
    found = vectors(server.ask({**request, "normalize": False})[1])
    assert np.array_equal(found, encoder.encode(TEXTS, truncate_dim=5))


def test_fields_that_known_clients_send_change_nothing(server: Server) -> None:
    plain = server.ask({"input": list(TEXTS)})
    assert server.ask({"input": list(TEXTS), "input_type": "query", **dict.fromkeys(IGNORED_FIELDS, "x")}) == plain


@pytest.mark.parametrize("kind", ["query", "search_query"])
def test_input_type_means_a_prompt_where_the_artifact_has_it(prompting_server: Server, kind: str) -> None:
    named = prompting_server.ask({"input": list(TEXTS), "prompt_name": "query"})
    assert prompting_server.ask({"input": list(TEXTS), "input_type": kind}) == named
    by_default = prompting_server.ask({"input": list(TEXTS)})
    assert prompting_server.ask({"input": list(TEXTS), "input_type": "classification"}) == by_default
    assert by_default != named


def test_the_operator_decides_what_is_done_with_long_texts(prompting_server: Server) -> None:
    """The server of this test cuts texts; the others refuse them."""
    long = "word " * 600
    cut = prompting_server.ask({"input": long, "long_texts": "truncate"})
    assert cut[0] == 200
    assert prompting_server.ask({"input": long}) == cut
    assert prompting_server.ask({"input": long, "long_texts": "error"})[0] == 400


def test_models_are_listed_and_described_by_name(server: Server, encoder: SentenceEncoder) -> None:
    status, answer = server.get("/v1/models")
    name = encoder.manifest.name
    assert (status, answer["object"], [model["id"] for model in answer["data"]]) == (200, "list", [name])
    assert server.get(f"/v1/models/{name}") == (200, answer["data"][0])
    status, answer = server.get("/v1/models/no-such")
    assert (status, answer["error"]["code"]) == (404, "model_not_found")


def test_several_models_are_chosen_by_name(artifact: Path, prompted_artifact: Path, encoder: SentenceEncoder) -> None:
    with running(f"plain={artifact}:a/b={prompted_artifact}") as server:
        assert [model["id"] for model in server.get("/v1/models")[1]["data"]] == ["plain", "a/b"]
        assert server.get("/v1/models/a/b")[1]["id"] == "a/b"
        first = server.ask({"input": TEXTS[0]})[1]
        named = server.ask({"input": TEXTS[0], "model": "plain"})[1]
        other = server.ask({"input": TEXTS[0], "model": "a/b"})[1]
        status, refused = server.ask({"input": TEXTS[0], "model": "text-embedding-3-small"})
    assert first == named == {**other, "data": first["data"], "model": "plain", "usage": first["usage"]}
    assert (vectors(first) == encoder.encode(TEXTS[:1], normalize_embeddings=True)).all()
    expected = encoder.encode([PROMPTS[DEFAULT] + TEXTS[0]], normalize_embeddings=True)
    assert (vectors(other) == expected).all()
    assert (status, refused["error"]["code"], refused["error"]["param"]) == (404, "model_not_found", "model")
    assert refused["error"]["message"] == 'model is "text-embedding-3-small", expected one of "plain", "a/b"'
