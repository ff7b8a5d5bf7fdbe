"""What operators see: health, readiness, the key, ids of requests, metrics, the log; and servers that cannot start."""

import re
from pathlib import Path

import pytest

from biobert_onnx import SentenceEncoder
from tests.support.engines import NO_KERNELS, WITHOUT_KERNELS, each_engine
from tests.support.servers import EMBEDDINGS, Server, running, vectors
from tests.support.texts import TEXTS


def test_health_says_what_is_served(server: Server, encoder: SentenceEncoder) -> None:
    status, answer = server.get("/health")
    manifest = encoder.manifest
    assert status == 200
    assert answer == {"status": "ok", "model": manifest.name, "dim": manifest.dim, "precision": manifest.precision}


@each_engine
def test_info_names_what_computes_the_vectors(artifact: Path, engine: str) -> None:
    expected = SentenceEncoder(artifact, engine=engine)
    with running(artifact, BIOBERT_ONNX_ENGINE=engine) as server:
        status, answer = server.get("/info")
        found = vectors(server.ask({"input": list(TEXTS)})[1])
    assert status == 200
    assert (
        answer.items()
        >= {
            "model": expected.manifest.name,
            "dim": expected.dim,
            "precision": "int8",
            "pooling": "mean",
            "unit_length": False,
            "max_length": expected.max_length,
            "engine": engine,
            "kernel": expected.kernel,
            "model_id": expected.manifest.name,
            "max_input_length": expected.max_length,
            "max_client_batch_size": 2048,
            "max_concurrent_requests": 256,
        }.items()
    )
    assert (found == expected.encode(TEXTS, normalize_embeddings=True)).all()


def test_an_engine_that_is_not_set_is_chosen(server: Server, encoder: SentenceEncoder) -> None:
    assert server.get("/info")[1]["engine"] == encoder.engine


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
        Server(artifact, command=None, **variables)
    assert f"ERROR:    {message.replace('<artifact>', str(artifact))}\n" in str(wrong.value)
    assert "Traceback" not in str(wrong.value)


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


def test_ping_and_readiness(server: Server) -> None:
    assert server.respond("GET", "/ping")[::2] == (200, b"")
    assert server.get("/ready") == (200, {"status": "ready"})


def test_other_paths_and_methods_are_told_where_all_are_described(server: Server) -> None:
    assert server.refusal({}, "POST", "/v1/chat")[0] == 404
    status, message = server.refusal(b"", "GET")
    assert status == 405
    assert message == "GET /v1/embeddings: Method Not Allowed, expected a route that GET /openapi.json describes"


@pytest.mark.parametrize(
    ("given", "is_taken"), [("a-Sane.id_1", True), ("x" * 128, True), ("x" * 129, False), ("two words", False)]
)
def test_every_answer_has_an_id_the_clients_own_if_it_is_sane(server: Server, given: str, is_taken: bool) -> None:
    for path in ("/health", "/nothing"):
        _, headers, _ = server.respond("GET", path, headers={"X-Request-Id": given})
        assert (headers["x-request-id"] == given) is is_taken
        assert re.fullmatch(r"[\w.-]+", headers["x-request-id"])


def test_metrics_count_requests_errors_texts_tokens_and_cut_texts(artifact: Path, encoder: SentenceEncoder) -> None:
    with running(artifact) as server:
        assert server.ask({"input": [*TEXTS, "word " * 600], "long_texts": "truncate"})[0] == 200
        assert server.ask({"input": 5})[0] == 400
        assert server.respond("GET", "/wp-login.php")[0] == 404
        status, headers, text = server.respond("GET", "/metrics")
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/plain")
    found = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
    tokens = int(encoder.token_counts(TEXTS).sum()) + encoder.max_length
    name = encoder.manifest.name
    expected = {
        'requests_total{route="/v1/embeddings",status="200"}': 1,
        'requests_total{route="/v1/embeddings",status="400"}': 1,
        'requests_total{route="other",status="404"}': 1,
        'errors_total{route="/v1/embeddings"}': 1,
        'request_seconds_count{route="/v1/embeddings"}': 2,
        f'texts_total{{model="{name}"}}': len(TEXTS) + 1,
        f'tokens_total{{model="{name}"}}': tokens,
        "cut_texts_total": 1,
        "requests_in_flight": 0,
        "requests_waiting": 0,
    }
    assert {key: float(found[f"biobert_onnx_{key}"]) for key in expected} == expected


def test_a_key_is_asked_where_one_is_set(artifact: Path) -> None:
    right, wrong = {"Authorization": "Bearer secret"}, {"Authorization": "Bearer secres"}
    with running(artifact, BIOBERT_ONNX_API_KEY="secret") as server:
        assert server.get("/health")[0] == server.get("/ready")[0] == 200
        for headers in ({}, wrong, {"Authorization": "Basic secret"}):
            status, answered, _ = server.respond("POST", EMBEDDINGS, {"input": "a"}, headers)
            assert (status, answered["www-authenticate"]) == (401, "Bearer")
        assert server.respond("GET", "/metrics")[0] == server.get("/info")[0] == 401
        status, answer = server.ask({"inputs": "a"}, path="/embed")
        assert (status, answer["error_type"]) == (401, "Unauthorized")
        assert server.ask({"input": "a"})[1]["error"]["code"] == "invalid_api_key"
        assert server.respond("POST", EMBEDDINGS, {"input": "a"}, right)[0] == 200
    assert "secret" not in "".join(server.log)
