"""`biobert-onnx serve`: what it says, what it refuses, how it ends, and several processes."""

import json
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.artifact.paths import WEIGHTS
from biobert_onnx.cli.main import main
from tests.support.damage import copied, emptied
from tests.support.servers import EMBEDDINGS, Server, running, vectors
from tests.support.texts import TEXTS


def test_it_says_its_settings_serves_and_ends_well(artifact: Path, encoder: SentenceEncoder) -> None:
    options = ["--long-texts", "truncate", "--no-normalize", "--api-key", "secret", "--queue", "9"]
    with running(artifact, command=options) as server:
        headers = {"Authorization": "Bearer secret", "X-Request-Id": "my-id"}
        body = {"input": [*TEXTS, "word " * 600]}
        status, _, content = server.respond("POST", f"{EMBEDDINGS}?text=private", body, headers)
        assert server.stop() == 0
    assert status == 200
    assert (vectors(json.loads(content))[:-1] == encoder.encode(TEXTS)).all()
    said = "".join(server.log)
    for line in ("LONG_TEXTS=truncate", "NORMALIZE=0", "QUEUE=9", "API_KEY=(set)", f"ARTIFACT={artifact}"):
        assert f"BIOBERT_ONNX_{line}\n" in said
    assert f"model {encoder.manifest.name}: int8, {encoder.dim} dimensions, engine {encoder.engine}" in said
    assert re.search(rf"127\.0\.0\.1:\d+ POST {EMBEDDINGS} 200 \d+\.\d ms {len(TEXTS) + 1} texts my-id\n", said)
    assert said.endswith("ended\n")
    assert not re.search("secret|private|word|Traceback|[Ww]arning", said)


def test_a_request_that_takes_too_long_does_not_hold_the_end_up(artifact: Path) -> None:
    body = json.dumps({"input": ["a text " * 280 + str(number) for number in range(2000)], "long_texts": "window"})
    with running(artifact, command=["--graceful-s", "1"]) as server, ThreadPoolExecutor(1) as client:
        answer = client.submit(server.respond, "POST", EMBEDDINGS, body.encode())
        while not re.search(rb"in_flight 1", server.respond("GET", "/metrics")[2]):
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert server.stop() == 0
        status, _, content = answer.result()
    assert status in (200, 503)
    if status == 503:
        assert json.loads(content)["error"]["code"] == "server_closing"
    assert "Traceback" not in "".join(server.log)


def test_several_artifacts_are_chosen_by_name(artifact: Path, prompted_artifact: Path) -> None:
    with running(artifact, command=["--artifact", f"other={prompted_artifact}"]) as server:
        names = [model["id"] for model in server.get("/v1/models")[1]["data"]]
        assert names == [artifact.name, "other"]
        assert server.ask({"input": "a", "model": "other"})[1]["model"] == "other"


def test_workers_count_together(artifact: Path) -> None:
    with running(artifact, command=["--workers", "2", "--log-level", "warning"]) as server:
        for _ in range(20):
            assert server.ask({"input": "a"})[0] == 200
        text = server.respond("GET", "/metrics")[2].decode()
        assert 'biobert_onnx_requests_total{route="/v1/embeddings",status="200"} 20.0\n' in text
        assert server.stop() == 0
    assert "Traceback" not in "".join(server.log)


def test_a_port_that_is_taken_is_one_sentence(artifact: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match="ended with 1") as wrong:
            Server(artifact, command=["--port", str(port)])
    assert (
        f"biobert-onnx: error: cannot listen on 127.0.0.1:{port} (Address already in use): choose another --host or "
        "--port; --port 0 takes a free one\n"
    ) in str(wrong.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "70000"], "argument --port: it is '70000', expected a whole number from 0 to 65,535"),
        (["--queue", "0"], "argument --queue: it is '0', expected a whole number from 1 to"),
        (["--timeout-s", "soon"], "argument --timeout-s: it is 'soon', expected seconds above 0"),
        (["--artifact", "nothing"], "argument --artifact: 'nothing' has no name: give NAME=PATH"),
        (["--artifact", "a=/nothing"], "argument --artifact: no such folder: '/nothing'"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    artifact: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["serve", str(artifact), *options])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_a_damaged_artifact_is_named_as_it_was_given(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = copied(artifact, tmp_path / "bad")
    emptied(bad / WEIGHTS)
    assert main(["serve", str(bad), "--port", "0"]) == 1
    assert capsys.readouterr().err.startswith(f"biobert-onnx: error: '{bad / WEIGHTS}' has 0 bytes")
    assert main(["serve", str(artifact), "--artifact", f"other={bad}", "--port", "0"]) == 1
    assert capsys.readouterr().err.startswith(f"biobert-onnx: error: '{bad / WEIGHTS}' has 0 bytes")
    assert main(["serve", str(artifact), "--max-length", "99999", "--port", "0"]) == 2
    assert capsys.readouterr().err.startswith("biobert-onnx: error: --max-length is 99999, expected")


def test_wrong_variables_and_keys_are_one_sentence(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text("a\u00e9\n", encoding="utf-8")
    assert main(["serve", str(artifact), "--api-key-file", str(key)]) == 2
    assert f"--api-key-file '{key}' holds no key, expected printable ASCII" in capsys.readouterr().err
    key.write_bytes(b"\xff")
    for path, reason in ((key, "it is no UTF-8 text"), (tmp_path, "Is a directory"), (tmp_path / "x", "No such file")):
        assert main(["serve", str(artifact), "--api-key-file", str(path)]) == 2
        said = capsys.readouterr().err
        assert f"error: --api-key-file '{path}' cannot be read ({reason}" in said
        assert said.endswith("): name a file that holds the key\n")
    key.write_text("secret\n", encoding="utf-8")
    assert main(["serve", str(artifact), "--api-key-file", str(key), "--api-key", "other"]) == 2
    assert "--api-key and --api-key-file both give a key: leave one out" in capsys.readouterr().err
    assert main(["serve", str(artifact), "--artifact", f"{artifact.name}={artifact}"]) == 2
    assert f"--artifact names '{artifact.name}' twice" in capsys.readouterr().err
    monkeypatch.setenv("BIOBERT_ONNX_QUEUE", "many")
    assert main(["serve", str(artifact)]) == 2
    assert "error: BIOBERT_ONNX_QUEUE is 'many', expected a whole number" in capsys.readouterr().err
