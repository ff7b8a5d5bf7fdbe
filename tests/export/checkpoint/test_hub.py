"""Checkpoints from the Hugging Face Hub: by its own client, from a server on loopback that speaks its protocol."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from transformers import BertModel

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
    files = {path.name: path.read_bytes() for path in tiny_checkpoint.iterdir()} | {"flax_model.msgpack": b"unneeded"}
    repositories = {REPOSITORY: files, BIOBERT: files, "someone/gated": files}
    with served(repositories) as address:
        yield address


@contextmanager
def served(repositories: Mapping[str, Mapping[str, bytes]]) -> Iterator[str]:
    """The address of a Hub of these repositories, each with its files by their paths."""
    branches = {repository: ("main", "old") if repository == REPOSITORY else ("main",) for repository in repositories}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(body=True)

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def answer(self, *, body: bool) -> None:
            path = unquote(self.path.partition("?")[0])
            repository = "/".join(path.removeprefix("/api/models").split("/")[1:3])
            name = path.removeprefix(f"/{repository}/resolve/{COMMIT}/")
            place = path.removeprefix(f"/api/models/{repository}")
            revisions = ("", *(f"/revision/{revision}" for revision in branches.get(repository, ())))
            files = repositories.get(repository, {})
            if repository not in repositories:
                self.reply(404, b"", body=body, code="RepoNotFound")
            elif repository == "someone/gated" and self.headers["Authorization"] != f"Bearer {TOKEN}":
                self.reply(403, b"", body=body, code="GatedRepo")
            elif path.startswith("/api/models") and place in revisions:
                siblings = [{"rfilename": name} for name in files]
                self.reply(200, json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode(), body=body)
            elif name in files and files[name] != b"unneeded":
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


def read(
    checkpoint: str, cache: Path, *options: str, program: str = READ, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`Checkpoint.read` in a process of its own: the Hub's client reads its environment when it is imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    command = [sys.executable, "-c", program, checkpoint, *options]
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


DOWNLOAD = """
import sys
from pathlib import Path
from biobert_onnx_export.checkpoint.hub import download_snapshot
from biobert_onnx_export.errors import CheckpointError
try:
    folder = download_snapshot(sys.argv[1], revision=None, token=None)
except CheckpointError as error:
    sys.exit(str(error))
print(*sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()), sep="\\n")
"""


def downloaded(files: Mapping[str, bytes], cache: Path) -> list[str]:
    """The files that an export takes from a repository of `files`."""
    with served({REPOSITORY: files}) as address:
        done = read(REPOSITORY, cache, HF_ENDPOINT=address, program=DOWNLOAD)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def unneeded(*names: str) -> dict[str, bytes]:
    """Files that cannot be downloaded."""
    return dict.fromkeys(names, b"unneeded")


def needed(*names: str) -> dict[str, bytes]:
    return {name: name.encode() for name in names}


TOKENIZER = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json")
OTHERS = unneeded("README.md", ".gitattributes", "onnx/model.onnx", "tf_model.h5", "flax_model.msgpack", "chat.jinja")


def modules(*paths: str) -> dict[str, bytes]:
    return {"modules.json": json.dumps([{"path": path, "type": "models.Any"} for path in paths]).encode()}


def index(name: str, *shards: str) -> dict[str, bytes]:
    weight_map = {str(number): shard for number, shard in enumerate(shards)}
    return {name: json.dumps({"weight_map": weight_map}).encode()}


SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
SAFE_INDEX = "model.safetensors.index.json"
BIN_INDEX = "pytorch_model.bin.index.json"


@pytest.mark.parametrize(
    ("files", "others"),
    [
        pytest.param(
            needed("config.json", *TOKENIZER, "model.safetensors"),
            unneeded("pytorch_model.bin", "other/config.json", "1_Pooling/config.json", "model.fp16.safetensors"),
            id="one kind of weights",
        ),
        pytest.param(needed("config.json", "vocab.txt", "pytorch_model.bin"), {}, id="a pickle"),
        pytest.param(
            needed("config.json", "vocab.txt", *SHARDS) | index(SAFE_INDEX, *SHARDS),
            unneeded("pytorch_model.bin", "model-00003-of-00003.safetensors"),
            id="shards",
        ),
        pytest.param(
            needed("config.json", "a.bin", "parts/b.bin") | index(BIN_INDEX, "a.bin", "parts/b.bin"),
            unneeded("c.bin"),
            id="shards of pickles",
        ),
        pytest.param(
            needed("bert_config.json", "vocab.txt", "model.ckpt-9.index", "model.ckpt-9.data-00000-of-00001"),
            unneeded("model.ckpt-9.meta", "checkpoint"),
            id="TensorFlow",
        ),
        pytest.param(
            modules("", "1_Pooling", "2_Normalize")
            | needed("config.json", "vocab.txt", "model.safetensors", "1_Pooling/config.json")
            | needed("config_sentence_transformers.json", "sentence_bert_config.json"),
            unneeded("3_Dense/config.json", "3_Dense/model.safetensors"),
            id="sentence-transformers",
        ),
        pytest.param(
            modules("0_Transformer", "1_Pooling", "2_Dense/", "./3_Dense")
            | needed("config_sentence_transformers.json", "0_Transformer/config.json", "0_Transformer/vocab.txt")
            | needed("0_Transformer/pytorch_model.bin", "0_Transformer/sentence_distilbert_config.json")
            | needed("1_Pooling/config.json", "2_Dense/config.json", "2_Dense/pytorch_model.bin")
            | needed("3_Dense/config.json", "3_Dense/model.safetensors"),
            unneeded("model.safetensors", "3_Dense/pytorch_model.bin", "0_Transformer/onnx/model.onnx"),
            id="modules in folders",
        ),
        pytest.param(
            modules("0_[BERT]")
            | needed("0_[BERT]/config.json", "0_[BERT]/" + SHARDS[0])
            | index("0_[BERT]/" + SAFE_INDEX, SHARDS[0]),
            unneeded("0_B/config.json", "0_[BERT]/pytorch_model.bin"),
            id="shards in a folder with brackets",
        ),
    ],
)
def test_all_that_an_export_reads_is_downloaded_and_nothing_else(
    files: dict[str, bytes], others: dict[str, bytes], tmp_path: Path
) -> None:
    assert downloaded(files | others | OTHERS, tmp_path) == sorted(files)


def test_a_sharded_checkpoint_is_read_from_the_hub_and_then_from_the_cache(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    BertModel.from_pretrained(tiny_checkpoint).save_pretrained(tmp_path / "sharded", max_shard_size="300KB")
    files = {path.name: path.read_bytes() for path in (tmp_path / "sharded").iterdir()}
    files["vocab.txt"] = (tiny_checkpoint / "vocab.txt").read_bytes()
    with served({REPOSITORY: files}) as address:
        done = read(REPOSITORY, tmp_path / "cache", HF_ENDPOINT=address)
    assert json.loads(done.stdout)["weights"] == SAFE_INDEX, done.stderr
    assert json.loads(read(REPOSITORY, tmp_path / "cache", HF_HUB_OFFLINE="1").stdout) == json.loads(done.stdout)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (index(SAFE_INDEX, "../../escaped"), "outside of its own folder"),
        ({SAFE_INDEX: b"{}"}, "has weight_map None"),
        ({"modules.json": b"<html>Sign in</html>"}, "a web page that begins with 'Sign in'"),
    ],
)
def test_a_damaged_list_of_files_is_named_and_not_taken_for_an_unreachable_hub(
    files: dict[str, bytes], message: str, tmp_path: Path
) -> None:
    with served({REPOSITORY: files}) as address:
        done = read(REPOSITORY, tmp_path, HF_ENDPOINT=address, program=DOWNLOAD)
    assert message in done.stderr and "Traceback" not in done.stderr and "reached" not in done.stderr
