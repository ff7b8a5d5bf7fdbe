"""Checkpoints from the Hugging Face Hub: by its own client, from a server on loopback that speaks its protocol."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "someone/tiny-bert"
BIOBERT = "dmis-lab/biobert-v1.1"
TOKEN = "hf_not_a_real_token"

READ = """
import json, sys
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.errors import CheckpointError
try:
    options = dict(zip(("revision", "token"), sys.argv[2:]))
    print(json.dumps(Checkpoint.read(sys.argv[1], **options).identity()))
except CheckpointError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def hub(tiny_checkpoint: Path) -> Iterator[str]:
    """The address of a Hub of three repositories, each the tiny checkpoint and a file that nobody needs.

    One of them has a branch `old`, one wants a token.
    """
    repositories = {REPOSITORY: ("main", "old"), BIOBERT: ("main",), "someone/gated": ("main",)}
    files = {path.name: path.read_bytes() for path in tiny_checkpoint.iterdir()} | {"flax_model.msgpack": b"unneeded"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(body=True)

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            repository = "/".join(path.removeprefix("/api/models").split("/")[1:3])
            name = path.removeprefix(f"/{repository}/resolve/{COMMIT}/")
            place = path.removeprefix(f"/api/models/{repository}")
            revisions = ("", *(f"/revision/{revision}" for revision in repositories.get(repository, ())))
            if repository not in repositories:
                self.reply(404, b"", body=body, code="RepoNotFound")
            elif repository == "someone/gated" and self.headers["Authorization"] != f"Bearer {TOKEN}":
                self.reply(403, b"", body=body, code="GatedRepo")
            elif path.startswith("/api/models") and place in revisions:
                siblings = [{"rfilename": name} for name in files]
                self.reply(200, json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode(), body=body)
            elif name in files and name != "flax_model.msgpack":
                self.reply(200, files[name], body=body)
            else:
                self.reply(404, b"", body=body, code="RevisionNotFound")

        def reply(self, status: int, content: bytes, *, body: bool, code: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            if code:
                self.send_header("X-Error-Code", code)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def read(checkpoint: str, cache: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`Checkpoint.read` in a process of its own: the Hub's client reads its environment when it is imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    command = [sys.executable, "-c", READ, checkpoint, *options]
    environment |= {"HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=kept | environment)


def test_a_hub_id_is_downloaded_once_and_its_commit_recorded(hub: str, tmp_path: Path) -> None:
    done = read(REPOSITORY, tmp_path, HF_ENDPOINT=hub)
    assert done.returncode == 0, done.stderr
    identity = json.loads(done.stdout)
    assert (identity["source"], identity["revision"]) == (REPOSITORY, COMMIT)
    assert {path.name for path in (tmp_path / "models--someone--tiny-bert" / "snapshots" / COMMIT).iterdir()} == {
        "config.json",
        "model.safetensors",
        "vocab.txt",
    }
    offline = read(REPOSITORY, tmp_path, HF_HUB_OFFLINE="1")
    assert json.loads(offline.stdout) == identity


def test_an_unknown_hub_id_is_refused_in_one_sentence(hub: str, tmp_path: Path) -> None:
    done = read("someone/else", tmp_path, HF_ENDPOINT=hub)
    assert "the Hub refuses 'someone/else'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_hub_without_a_cached_copy_says_so(tmp_path: Path) -> None:
    done = read(REPOSITORY, tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert "the Hugging Face Hub cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_models_name_stands_for_its_hub_id_and_is_recorded(hub: str, tmp_path: Path) -> None:
    for name in ("sent_biobert_pubmed_base_cased", "biobert-v1.1", BIOBERT):
        identity = json.loads(read(name, tmp_path, HF_ENDPOINT=hub).stdout)
        assert (identity["source"], identity["revision"]) == (BIOBERT, COMMIT)
        assert identity["model"] == "sent_biobert_pubmed_base_cased"
    offline = read("sent_biobert_pubmed_base_cased", tmp_path, HF_HUB_OFFLINE="1")
    assert json.loads(offline.stdout) == identity


def test_a_revision_is_asked_for_and_its_commit_recorded(hub: str, tmp_path: Path) -> None:
    done = read(REPOSITORY, tmp_path, "old", HF_ENDPOINT=hub)
    assert json.loads(done.stdout)["revision"] == COMMIT, done.stderr
    unknown = read(REPOSITORY, tmp_path, "never", HF_ENDPOINT=hub)
    assert f"the Hub refuses '{REPOSITORY}'" in unknown.stderr


def test_a_token_opens_a_gated_repository(hub: str, tmp_path: Path) -> None:
    refused = read("someone/gated", tmp_path, HF_ENDPOINT=hub)
    assert "check the id, revision= and token=" in refused.stderr
    done = read("someone/gated", tmp_path, "main", TOKEN, HF_ENDPOINT=hub)
    assert json.loads(done.stdout)["source"] == "someone/gated", done.stderr


def test_a_name_without_a_hub_id_says_where_to_download_it(tmp_path: Path) -> None:
    done = read("sent_biobert_pmc_base_cased", tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert (
        "'sent_biobert_pmc_base_cased' is BioBERT-Base v1.0 (+ PMC 270K), which is not on the Hub: download "
        "biobert_v1.0_pmc from the releases of github.com/naver/biobert-pretrained, and give its path"
    ) in done.stderr
