"""Downloads from the Hugging Face Hub: one snapshot of a repository, only the files that an export reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from huggingface_hub import ModelInfo, hf_hub_download

from biobert_onnx.artifact import hub
from biobert_onnx.artifact.hub import HubError
from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx_export.checkpoint.config import CONFIGS
from biobert_onnx_export.checkpoint.json_files import read_any_json
from biobert_onnx_export.checkpoint.sentence_transformers import MODULES
from biobert_onnx_export.checkpoint.shards import INDEX_SUFFIX, read_weight_map
from biobert_onnx_export.checkpoint.tensorflow import INDEX, INDEX_FILES
from biobert_onnx_export.checkpoint.weight_files import WEIGHT_FILES
from biobert_onnx_export.errors import CheckpointError

SIDE_FILES = (
    *CONFIGS,
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "added_tokens.json",
    "special_tokens_map.json",
    "config_sentence_transformers.json",
    "sentence_*_config.json",
    MODULES,
)
"""Patterns of the files beside the weights, in the repository's root and in the folder of each module."""

CHECKPOINT_FILES = (*CONFIGS, MODULES)
"""Files of which every checkpoint has one in its root: PyTorch's, TensorFlow's, or sentence-transformers'."""


def download_snapshot(repository: str, *, revision: str | None, token: str | None) -> Path:
    """Download `repository` (owner/name) at `revision` and return the snapshot's folder, which the commit names.

    Of several kinds of weights only the one that is read is downloaded. If the Hub cannot be reached, return the
    snapshot in the local cache. Raises CheckpointError if there is none, if the Hub refuses the request, if the
    repository holds no checkpoint, or if the files that name other files are damaged.
    """
    try:
        return hub.download_snapshot(
            repository,
            files=lambda info: _Published.of(repository, info, token=token).needed(),
            one_of=CHECKPOINT_FILES,
            revision=revision,
            token=token,
            remedy="no folder of this name is here; download the checkpoint elsewhere and give its folder",
        )
    except HubError as error:
        raise CheckpointError(str(error)) from error


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
        self._check_is_checkpoint()
        modules = self._module_folders()
        side_files = {name for folder in {"", *modules} for name in self._side_files(folder)}
        return side_files | {name for folder in modules for name in self._weights(folder)}

    def _check_is_checkpoint(self) -> None:
        if not self.files.isdisjoint(CHECKPOINT_FILES):
            return
        if MANIFEST in self.files:
            remedy = "it is an artifact, which SentenceEncoder.from_hub loads"
        else:
            remedy = "give the id of a checkpoint of BERT or a related encoder"
        raise CheckpointError(f"'{self.repository}' on the Hub holds none of {', '.join(CHECKPOINT_FILES)}: {remedy}")

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
