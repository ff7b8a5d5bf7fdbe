"""Checkpoints from the Hugging Face Hub: by its own client, from a Hub on loopback that speaks its protocol."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from transformers import BertModel

from tests.support.hub import TOKEN, Hub, contents, run_with_hub, running_hub

REPOSITORY = "someone/tiny-bert"
BIOBERT = "dmis-lab/biobert-v1.1"
OFFLINE = {"HF_HUB_OFFLINE": "1"}
UNREACHABLE = {"HF_ENDPOINT": "http://127.0.0.1:9"}

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
def hub() -> Iterator[Hub]:
    """A Hub without repositories."""
    with running_hub() as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.fixture(scope="module")
def tiny_files(tiny_checkpoint: Path) -> dict[str, bytes]:
    """The files of the tiny checkpoint, and one that nobody needs."""
    return contents(tiny_checkpoint) | {"flax_model.msgpack": b"unneeded"}


def read(
    checkpoint: str, cache: Path, environment: Mapping[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    """`Checkpoint.read` in a process of its own."""
    return run_with_hub(READ, checkpoint, *options, cache=cache, **environment)


def identity(checkpoint: str, cache: Path, environment: Mapping[str, str], *options: str) -> dict[str, str | None]:
    """The identity of the checkpoint that was read."""
    done = read(checkpoint, cache, environment, *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


def refused(checkpoint: str, cache: Path, environment: Mapping[str, str], *options: str) -> str:
    """The error of a checkpoint that cannot be read."""
    done = read(checkpoint, cache, environment, *options)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    return done.stderr.strip()


def at(hub: Hub) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.address}


def commit(hub: Hub, repository: str, branch: str = "main") -> str:
    return hub.repositories[repository].branches[branch]


def test_a_hub_id_is_downloaded_once_and_its_commit_recorded(
    hub: Hub, tiny_files: dict[str, bytes], cache: Path
) -> None:
    hub.add(REPOSITORY, tiny_files)
    online = identity(REPOSITORY, cache, at(hub))
    assert (online["source"], online["revision"]) == (REPOSITORY, commit(hub, REPOSITORY))
    assert hub.downloaded() == {"config.json", "model.safetensors", "vocab.txt"}
    snapshot = cache / "models--someone--tiny-bert" / "snapshots" / commit(hub, REPOSITORY)
    assert {path.name for path in snapshot.iterdir()} == hub.downloaded()
    hub.requests.clear()
    assert identity(REPOSITORY, cache, at(hub)) == online
    assert hub.downloaded() == set()


@pytest.mark.parametrize(("environment", "revision"), [(OFFLINE, "main"), (UNREACHABLE, "old")])
def test_without_the_hub_the_cached_snapshot_is_read(
    hub: Hub, tiny_files: dict[str, bytes], cache: Path, environment: dict[str, str], revision: str
) -> None:
    hub.add(REPOSITORY, tiny_files).commit("old", tiny_files | {"README.md": b"older"})
    online = identity(REPOSITORY, cache, at(hub), revision)
    assert identity(REPOSITORY, cache, environment, revision) == online


def test_a_hub_that_cannot_answer_now_is_as_one_that_is_not_there(
    hub: Hub, tiny_files: dict[str, bytes], cache: Path
) -> None:
    hub.add(REPOSITORY, tiny_files)
    online = identity(REPOSITORY, cache, at(hub))
    hub.status = 503
    assert identity(REPOSITORY, cache, at(hub)) == online
    message = refused("someone/new", cache, at(hub))
    assert message.startswith("'someone/new': the Hugging Face Hub cannot be reached (") and "503 S" in message


def test_an_unknown_hub_id_is_refused_in_one_sentence(hub: Hub, cache: Path) -> None:
    message = refused("someone/else", cache, at(hub))
    assert message.startswith("the Hub refuses 'someone/else' (RepositoryNotFoundError: ")
    assert message.endswith("): check the id, revision= and token=")


@pytest.mark.parametrize(
    ("files", "remedy"),
    [
        ({}, "give the id of a checkpoint of BERT or a related encoder"),
        ({"README.md": b"a data set"}, "give the id of a checkpoint of BERT or a related encoder"),
        ({"manifest.json": b"{}", "vocab.txt": b""}, "it is an artifact, which SentenceEncoder.from_hub loads"),
    ],
)
def test_a_repository_without_a_checkpoint_is_named(
    hub: Hub, files: dict[str, bytes], remedy: str, cache: Path
) -> None:
    hub.add(REPOSITORY, files)
    assert refused(REPOSITORY, cache, at(hub)) == (
        f"'{REPOSITORY}' on the Hub holds none of config.json, bert_config.json, modules.json: {remedy}"
    )


def test_an_unreachable_hub_without_a_cached_copy_says_so(cache: Path) -> None:
    message = refused(REPOSITORY, cache, UNREACHABLE)
    assert message.startswith(f"'{REPOSITORY}': the Hugging Face Hub cannot be reached (Connect")
    assert message.endswith("): no folder of this name is here; download the checkpoint elsewhere and give its folder")


def test_a_models_name_stands_for_its_hub_id_and_is_recorded(
    hub: Hub, tiny_files: dict[str, bytes], cache: Path
) -> None:
    hub.add(BIOBERT, tiny_files)
    for name in ("sent_biobert_pubmed_base_cased", "biobert-v1.1", BIOBERT):
        online = identity(name, cache, at(hub))
        assert (online["source"], online["revision"]) == (BIOBERT, commit(hub, BIOBERT))
        assert online["model"] == "sent_biobert_pubmed_base_cased"
    assert identity("sent_biobert_pubmed_base_cased", cache, OFFLINE) == online


def test_a_revision_is_asked_for_and_its_commit_recorded(hub: Hub, tiny_files: dict[str, bytes], cache: Path) -> None:
    old = hub.add(REPOSITORY, tiny_files).commit("old", tiny_files | {"README.md": b"older"})
    assert identity(REPOSITORY, cache, at(hub), "old")["revision"] == old
    assert identity(REPOSITORY, cache, at(hub), old)["revision"] == old
    assert identity(REPOSITORY, cache, at(hub))["revision"] == commit(hub, REPOSITORY) != old
    message = refused(REPOSITORY, cache, at(hub), "never")
    assert message.startswith(f"the Hub refuses '{REPOSITORY}' (RevisionNotFoundError: ")


@pytest.mark.parametrize("kind", ["gated", "private"])
def test_a_token_opens_a_repository_that_is_not_for_all(
    hub: Hub, tiny_files: dict[str, bytes], cache: Path, kind: str
) -> None:
    hub.add("someone/closed", tiny_files, **{kind: True})
    message = refused("someone/closed", cache, at(hub))
    assert message.startswith("the Hub refuses 'someone/closed' (")
    assert message.endswith("): check the id, revision= and token=")
    assert identity("someone/closed", cache, at(hub), "main", TOKEN)["source"] == "someone/closed"


def test_a_name_without_a_hub_id_says_where_to_download_it(cache: Path) -> None:
    assert (
        "'sent_biobert_pmc_base_cased' is BioBERT-Base v1.0 (+ PMC 270K), which is not on the Hub: download "
        "biobert_v1.0_pmc from the releases of github.com/naver/biobert-pretrained, and give its path"
    ) in refused("sent_biobert_pmc_base_cased", cache, UNREACHABLE)


DOWNLOAD = """
import sys
from pathlib import Path
from biobert_onnx_export.checkpoint.hub import download_snapshot
from biobert_onnx_export.errors import CheckpointError
for repository in sys.argv[1:]:
    try:
        folder = download_snapshot(repository, revision=None, token=None)
    except CheckpointError as error:
        sys.exit(str(error))
    print(*sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))
"""


def snapshots(cache: Path, environment: Mapping[str, str], *repositories: str) -> list[list[str]]:
    """The files of the snapshot that an export of each repository would read."""
    done = run_with_hub(DOWNLOAD, *repositories, cache=cache, **environment)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def unneeded(*names: str) -> dict[str, bytes]:
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
    hub: Hub, files: dict[str, bytes], others: dict[str, bytes], cache: Path
) -> None:
    hub.add(REPOSITORY, files | others | OTHERS)
    assert snapshots(cache, at(hub), REPOSITORY) == [sorted(files)]
    assert hub.downloaded() == files.keys()


def test_a_snapshot_of_every_layout_is_found_without_the_hub(hub: Hub, cache: Path) -> None:
    repositories = {
        "someone/pytorch": needed("config.json", "vocab.txt", "model.safetensors"),
        "someone/tensorflow": needed("bert_config.json", "vocab.txt", "m.ckpt.index", "m.ckpt.data-00000-of-00001"),
        "someone/modules": modules("0_BERT") | needed("0_BERT/config.json", "0_BERT/pytorch_model.bin"),
    }
    for name, files in repositories.items():
        hub.add(name, files | OTHERS)
    online = snapshots(cache, at(hub), *repositories)
    assert online == [sorted(files) for files in repositories.values()]
    assert snapshots(cache, OFFLINE, *repositories) == online


def test_a_sharded_checkpoint_is_read_from_the_hub_and_then_from_the_cache(
    hub: Hub, tiny_checkpoint: Path, cache: Path, tmp_path: Path
) -> None:
    BertModel.from_pretrained(tiny_checkpoint).save_pretrained(tmp_path / "sharded", max_shard_size="300KB")
    vocabulary = {"vocab.txt": (tiny_checkpoint / "vocab.txt").read_bytes()}
    hub.add(REPOSITORY, contents(tmp_path / "sharded") | vocabulary)
    online = identity(REPOSITORY, cache, at(hub))
    assert online["weights"] == SAFE_INDEX
    assert identity(REPOSITORY, cache, OFFLINE) == online


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (index(SAFE_INDEX, "../../escaped"), "outside of its own folder"),
        ({SAFE_INDEX: b"{}"}, "has weight_map None"),
        ({"modules.json": b"<html>Sign in</html>"}, "a web page that begins with 'Sign in'"),
    ],
)
def test_a_damaged_list_of_files_is_named_and_not_taken_for_an_unreachable_hub(
    hub: Hub, files: dict[str, bytes], message: str, cache: Path
) -> None:
    hub.add(REPOSITORY, needed("config.json") | files)
    done = run_with_hub(DOWNLOAD, REPOSITORY, cache=cache, **at(hub))
    assert message in done.stderr and "Traceback" not in done.stderr and "reached" not in done.stderr
