"""Where a checkpoint lies: a local folder or archive, or a snapshot of a Hugging Face Hub repository."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, ModelInfo, snapshot_download
from huggingface_hub.errors import HfHubHTTPError

from biobert_onnx.catalog.models import find
from biobert_onnx_export.checkpoint.archives import is_archive, name_of
from biobert_onnx_export.errors import CheckpointError

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""In order of preference: safetensors cannot hold code."""

SIDE_FILES = (
    "config.json",
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "*/config.json",
)

TIMEOUT_S = 10.0
"""Seconds to wait for the Hub's first answer."""

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class Location:
    """A checkpoint's folder or archive, the name it goes by, and the Hub commit it is of (None for a local one)."""

    path: Path
    source: str
    revision: str | None


def locate(checkpoint: str, *, revision: str | None, token: str | None) -> Location:
    """The place of `checkpoint`: itself if it is a folder or an archive, else a snapshot of the Hub's repository.

    A name of the table of models stands for its Hub id. Raises CheckpointError if there is neither, or if the Hub
    cannot be reached and its cache has no snapshot.
    """
    path = Path(checkpoint)
    if path.is_dir() or (path.is_file() and is_archive(path)):
        return Location(path=path, source=name_of(path), revision=None)
    if path.exists():
        raise CheckpointError(f"'{checkpoint}' is a file, expected a checkpoint's folder, its .tar.gz or a Hub id")
    checkpoint = _hub_id(checkpoint)
    if not HUB_ID.fullmatch(checkpoint) or checkpoint.startswith(".") or is_archive(path):
        raise CheckpointError(
            f"no such folder: '{checkpoint}', expected a checkpoint's folder, its .tar.gz, a Hub id (owner/name) or a "
            "name that 'biobert-onnx models' lists"
        )
    snapshot = _download(checkpoint, revision, token)
    return Location(path=snapshot, source=checkpoint, revision=snapshot.name)


def _hub_id(checkpoint: str) -> str:
    """The Hub id that `checkpoint` stands for if it is a model's name, else `checkpoint`."""
    model = find(checkpoint)
    if model is None or checkpoint in model.hub:
        return checkpoint
    if not model.hub:
        raise CheckpointError(
            f"'{checkpoint}' is {model.title}, which is not on the Hub: download {model.where}, and give its path"
        )
    return model.hub[0]


def _download(repository: str, revision: str | None, token: str | None) -> Path:
    try:
        info = _answer_of_hub(lambda: HfApi(token=token).model_info(repository, revision=revision))
        published = {file.rfilename for file in info.siblings or ()}
        weights = [name for name in WEIGHT_FILES if name in published][:1]
        patterns = [*SIDE_FILES, *weights]
        return Path(snapshot_download(repository, revision=revision, token=token, allow_patterns=patterns))
    except HfHubHTTPError as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"the Hub refuses '{repository}' ({reason}): check the id, --revision, --token"
        ) from error
    except (OSError, ValueError) as error:
        return _cached(repository, revision, error)


def _answer_of_hub(ask: Callable[[], ModelInfo]) -> ModelInfo:
    """What `ask` returns; raises what it raises, or TimeoutError after TIMEOUT_S seconds.

    A timeout of the HTTP client bounds neither the name look-up nor the tries of one address after the other.
    """
    answer: Future[ModelInfo] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return answer.result(timeout=TIMEOUT_S)


def _cached(repository: str, revision: str | None, unreachable: Exception) -> Path:
    try:
        return Path(snapshot_download(repository, revision=revision, local_files_only=True))
    except (OSError, ValueError):
        raise CheckpointError(
            f"'{repository}' is no folder here, and the Hugging Face Hub cannot be reached "
            f"({type(unreachable).__name__}): download the checkpoint elsewhere and give its folder"
        ) from unreachable
