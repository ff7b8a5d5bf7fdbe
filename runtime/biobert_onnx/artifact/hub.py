"""The Hugging Face Hub: artifacts out of its repositories and into them.

huggingface_hub, which tokenizers brings along, speaks with it, and is imported where it is used: it takes longer to
import than all else here. Versions 0.34 to 2.4 were tried.
"""

import glob
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from biobert_onnx._atomic_files import WRITE_ERRORS
from biobert_onnx._file_status import exists
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import MANIFEST, MODEL_GRAPH, WEIGHTS, inside
from biobert_onnx.errors import ArtifactError, short_repr
from biobert_onnx.version import __version__

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo

HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
"""owner/name; a path that begins with a dot is none."""

TIMEOUT_S = 10.0
"""Seconds to wait for the first answer of the Hub."""

LAYOUTS: Mapping[str, Mapping[str, str]] = {
    "plain": {},
    "onnx": {f"onnx/{name}": name for name in (MODEL_GRAPH, WEIGHTS)},
}
"""By its name, the files that a layout has in the repository beside the artifact's own, and the artifact's file that
each is equal to. transformers.js looks for onnx/model.onnx, and so does fastembed if no file is named. The Hub keeps
equal files once."""

SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429
"""Statuses from the first on, and the second, say that the Hub cannot answer now; the others below refuse a request."""

MAX_REASON = 200
"""Characters of huggingface_hub's own message in ours."""

Answer = TypeVar("Answer")


class HubError(ArtifactError):
    """The Hub refuses a request or cannot be reached."""


class HubUnreachableError(HubError):
    """The Hub gives no answer, or says that it cannot now."""


def download_artifact(
    repository: str, *, revision: str | None, token: str | None, cache_dir: str | os.PathLike[str] | None
) -> Path:
    """Download the artifact in `repository` at `revision`: the files of its manifest; return the snapshot's folder.

    Raises HubError if the Hub refuses, if it cannot be reached and the cache has no snapshot or a part of one, or if
    the repository holds no artifact; ArtifactError for a manifest that cannot be used; ValueError and TypeError as the
    checks of `repository`, `revision` and `token` do.
    """
    check_hub_id(repository, otherwise="for a folder, call SentenceEncoder(path)")
    remedy = "the cache has not all of it; {connect}, or copy the artifact's folder here and give its path"
    cache_dir = None if cache_dir is None else Path(cache_dir).expanduser()
    folder = download_snapshot(
        repository,
        files=partial(_only_manifest, repository),
        one_of=(MANIFEST,),
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        remedy=remedy,
    )
    names = [name for name in Manifest.read(folder).files if not exists(inside(folder, name))]
    if names:
        _complete_snapshot(repository, folder, names, token=token, cache_dir=cache_dir, remedy=remedy)
    return folder


def download_snapshot(
    repository: str,
    *,
    files: Callable[["ModelInfo"], Iterable[str]],
    one_of: Iterable[str],
    revision: str | None,
    token: str | None,
    cache_dir: Path | None = None,
    remedy: str,
) -> Path:
    """Download files of `repository` (owner/name) at `revision`; return the snapshot's folder, which the commit names.

    `files`: gets what the Hub says of that commit, and returns the names of the files that are wanted; its own errors
    pass. `one_of`: names of which every such snapshot has one in its root. If the Hub cannot be reached, the snapshot
    in the cache is taken. `remedy`: what to do if there is none; ends the message, as that of `_hub_errors` does.

    Raises HubError; ValueError and TypeError for a `revision` or `token` that no request can carry.
    """
    check_revision(revision)
    check_token(token)
    client = _hub_api(token)
    from huggingface_hub import snapshot_download

    try:
        with _hub_errors(repository, remedy=remedy):
            info = first_answer(lambda: client.model_info(repository, revision=revision))
            patterns = [glob.escape(name) for name in files(info)]
            found = snapshot_download(
                repository, revision=revision, token=token, cache_dir=cache_dir, allow_patterns=patterns
            )
            return Path(found)
    except HubUnreachableError:
        cached = _cached_snapshot(repository, one_of, revision=revision, cache_dir=cache_dir)
        if cached is None:
            raise
        return cached


def push_artifact(
    artifact: Path,
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    token: str | None = None,
    message: str | None = None,
    layout: str = "plain",
) -> str:
    """Upload `artifact` to `repository` (owner/name) as one commit, and return the commit's address.

    Every file's sha256 is checked first. The repository is made if there is none, `private` or not, and so is the
    branch `revision`, from main. Only the files of the manifest are uploaded, and those of the `layout`; files that an
    artifact before left in the repository are removed by the same commit, and all others stay.

    Raises ArtifactError for an artifact that is not whole, ValueError for an unknown `layout`, for one that needs the
    graphs of a packed artifact, and for a `repository` that is no id, ValueError and TypeError for a `revision` or
    `token` that no request can carry, HubError if the Hub refuses or cannot be reached, or if `private` is True and the
    repository is public.
    """
    check_hub_id(repository, otherwise="name one that you may write to, such as me/biobert-int8")
    check_revision(revision)
    check_token(token)
    if layout not in LAYOUTS:
        raise ValueError(f"layout is {short_repr(layout)}, expected one of {', '.join(LAYOUTS)}")
    manifest = Manifest.read(artifact)
    if manifest.is_packed and LAYOUTS[layout]:
        raise ValueError(f"layout is {layout!r}, but the packed artifact '{artifact}' has no graphs: leave layout= out")
    manifest.check_contents(artifact)
    client = _hub_api(token)
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    files = {name: artifact / name for name in (MANIFEST, *manifest.files)}
    files |= {name: artifact / same for name, same in LAYOUTS[layout].items()}
    with _hub_errors(repository, ValueError, RuntimeError, remedy="{connect}, and push again"):
        _make_repository(client, repository, private=private, revision=revision)
        info = client.model_info(repository, revision=revision)
        published = _names(info)
        left = _files_of_artifact_before(client, repository, info.sha) if MANIFEST in published else set()
        commit = client.create_commit(
            repository,
            [
                *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in files.items()),
                *(CommitOperationDelete(path_in_repo=name) for name in sorted(left & published - files.keys())),
            ],
            commit_message=message or f"Upload {manifest.name}, {manifest.precision}, with biobert-onnx {__version__}",
            revision=revision,
            parent_commit=info.sha,
        )
    return commit.commit_url


def hide_progress() -> None:
    """Show no progress bars of huggingface_hub in this process from now on."""
    _check_client()
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()


def check_hub_id(repository: str, *, otherwise: str) -> None:
    """Raise ValueError unless `repository` is owner/name; `otherwise`: what to do then, ends the message."""
    if not isinstance(repository, str) or not HUB_ID.fullmatch(repository):
        raise ValueError(f"repository is {short_repr(repository)}, expected owner/name on the Hub: {otherwise}")


def check_revision(revision: str | None) -> None:
    """Raise TypeError unless `revision` is a str or None, ValueError for an empty one or characters of no name."""
    if revision is None:
        return
    expected = "expected a branch, tag or commit: leave it out to take the main branch"
    if not isinstance(revision, str):
        raise TypeError(f"revision is {short_repr(revision)}, of type {type(revision).__name__}, {expected}")
    if not revision or not revision.isprintable() or " " in revision:
        raise ValueError(f"revision is {short_repr(revision)}, {expected}")


def check_token(token: str | None) -> None:
    """Raise TypeError unless `token` is a str or None, ValueError unless an HTTP header can carry it.

    The messages do not show the token, which is a secret.
    """
    if token is None:
        return
    remedy = "leave it out to take the one of 'hf auth login'"
    if not isinstance(token, str):
        raise TypeError(f"token is of type {type(token).__name__}, expected a str: {remedy}")
    bad = next((place for place, character in enumerate(token) if not "!" <= character <= "~"), None)
    if not token or bad is not None:
        what = "is empty" if bad is None else f"is no access token, as it has {token[bad]!r} at character {bad}"
        raise ValueError(f"token {what}, expected ASCII characters without spaces: {remedy}")


def first_answer(ask: Callable[[], Answer]) -> Answer:
    """Return the result of `ask` or raise its error; raise TimeoutError after TIMEOUT_S seconds.

    The HTTP client's own timeout limits neither the name look-up nor one try after another of a host's addresses. The
    thread is a daemon, not an executor's: Python waits at its end for the threads of executors.
    """
    from concurrent.futures import Future

    answer: Future[Answer] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return answer.result(timeout=TIMEOUT_S)


def _hub_api(token: str | None) -> "HfApi":
    _check_client()
    from huggingface_hub import HfApi

    return HfApi(token=token)


def _check_client() -> None:
    if find_spec("huggingface_hub") is None:
        raise ModuleNotFoundError(
            "the Hub needs huggingface_hub, which comes with tokenizers and is missing: pip install "
            "'huggingface_hub>=0.34'"
        )


@contextmanager
def _hub_errors(repository: str, *others: type[Exception], remedy: str) -> Iterator[None]:
    """Raise HubError for an error of huggingface_hub, or one of `others`, in the block.

    `remedy` ends the message if no answer came; in it, {connect} stands for the way to get one.
    """
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    # Its HTTP client is requests, httpx or httpx2, as its version is; HfHubHTTPError derives from that client's error.
    errors: tuple[type[BaseException], ...] = (OSError, HFValidationError, *others, *HfHubHTTPError.__bases__)
    try:
        yield
    except ArtifactError:
        raise
    except errors as error:
        is_of_one_upload = isinstance(error, RuntimeError) and error.__cause__ is not None
        raise _hub_error(repository, error.__cause__ or error if is_of_one_upload else error, remedy) from error


def _hub_error(repository: str, error: BaseException, remedy: str) -> HubError:
    """Return what `error` means: the cache cannot be written, no answer came or none now, or a refusal."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    kind = type(error).__name__
    if isinstance(error, OfflineModeIsEnabled):
        remedy = remedy.format(connect="unset HF_HUB_OFFLINE")
        return HubUnreachableError(
            f"'{repository}': HF_HUB_OFFLINE is set, so the Hugging Face Hub is not asked: {remedy}"
        )
    reason = next(iter(str(error).strip().splitlines()), kind)[:MAX_REASON]
    if isinstance(error, OSError) and (error.filename is not None or error.errno in WRITE_ERRORS):
        return HubError(f"'{repository}' cannot be stored ({reason}): make room or get permission there")
    response = error.response if isinstance(error, HfHubHTTPError) else None
    if response is not None:
        has_answer = response.status_code < SERVER_ERROR and response.status_code != TOO_MANY_REQUESTS
    else:
        has_answer = isinstance(error, ValueError) and not isinstance(error, OSError)
    if has_answer:
        return HubError(f"the Hub refuses '{repository}' ({kind}: {reason}): check the id, revision= and token=")
    what = kind if response is None else reason
    remedy = remedy.format(connect="get a connection")
    return HubUnreachableError(f"'{repository}': the Hugging Face Hub cannot be reached ({what}): {remedy}")


def _only_manifest(repository: str, info: "ModelInfo") -> list[str]:
    """Return the manifest's name; raises HubError where there is none."""
    published = _names(info)
    if MANIFEST not in published:
        what = "a checkpoint" if "config.json" in published else "not an artifact"
        raise HubError(
            f"'{repository}' on the Hub holds no {MANIFEST}, it is {what}: make an artifact with the command "
            f"'biobert-onnx export {repository} FOLDER', and give FOLDER to SentenceEncoder"
        )
    return [MANIFEST]


def _names(info: "ModelInfo") -> set[str]:
    return {file.rfilename for file in info.siblings or ()}


def _cached_snapshot(
    repository: str, one_of: Iterable[str], *, revision: str | None, cache_dir: Path | None
) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(repository, name, cache_dir=cache_dir, revision=revision) for name in one_of)
    return next((Path(path).parent for path in found if isinstance(path, str)), None)


def _complete_snapshot(
    repository: str, folder: Path, names: list[str], *, token: str | None, cache_dir: Path | None, remedy: str
) -> None:
    """Download the files `names` into the snapshot's `folder`; raises HubError unless all of them lie there then."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    patterns = [glob.escape(name) for name in names]
    # Where the Hub cannot be asked, version 2 raises an error if files are missing, and older ones return.
    with _hub_errors(repository, remedy=remedy), suppress(LocalEntryNotFoundError):
        snapshot_download(repository, revision=folder.name, token=token, cache_dir=cache_dir, allow_patterns=patterns)
    for name in names:
        if not exists(folder / name):
            raise HubError(
                f"'{repository}' at {folder.name}: its manifest lists '{name}', which is neither in the cache nor to "
                "be had: get a connection, or have the artifact pushed again"
            )


def _make_repository(client: "HfApi", repository: str, *, private: bool, revision: str | None) -> None:
    """Make `repository` and its branch `revision` where they are not there yet; the one that is there stays as it is.

    Raises HubError if it is public and `private` is True. Without `private`, an organization's own rule decides.
    """
    first_answer(lambda: client.create_repo(repository, private=private or None, exist_ok=True))
    if private and not client.model_info(repository).private:
        raise HubError(
            f"'{repository}' on the Hub is there already and public, expected a private one: change it in its settings "
            "there, or choose another name"
        )
    if revision is not None and not revision.startswith("refs/"):  # those are requests to pull, which the Hub makes
        client.create_branch(repository, branch=revision, exist_ok=True)


def _files_of_artifact_before(client: "HfApi", repository: str, revision: str | None) -> set[str]:
    """Return the names that the manifest in `repository` lists, of whatever format, and those that a layout adds."""
    path = client.hf_hub_download(repository, MANIFEST, revision=revision)
    added = {name for files in LAYOUTS.values() for name in files}
    try:
        files = json.loads(Path(path).read_bytes())["files"]
    except (ValueError, TypeError, KeyError):  # no artifact's: all that it says is left alone
        return set()
    return added | set(files) if isinstance(files, dict) else set()
