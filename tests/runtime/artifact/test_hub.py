"""Artifacts from the Hugging Face Hub and onto it, with its own client, on a Hub on loopback."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder
from biobert_onnx.artifact import hub as hub_module
from biobert_onnx.artifact.hub import HubUnreachableError, first_answer, push_artifact
from tests.support.damage import copied, edit_manifest
from tests.support.engines import needs_kernels
from tests.support.hub import TOKEN, Hub, contents, run_with_hub, running_hub
from tests.support.packed_artifacts import packed
from tests.support.pages import PROJECT, blocks

pytest.importorskip("huggingface_hub")

CONNECTION_ERROR = "ConnectionError" if version("huggingface_hub").startswith("0.") else "ConnectError"
"""What requests calls it, and from huggingface_hub 1 on httpx."""

REPOSITORY = "someone/tiny"
UNREACHABLE = {"HF_ENDPOINT": "http://127.0.0.1:9"}
OFFLINE = {"HF_HUB_OFFLINE": "1"}

LOAD = """
import json, sys
from biobert_onnx import ArtifactError, SentenceEncoder
options = json.loads(sys.argv[2])
try:
    with SentenceEncoder.from_hub(sys.argv[1], **options) as encoder:
        vector = encoder.encode(["a text"])[0].tolist()
        print(json.dumps([repr(encoder), encoder.max_length, vector]))
except (ArtifactError, ValueError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""

PUSH = "import sys; from biobert_onnx.cli.main import main; sys.exit(main(['push', *sys.argv[1:]]))"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub without repositories."""
    with running_hub() as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


def load(
    cache: Path, repository: str = REPOSITORY, environment: dict[str, str] | None = None, **options: object
) -> tuple[str, int, list[float]]:
    """What an encoder of the repository says of itself, its max_length, and a text's vector."""
    done = run_with_hub(LOAD, repository, json.dumps(options), cache=cache, **(environment or {}))
    assert done.returncode == 0, done.stderr
    shown, max_length, vector = json.loads(done.stdout)
    return shown, max_length, vector


def refused(cache: Path, repository: str, environment: dict[str, str], **options: object) -> str:
    """The error of `from_hub`."""
    done = run_with_hub(LOAD, repository, json.dumps(options), cache=cache, **environment)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    return done.stderr.strip()


def push(hub: Hub, cache: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    # the storage that is newer than LFS has no server on loopback
    return run_with_hub(
        PUSH, *arguments, "--token", TOKEN, cache=cache, HF_ENDPOINT=hub.address, HF_HUB_DISABLE_XET="1"
    )


def test_from_hub_downloads_the_files_of_the_manifest_and_nothing_else_once(
    hub: Hub, artifact: Path, encoder: SentenceEncoder, cache: Path
) -> None:
    others = {"pytorch_model.bin": b"unneeded", "onnx/model.onnx": b"unneeded", "1_Pooling/notes.txt": b"unneeded"}
    hub.add(REPOSITORY, contents(artifact) | others)
    _, max_length, vector = load(cache, environment={"HF_ENDPOINT": hub.address}, max_length=12)
    assert (max_length, vector) == (12, encoder.encode(["a text"])[0].tolist())
    assert hub.downloaded() == {"manifest.json", *Manifest.read(artifact).files}
    hub.requests.clear()
    assert load(cache, environment={"HF_ENDPOINT": hub.address})[2] == vector
    assert hub.downloaded() == set()


@pytest.mark.parametrize("environment", [UNREACHABLE, OFFLINE], ids=["unreachable", "offline"])
def test_without_the_hub_the_cached_snapshot_is_taken(
    hub: Hub, artifact: Path, cache: Path, environment: dict[str, str]
) -> None:
    hub.add(REPOSITORY, contents(artifact) | {"other.bin": b"unneeded"})
    online = load(cache, environment={"HF_ENDPOINT": hub.address})
    assert load(cache, environment=environment) == online


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_cannot_answer_now_is_as_one_that_is_not_there(
    hub: Hub, artifact: Path, cache: Path, status: int
) -> None:
    hub.add(REPOSITORY, contents(artifact))
    online = load(cache, environment={"HF_ENDPOINT": hub.address})
    hub.status = status
    assert load(cache, environment={"HF_ENDPOINT": hub.address}) == online
    message = refused(cache, "someone/new", {"HF_ENDPOINT": hub.address})
    assert "'someone/new': the Hugging Face Hub cannot be reached (" in message
    assert f"{status} " in message  # the rest of the reason differs between requests and httpx


@pytest.mark.parametrize(
    ("environment", "reason", "connect"),
    [
        (UNREACHABLE, f"the Hugging Face Hub cannot be reached ({CONNECTION_ERROR})", "get a connection"),
        (OFFLINE, "HF_HUB_OFFLINE is set, so the Hugging Face Hub is not asked", "unset HF_HUB_OFFLINE"),
    ],
    ids=["unreachable", "offline"],
)
def test_without_the_hub_and_a_snapshot_one_error_names_repository_reason_and_remedy(
    cache: Path, environment: dict[str, str], reason: str, connect: str
) -> None:
    assert refused(cache, REPOSITORY, environment) == (
        f"HubUnreachableError: 'someone/tiny': {reason}: the cache has not all of it; {connect}, or copy the "
        "artifact's folder here and give its path"
    )


def test_a_snapshot_that_is_not_whole_is_completed_or_named(hub: Hub, artifact: Path, cache: Path) -> None:
    hub.add(REPOSITORY, contents(artifact))
    online = load(cache, environment={"HF_ENDPOINT": hub.address})
    (link,) = cache.glob("models--someone--tiny/snapshots/*/model.onnx_data")
    link.unlink()
    message = refused(cache, REPOSITORY, OFFLINE)
    assert message.startswith("HubError: 'someone/tiny' at ")
    assert "its manifest lists 'model.onnx_data', which is neither in the cache nor to be had: get a conn" in message
    assert load(cache, environment={"HF_ENDPOINT": hub.address}) == online


def test_a_revision_is_that_branchs_or_commits_artifact(hub: Hub, artifact: Path, cache: Path, tmp_path: Path) -> None:
    other = copied(artifact, tmp_path / "artifact")
    edit_manifest(other, "max_length", value=17)
    repository = hub.add(REPOSITORY, contents(artifact))
    commit = repository.commit("short", contents(other))
    environment = {"HF_ENDPOINT": hub.address}
    assert load(cache, environment=environment, revision="short")[1] == 17
    assert load(cache, environment=environment, revision=commit)[1] == 17
    assert load(cache, environment=environment)[1] != 17
    assert load(cache, environment=OFFLINE, revision="short")[1] == 17
    message = refused(cache, REPOSITORY, environment, revision="never")
    assert message.startswith("HubError: the Hub refuses 'someone/tiny' (RevisionNotFoundError: ")
    assert message.endswith("): check the id, revision= and token=")


def test_a_token_opens_a_private_repository(hub: Hub, artifact: Path, cache: Path) -> None:
    hub.add(REPOSITORY, contents(artifact), private=True)
    message = refused(cache, REPOSITORY, {"HF_ENDPOINT": hub.address})
    assert message.startswith("HubError: the Hub refuses 'someone/tiny' (RepositoryNotFoundError: ")
    load(cache, environment={"HF_ENDPOINT": hub.address}, token=TOKEN)


def test_a_cache_of_ones_own_is_used(hub: Hub, artifact: Path, cache: Path, tmp_path: Path) -> None:
    hub.add(REPOSITORY, contents(artifact))
    shown, *_ = load(cache, environment={"HF_ENDPOINT": hub.address}, cache_dir=str(tmp_path / "mine"))
    assert str(tmp_path / "mine" / "models--someone--tiny" / "snapshots") in shown
    assert not cache.exists()
    load(cache, environment=OFFLINE, cache_dir=str(tmp_path / "mine"))


@pytest.mark.parametrize(
    ("files", "what"), [({"config.json": b"{}"}, "a checkpoint"), ({"README.md": b""}, "not an artifact")]
)
def test_a_repository_without_a_manifest_is_named(hub: Hub, cache: Path, files: dict[str, bytes], what: str) -> None:
    hub.add(REPOSITORY, files)
    assert refused(cache, REPOSITORY, {"HF_ENDPOINT": hub.address}) == (
        f"HubError: 'someone/tiny' on the Hub holds no manifest.json, it is {what}: make an artifact with the command "
        "'biobert-onnx export someone/tiny FOLDER', and give FOLDER to SentenceEncoder"
    )
    assert hub.downloaded() == set()


def test_a_manifest_of_a_newer_format_is_refused_before_more_is_downloaded(
    hub: Hub, artifact: Path, cache: Path, tmp_path: Path
) -> None:
    newer = copied(artifact, tmp_path / "artifact")
    edit_manifest(newer, "format", value=3)
    hub.add(REPOSITORY, contents(newer))
    message = refused(cache, REPOSITORY, {"HF_ENDPOINT": hub.address})
    assert message.endswith("the artifact was made by a newer biobert-onnx: upgrade biobert-onnx here")
    assert hub.downloaded() == {"manifest.json"}


def test_a_manifest_that_names_files_outside_gets_none_of_them(
    hub: Hub, artifact: Path, cache: Path, tmp_path: Path
) -> None:
    bad = copied(artifact, tmp_path / "artifact")
    edit_manifest(bad, "files", "../../refs/main", value={"size": 40, "sha256": ""})
    hub.add(REPOSITORY, contents(bad))
    assert "leads outside the folder" in refused(cache, REPOSITORY, {"HF_ENDPOINT": hub.address})
    assert hub.downloaded() == {"manifest.json"}


@pytest.mark.parametrize("repository", ["", "tiny", "./tiny", "a/b/c", "someone/", 7])
def test_what_is_no_id_is_refused_before_the_hub_is_asked(repository: str) -> None:
    with pytest.raises(ValueError, match="expected owner/name on the Hub: for a folder, call SentenceEncoder"):
        SentenceEncoder.from_hub(repository)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"revision": 5}, TypeError, "revision is 5, of type int, expected a branch, tag or commit: leave it out"),
        ({"revision": b"v2"}, TypeError, "revision is b'v2', of type bytes, expected a branch"),
        ({"revision": ""}, ValueError, "revision is '', expected a branch, tag or commit: leave it out"),
        ({"revision": "\ud800"}, ValueError, "revision is '\\ud800', expected a branch, tag or commit"),
        ({"revision": "v\n2"}, ValueError, "revision is 'v\\n2', expected a branch, tag or commit"),
        ({"token": True}, TypeError, "token is of type bool, expected a str: leave it out"),
        ({"token": ""}, ValueError, "token is empty, expected ASCII characters"),
        ({"token": "hf_\n"}, ValueError, "it has '\\n' at character 3, expected ASCII characters"),
        ({"token": "hf_é"}, ValueError, "it has 'é' at character 3, expected ASCII characters"),
        ({"max_length": -1}, ValueError, "max_length is -1, expected at least 1: leave it out"),
        ({"max_length": "9"}, ValueError, "max_length is '9', expected a whole number"),
        ({"threads": 0}, ValueError, "threads is 0, expected 1 to 1024"),
        ({"prepacked": "nowhere"}, FileNotFoundError, "nowhere"),
        ({"nope": 1}, TypeError, "'nope'"),
    ],
)
def test_options_that_are_wrong_for_every_artifact_are_refused_before_the_hub_is_asked(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    monkeypatch.setattr(hub_module, "first_answer", lambda ask: pytest.fail("the Hub was asked"))
    with pytest.raises(kind, match=re.escape(message)):
        SentenceEncoder.from_hub(REPOSITORY, **options)


def test_a_token_that_is_refused_is_not_shown() -> None:
    with pytest.raises(ValueError, match="token is no access token") as refusal:
        SentenceEncoder.from_hub(REPOSITORY, token="hf_secret\n")
    assert "hf_secret" not in str(refusal.value)


def test_a_missing_client_is_named() -> None:
    code = "import sys; sys.modules['huggingface_hub'] = None\nfrom biobert_onnx import SentenceEncoder as E"
    done = subprocess.run([sys.executable, "-c", f"{code}; E.from_hub('a/b')"], capture_output=True, text=True)
    assert "the Hub needs huggingface_hub, which comes with tokenizers and is missing: pip install" in done.stderr


def test_waiting_for_the_first_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "TIMEOUT_S", 0.05)
    counts: dict[str, int] = {}
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        first_answer(lambda: time.sleep(2))
    assert time.monotonic() - started < 1.5
    assert first_answer(lambda: 7) == 7
    with pytest.raises(KeyError, match="lost"):
        first_answer(lambda: counts["lost"])


def test_push_makes_the_repository_and_one_commit_of_the_artifacts_files(
    hub: Hub, artifact: Path, encoder: SentenceEncoder, cache: Path, tmp_path: Path
) -> None:
    folder = copied(artifact, tmp_path / "artifact")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    done = push(hub, cache, folder, REPOSITORY, "--private", "--message", "First vectors")
    assert done.returncode == 0, done.stderr
    repository = hub.repositories[REPOSITORY]
    assert done.stdout == f"{hub.address}/{REPOSITORY}/commit/{repository.branches['main']}\n"
    assert (hub.messages, repository.private) == (["First vectors"], True)
    wanted = {name: content for name, content in contents(folder).items() if name != "notes.txt"}
    assert repository.files() == wanted | {".gitattributes": b"*.onnx filter=lfs\n"}
    vector = load(cache, environment={"HF_ENDPOINT": hub.address}, token=TOKEN)[2]
    assert vector == encoder.encode(["a text"])[0].tolist()


def test_a_push_without_options_is_public_and_says_what_was_pushed(hub: Hub, artifact: Path, cache: Path) -> None:
    assert push(hub, cache, artifact, REPOSITORY).returncode == 0
    assert not hub.repositories[REPOSITORY].private
    name = Manifest.read(artifact).name
    assert hub.messages[0].startswith(f"Upload {name}, int8, with biobert-onnx ")


def test_the_onnx_layout_has_the_model_where_other_tools_look_and_loads_here(
    hub: Hub, artifact: Path, encoder: SentenceEncoder, cache: Path
) -> None:
    assert push(hub, cache, artifact, REPOSITORY, "--layout", "onnx").returncode == 0
    files = hub.repositories[REPOSITORY].files()
    for name in ("model.onnx", "model.onnx_data"):
        assert files[f"onnx/{name}"] == files[name] == (artifact / name).read_bytes()
    vector = load(cache, environment={"HF_ENDPOINT": hub.address})[2]
    assert vector == encoder.encode(["a text"])[0].tolist()
    assert not any(name.startswith("onnx/") for name in hub.downloaded())


@needs_kernels
def test_a_packed_artifact_goes_onto_the_hub_and_loads_from_there(
    hub: Hub, artifact: Path, encoder: SentenceEncoder, cache: Path, tmp_path: Path
) -> None:
    folder = packed(artifact, tmp_path / "packed")
    done = push(hub, cache, folder, REPOSITORY, "--layout", "onnx")
    assert done.returncode == 2 and not hub.repositories
    assert f"--layout is 'onnx', but the packed artifact '{folder}' has no graphs: leave --layout out" in done.stderr
    assert push(hub, cache, folder, REPOSITORY).returncode == 0
    assert hub.repositories[REPOSITORY].files().items() >= contents(folder).items()
    assert load(cache, environment={"HF_ENDPOINT": hub.address})[2] == encoder.encode(["a text"])[0].tolist()


def test_a_second_push_removes_what_the_artifact_before_left_and_nothing_else(
    hub: Hub, artifact: Path, cache: Path, tmp_path: Path
) -> None:
    old = contents(artifact) | {"onnx/model.onnx": b"old", "2_Old/config.json": b"{}", "LICENSE": b"mine"}
    manifest = json.loads(old["manifest.json"])
    manifest["files"]["2_Old/config.json"] = {"size": 2, "sha256": ""}
    old["manifest.json"] = json.dumps(manifest | {"format": 1}).encode()
    hub.add(REPOSITORY, old)
    assert push(hub, cache, artifact, REPOSITORY).returncode == 0
    assert hub.repositories[REPOSITORY].files() == contents(artifact) | {"LICENSE": b"mine"}
    assert len(hub.messages) == 1


def test_a_branch_that_is_not_there_is_made_from_main(hub: Hub, artifact: Path, cache: Path) -> None:
    hub.add(REPOSITORY, {"LICENSE": b"mine"})
    assert push(hub, cache, artifact, REPOSITORY, "--revision", "int8").returncode == 0
    repository = hub.repositories[REPOSITORY]
    assert repository.files() == {"LICENSE": b"mine"}
    assert repository.files("int8") == contents(artifact) | {"LICENSE": b"mine"}
    assert push(hub, cache, artifact, REPOSITORY, "--revision", "int8").returncode == 0


def test_a_public_repository_is_not_taken_for_a_private_one(hub: Hub, artifact: Path, cache: Path) -> None:
    hub.add(REPOSITORY, {"LICENSE": b"mine"})
    done = push(hub, cache, artifact, REPOSITORY, "--private")
    assert done.returncode == 1
    assert "'someone/tiny' on the Hub is there already and public, expected a private one: change" in done.stderr
    assert hub.repositories[REPOSITORY].files() == {"LICENSE": b"mine"}


def test_a_push_without_leave_to_write_is_refused_in_one_line(hub: Hub, artifact: Path, cache: Path) -> None:
    done = run_with_hub(PUSH, artifact, REPOSITORY, "--token", "wrong", cache=cache, HF_ENDPOINT=hub.address)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("biobert-onnx: error: the Hub refuses 'someone/tiny' (")
    assert line.endswith("): check the id, --revision and --token")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (UNREACHABLE, f"the Hugging Face Hub cannot be reached ({CONNECTION_ERROR}): get a connection, and push again"),
        (OFFLINE, "HF_HUB_OFFLINE is set, so the Hugging Face Hub is not asked: unset HF_HUB_OFFLINE, and push again"),
    ],
    ids=["unreachable", "offline"],
)
def test_a_push_without_the_hub_says_so_in_one_line(
    artifact: Path, cache: Path, environment: dict[str, str], message: str
) -> None:
    done = run_with_hub(PUSH, artifact, REPOSITORY, cache=cache, **environment)
    assert (done.returncode, done.stderr) == (1, f"biobert-onnx: error: 'someone/tiny': {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["../x"], "repository is '../x', expected owner/name on the Hub: name one that you may write to, such as me/"),
        ([REPOSITORY, "--token", "x\ny"], "--token is no access token, as it has '\\n' at character 1, expected ASCII"),
        ([REPOSITORY, "--revision", "a b"], "--revision is 'a b', expected a branch, tag or commit: leave it out"),
    ],
)
def test_a_push_with_bad_arguments_is_refused_in_one_line(
    artifact: Path, cache: Path, arguments: list[str], message: str
) -> None:
    done = run_with_hub(PUSH, artifact, *arguments, cache=cache, **OFFLINE)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.startswith(f"biobert-onnx: error: {message}")


def test_a_damaged_artifact_is_not_pushed(hub: Hub, artifact: Path, cache: Path, tmp_path: Path) -> None:
    folder = copied(artifact, tmp_path / "artifact")
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    done = push(hub, cache, folder, REPOSITORY)
    assert done.returncode == 1 and "model.onnx' has sha256 " in done.stderr
    assert (hub.requests, hub.repositories) == ([], {})


def test_the_page_about_the_hub_runs_as_it_stands_there(
    hub: Hub, artifact: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "biobert-v1.1-int8").symlink_to(artifact)
    monkeypatch.chdir(tmp_path)
    page = list(blocks(PROJECT / "docs" / "hub.md"))
    for _, _, *arguments in [command for block in page if block.language == "console" for command in block.commands]:
        done = push(hub, cache, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
    hub.repositories["me/biobert-int8"].private = False
    for block in page:
        if block.language == "python":
            done = run_with_hub(block.code, cache=cache, HF_ENDPOINT=hub.address)
            assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "my-cache" / "models--me--biobert-int8" / "snapshots").is_dir()


def test_an_unknown_layout_is_named(artifact: Path) -> None:
    with pytest.raises(ValueError, match="layout is 'flat', expected one of plain, onnx"):
        push_artifact(artifact, REPOSITORY, layout="flat")


def test_errors_of_the_hub_are_errors_of_artifacts() -> None:
    assert issubclass(HubUnreachableError, ArtifactError)
