"""The HTTP app in a real server on loopback: OpenAI's format, clear refusals, and clients that fail or are slow."""

import base64
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx import SentenceEncoder, TruncationWarning
from biobert_onnx.embeddings import json_rows
from tests.support.engines import NO_KERNELS, WITHOUT_KERNELS, each_engine
from tests.support.prompts import DEFAULT, PROMPTS
from tests.support.texts import TEXTS

uvicorn = pytest.importorskip("uvicorn", reason="needs the extra 'http'")
pytest.importorskip("starlette", reason="needs the extra 'http'")

PATH = "/v1/embeddings"


class Server:
    """uvicorn with the app on `artifact`, in a process of its own; `log` holds the lines that it has logged.

    Raises RuntimeError with the log if the server ends before it serves.
    """

    def __init__(self, artifact: Path | None, **variables: str) -> None:
        command = [sys.executable, "-W", "error", "-m", "uvicorn", "biobert_onnx.serving.http:app", "--port", "0"]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
            env={**os.environ, "BIOBERT_ONNX_ARTIFACT": str(artifact or ""), **variables},
        )  # fmt: skip
        self.log: list[str] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"running on http://127.0.0.1:(\d+)", line):
                self.port = int(found[1])
                break
        else:
            self.process.stderr.close()
            raise RuntimeError(f"ended with {self.process.wait()}: {''.join(self.log)}")
        self._reading = threading.Thread(target=lambda: self.log.extend(self.process.stderr or ()))
        self._reading.start()

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, body: object, method: str = "POST", path: str = PATH) -> tuple[int, Any]:
        connection = self.connection()
        connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body).encode())
        response = connection.getresponse()
        answer = response.status, json.loads(response.read())
        connection.close()
        return answer

    def refusal(self, body: object, method: str = "POST", path: str = PATH) -> tuple[int, str]:
        """Status and message of a request that is the client's mistake."""
        status, answer = self.ask(body, method, path)
        assert answer.keys() == {"error"}
        assert answer["error"].keys() == {"message", "type", "param", "code"}
        assert answer["error"]["type"] == "invalid_request_error"
        return status, answer["error"]["message"]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self._reading.join()
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


@contextmanager
def running(artifact: Path, **variables: str) -> Iterator[Server]:
    server = Server(artifact, **variables)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server(artifact: Path) -> Iterator[Server]:
    with running(artifact) as server:
        yield server
    assert not re.search("Traceback|[Ww]arning|ERROR", "".join(server.log)), "".join(server.log)


@pytest.fixture(scope="module")
def prompting_server(prompted_artifact: Path) -> Iterator[Server]:
    with running(prompted_artifact) as server:
        yield server


def vectors(answer: Any) -> NDArray[np.float32]:
    return np.array([item["embedding"] for item in answer["data"]], dtype=np.float32)


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
    assert (vectors(answer) == encoder.encode(TEXTS)).all()


def test_one_text_is_one_vector_and_the_model_has_a_name(server: Server, encoder: SentenceEncoder) -> None:
    status, answer = server.ask({"input": TEXTS[0], "dimensions": None})
    assert (status, answer["model"]) == (200, encoder.manifest.name)
    assert (vectors(answer) == encoder.encode(TEXTS[:1])).all()


def test_options_are_those_of_encode(server: Server, encoder: SentenceEncoder) -> None:
    long = "word " * 600
    body = {"input": [TEXTS[0], long], "dimensions": 7, "normalize": True, "long_texts": "window"}
    status, answer = server.ask({**body, "encoding_format": "base64"})
    assert status == 200
    found = [np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4") for item in answer["data"]]
    expected = encoder.encode([TEXTS[0], long], truncate_dim=7, normalize_embeddings=True, long_texts="window")
    assert (np.array(found) == expected).all()


def test_numbers_have_the_digits_that_float32_has(server: Server, encoder: SentenceEncoder) -> None:
    """The clients' float32 numbers are the encoder's, bit for bit: every test of vectors compares them."""
    connection = server.connection()
    connection.request("POST", PATH, json.dumps({"input": list(TEXTS)}))
    body = connection.getresponse().read().decode("ascii")
    connection.close()
    for row in json_rows(encoder.encode(TEXTS)):
        assert f'"embedding": {row}' in body


def test_a_text_that_the_client_wants_cut_counts_its_encoded_tokens(server: Server, encoder: SentenceEncoder) -> None:
    long = "word " * 600
    status, answer = server.ask({"input": ["a", long], "long_texts": "truncate"})
    assert status == 200
    assert answer["usage"]["total_tokens"] == 3 + encoder.max_length
    with pytest.warns(TruncationWarning):
        assert (vectors(answer) == encoder.encode(["a", long])).all()


def test_health_says_what_is_served(server: Server, encoder: SentenceEncoder) -> None:
    status, answer = server.ask(b"", "GET", "/health")
    manifest = encoder.manifest
    assert status == 200
    assert answer == {"status": "ok", "model": manifest.name, "dim": manifest.dim, "precision": manifest.precision}


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
        ({"input": [[101, 102]]}, "input[0] is [101, 102], of type array"),
        ({"input": ["a"] * 2049}, "input holds 2,049 texts, expected at most 2,048"),
        (b'{"input": ["a", "\\ud800"]}', r'input[1] holds a lone surrogate, "\ud800" at character 0'),
        ({"input": ["a", "word " * 600]}, "input[1] has too many tokens, expected at most"),
        ({"input": "a", "model": 5}, "model is 5, expected a name"),
        ({"input": "a", "encoding_format": "hex"}, 'encoding_format is "hex", expected one of float, base64'),
        ({"input": "a", "encoding_format": ["float"]}, 'encoding_format is ["float"], expected one of'),
        ({"input": "a", "dimensions": 0}, "dimensions is 0, expected 1 to"),
        ({"input": "a", "dimensions": 100_000}, "dimensions is 100000, expected 1 to"),
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
    expected, counts = encoder.encode_with_counts([prompt + text for text in TEXTS])
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


@each_engine
def test_info_names_what_computes_the_vectors(artifact: Path, engine: str) -> None:
    expected = SentenceEncoder(artifact, engine=engine)
    with running(artifact, BIOBERT_ONNX_ENGINE=engine) as server:
        status, answer = server.ask(b"", "GET", "/info")
        found = vectors(server.ask({"input": list(TEXTS)})[1])
    assert status == 200
    assert answer == {
        "model": expected.manifest.name,
        "dim": expected.dim,
        "precision": "int8",
        "pooling": "mean",
        "unit_length": False,
        "max_length": expected.max_length,
        "engine": engine,
        "kernel": expected.kernel,
    }
    assert (found == expected.encode(TEXTS)).all()


def test_an_engine_that_is_not_set_is_chosen(server: Server, encoder: SentenceEncoder) -> None:
    assert server.ask(b"", "GET", "/info")[1]["engine"] == encoder.engine


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"BIOBERT_ONNX_ENGINE": "cuda"},
            "BIOBERT_ONNX_ENGINE is 'cuda', expected one of kernels, onnxruntime, or unset it",
        ),
        (
            {"BIOBERT_ONNX_ENGINE": "kernels", **NO_KERNELS},
            "BIOBERT_ONNX_ENGINE is 'kernels', but the kernels cannot run '<artifact>' here, because "
            f"{WITHOUT_KERNELS}: unset it to get onnxruntime",
        ),
        (
            {"BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS": "yes"},
            "BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS is 'yes', expected 1 to read special tokens in texts as plain text, "
            "or unset it",
        ),
    ],
)
def test_a_server_with_a_setting_that_cannot_be_used_says_so_in_one_sentence_and_ends(
    artifact: Path, variables: dict[str, str], message: str
) -> None:
    with pytest.raises(RuntimeError, match="ended with 3") as wrong:
        Server(artifact, **variables)
    assert f"ERROR:    {message.replace('<artifact>', str(artifact))}\n" in str(wrong.value)
    assert "Traceback" not in str(wrong.value)


def test_special_tokens_in_texts_are_plain_text_when_the_environment_says_so(artifact: Path, server: Server) -> None:
    request = {"input": ["gene [SEP] protein"]}
    expected = SentenceEncoder(artifact, literal_special_tokens=True).encode(request["input"])
    with running(artifact, BIOBERT_ONNX_LITERAL_SPECIAL_TOKENS="1") as literal:
        assert (vectors(literal.ask(request)[1]) == expected).all()
    assert (vectors(server.ask(request)[1]) != expected).any()


def test_other_paths_and_methods_are_told_what_there_is(server: Server) -> None:
    assert server.refusal({}, "POST", "/v1/chat")[0] == 404
    status, message = server.refusal(b"", "GET")
    assert status == 405
    assert "expected POST /v1/embeddings, GET /health or GET /info" in message


def test_a_model_name_that_is_no_unicode_comes_back(server: Server) -> None:
    assert server.ask(b'{"input": "a", "model": "\\udfff"}')[1]["model"] == "\udfff"


def test_a_body_that_is_too_large_is_refused_whether_it_names_its_length_or_not(server: Server) -> None:
    body = b" " * (5 * 2**20)
    assert server.refusal(body)[0] == 413
    connection = server.connection()
    connection.request("POST", PATH, iter([body[: 2**20]] * 5), encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 413
    assert "expected at most 4,194,304" in json.loads(response.read())["error"]["message"]
    connection.close()


def request_head(length: int, *, more: bytes = b"") -> bytes:
    """The lines before a body of `length` bytes; `more` holds further headers."""
    return f"POST {PATH} HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n".encode() + more + b"\r\n"


def started_request(server: Server, body: bytes) -> socket.socket:
    """A connection on which the app waits for `body`: it has answered "100 Continue" to the head."""
    client = server.connect()
    client.sendall(request_head(len(body), more=b"Expect: 100-continue\r\n"))
    assert client.recv(1000).startswith(b"HTTP/1.1 100")
    return client


def answer_on(client: socket.socket) -> tuple[int, Any]:
    response = http.client.HTTPResponse(client)
    response.begin()
    return response.status, json.loads(response.read())


def test_a_slow_client_keeps_nobody_waiting(server: Server, encoder: SentenceEncoder) -> None:
    body = json.dumps({"input": TEXTS[0]}).encode()
    with started_request(server, body) as client:
        client.sendall(body[:5])
        assert server.ask({"input": "another"})[0] == 200
        client.sendall(body[5:])
        status, answer = answer_on(client)
    assert status == 200
    assert (vectors(answer) == encoder.encode(TEXTS[:1])).all()


def test_a_body_that_never_comes_is_given_up(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import biobert_onnx.serving.http

    monkeypatch.setattr(biobert_onnx.serving.http, "BODY_TIMEOUT_S", 0.1)
    monkeypatch.setenv("BIOBERT_ONNX_ARTIFACT", str(artifact))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(biobert_onnx.serving.http.app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        with socket.create_connection(listening.getsockname(), timeout=30) as client:
            client.sendall(request_head(100))
            status, answer = answer_on(client)
            assert client.recv(1) == b""
        server.should_exit = True
        thread.join()
    assert status == 408
    assert "the body took more than" in answer["error"]["message"]


def reset(client: socket.socket) -> None:
    """Close the connection as a killed process with unread data does: with a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_a_killed_client_leaves_the_server_serving(server: Server) -> None:
    body = json.dumps({"input": [f"{number} mice" for number in range(500)]}).encode()
    for sent in (b"", body[:-1], body):
        client = started_request(server, body)
        client.sendall(sent)
        reset(client)
    with server.connect() as client:
        client.sendall(b"no HTTP at all\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 400")
    assert server.ask({"input": "another"})[0] == 200


def test_no_request_of_32_clients_is_lost(server: Server, encoder: SentenceEncoder) -> None:
    texts = [f"{text} {number}" for number in range(30) for text in TEXTS]
    expected = encoder.encode(texts)

    def client(first: int) -> list[bool]:
        connection, right = server.connection(), []
        for index in range(first, len(texts), 32):
            connection.request("POST", PATH, json.dumps({"input": texts[index]}))
            response = connection.getresponse()
            found = vectors(json.loads(response.read()))
            right.append(bool(response.status == 200 and (found[0] == expected[index]).all()))
        connection.close()
        return right

    with ThreadPoolExecutor(32) as clients:
        right = [each for answers in clients.map(client, range(32)) for each in answers]
    assert right == [True] * len(texts)


def test_a_request_in_flight_is_answered_before_the_server_ends(artifact: Path, encoder: SentenceEncoder) -> None:
    body = json.dumps({"input": list(TEXTS)}).encode()
    with running(artifact) as server, started_request(server, body) as client:
        server.process.send_signal(signal.SIGTERM)
        while accepts_connections(server):
            time.sleep(0.01)
        client.sendall(body)
        status, answer = answer_on(client)
        assert status == 200
        assert (vectors(answer) == encoder.encode(TEXTS)).all()
        assert server.process.wait(timeout=30) in (0, -signal.SIGTERM)
        assert server.stop() in (0, -signal.SIGTERM)
    assert "Finished server process" in "".join(server.log)


def accepts_connections(server: Server) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_server_without_an_artifact_says_so_in_one_sentence_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError, match="ended with 3") as wrong:
        Server(tmp_path / "nothing")
    assert re.search(
        rf"ERROR: +set BIOBERT_ONNX_ARTIFACT to the folder of an artifact \(it is '{tmp_path}/nothing'\): "
        r"no artifact folder at .*nothing': make one with the command 'biobert-onnx export CHECKPOINT FOLDER'\n",
        str(wrong.value),
    )
    assert "Traceback" not in str(wrong.value)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        RuntimeError, match=r"ERROR: +set BIOBERT_ONNX_ARTIFACT .* \(it is not set\): no artifact folder"
    ):
        Server(None)


def test_openais_client_gets_the_encoders_vectors(server: Server, encoder: SentenceEncoder) -> None:
    openai = pytest.importorskip("openai", reason="needs the extra 'interop'")
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="none", max_retries=0) as client:
        found = client.embeddings.create(model="any", input=list(TEXTS))
        as_numbers = client.embeddings.create(model="any", input=TEXTS[0], encoding_format="float", dimensions=5)
        with pytest.raises(openai.BadRequestError, match=r"input\[0\] has too many tokens, expected at most"):
            client.embeddings.create(model="any", input="word " * 600)
        windows = client.embeddings.create(model="any", input="word " * 600, extra_body={"long_texts": "window"})
    assert (np.array([item.embedding for item in found.data], dtype=np.float32) == encoder.encode(TEXTS)).all()
    assert found.usage.total_tokens == encoder.token_counts(TEXTS).sum()
    expected = encoder.encode(TEXTS[:1], truncate_dim=5)
    assert (np.array(as_numbers.data[0].embedding, dtype=np.float32) == expected).all()
    assert len(windows.data[0].embedding) == encoder.dim
