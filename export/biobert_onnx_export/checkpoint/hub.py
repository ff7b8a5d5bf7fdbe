"""Downloads from the Hugging Face Hub: one snapshot of a repository, only the files that an export reads."""

import glob
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from huggingface_hub import HfApi, ModelInfo, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError

from biobert_onnx_export.checkpoint.json_files import read_any_json
from biobert_onnx_export.checkpoint.shards import INDEX_SUFFIX, read_weight_map
from biobert_onnx_export.checkpoint.tensorflow import INDEX, INDEX_FILES
from biobert_onnx_export.checkpoint.weight_files import WEIGHT_FILES
from biobert_onnx_export.errors import CheckpointError

MODULES = "modules.json"
"""The file of a sentence-transformers model that names the folders of its modules."""

SIDE_FILES = (
    "config.json",
    "bert_config.json",
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "added_tokens.json",
    "special_tokens_map.json",
    "config_sentence_transformers.json",
    "sentence_*_config.json",
    MODULES,
)
"""Patterns of the files beside the weights, in the repository's root and in the folder of each module."""

TIMEOUT_S = 10.0
"""Seconds to wait for the first answer of the Hub."""


def download_snapshot(repository: str, *, revision: str | None, token: str | None) -> Path:
    """Download `repository` (owner/name) at `revision` and return the snapshot's folder, which the commit names.

    Of several kinds of weights only the one that is read is downloaded. If the Hub cannot be reached, return the
    snapshot in the local cache. Raises CheckpointError if there is none, if the Hub refuses the request, or if the
    files that name other files are damaged.
    """
    try:
        info = _first_answer(lambda: HfApi(token=token).model_info(repository, revision=revision))
        needed = sorted(_Published.of(repository, info, token=token).needed())
        patterns = [glob.escape(name) for name in needed]
        return Path(snapshot_download(repository, revision=revision, token=token, allow_patterns=patterns))
    except CheckpointError:
        raise
    except HfHubHTTPError as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"the Hub refuses '{repository}' ({reason}): check the id, revision= and token="
        ) from error
    except (OSError, ValueError) as error:
        return _cached_snapshot(repository, revision, error)


@dataclass(frozen=True, kw_only=True)
class _Published:
    """The `files` of the commit `commit` of a repository, by their paths in it."""

    repository: str
    commit: str | None
    files: frozenset[str]
    token: str | None

    @classmethod
    def of(cls, repository: str, info: ModelInfo, *, token: str | None) -> "_Published":
        files = frozenset(file.rfilename for file in info.siblings or ())
        return cls(repository=repository, commit=info.sha, files=files, token=token)

    def needed(self) -> set[str]:
        """Return the files that an export reads."""
        modules = self._module_folders()
        side_files = {name for folder in {"", *modules} for name in self._side_files(folder)}
        return side_files | {name for folder in modules for name in self._weights(folder)}

    def _module_folders(self) -> set[str]:
        """Return the folders of a sentence-transformers model's modules; of any other checkpoint the root, ''."""
        if MODULES not in self.files:
            return {""}
        listed = read_any_json(self._downloaded(MODULES))
        modules = [module for module in listed if isinstance(module, dict)] if isinstance(listed, list) else []
        paths = [module.get("path") or "" for module in modules]
        return {_folder(path) for path in paths if isinstance(path, str)}

    def _side_files(self, folder: str) -> Iterator[str]:
        for path in self._inside(folder):
            if any(fnmatchcase(PurePosixPath(path).name, pattern) for pattern in SIDE_FILES):
                yield path

    def _weights(self, folder: str) -> set[str]:
        """Return the files of the weights in `folder`: of one kind, with all shards of an index."""
        inside = {PurePosixPath(path).name: path for path in self._inside(folder)}
        name = next((name for name in WEIGHT_FILES if name in inside), None)
        if name is None:
            return {path for name, path in inside.items() if _is_of_tensorflow(name)}
        if not name.endswith(INDEX_SUFFIX):
            return {inside[name]}
        shards = read_weight_map(self._downloaded(inside[name])).values()
        return {inside[name], *((PurePosixPath(folder) / shard).as_posix() for shard in shards)}

    def _inside(self, folder: str) -> list[str]:
        """List the files that lie in `folder` itself."""
        return [path for path in self.files if _folder(PurePosixPath(path).parent.as_posix()) == folder]

    def _downloaded(self, name: str) -> Path:
        return Path(hf_hub_download(self.repository, name, revision=self.commit, token=self.token))


def _folder(path: str) -> str:
    """Return `path` as the Hub lists a folder, '' for the root.

    >>> _folder("./1_Pooling/"), _folder(".")
    ('1_Pooling', '')
    """
    name = PurePosixPath(path).as_posix()
    return "" if name == "." else name


def _is_of_tensorflow(name: str) -> bool:
    """Tell whether `name` is an index of TensorFlow or one of its shards."""
    return fnmatchcase(name, INDEX_FILES) or fnmatchcase(name, INDEX_FILES.removesuffix(INDEX) + ".data-*")


def _first_answer(ask: Callable[[], ModelInfo]) -> ModelInfo:
    """Return the result of `ask` or raise its error; raise TimeoutError after TIMEOUT_S seconds.

    The HTTP client's own timeout limits neither the name look-up nor one try after another of a host's addresses. The
    thread is a daemon, not an executor's: Python waits at its end for the threads of executors.
    """
    answer: Future[ModelInfo] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return answer.result(timeout=TIMEOUT_S)


def _cached_snapshot(repository: str, revision: str | None, unreachable: Exception) -> Path:
    try:
        return Path(snapshot_download(repository, revision=revision, local_files_only=True))
    except (OSError, ValueError):
        raise CheckpointError(
            f"'{repository}' is no folder here, and the Hugging Face Hub cannot be reached "
            f"({type(unreachable).__name__}): download the checkpoint elsewhere and give its folder"
        ) from unreachable
