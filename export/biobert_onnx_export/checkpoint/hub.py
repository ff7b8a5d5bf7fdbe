"""Downloads from the Hugging Face Hub: one snapshot of a repository, only the files that an export reads."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from huggingface_hub import HfApi, ModelInfo, snapshot_download
from huggingface_hub.errors import HfHubHTTPError

from biobert_onnx_export.checkpoint.tensors import WEIGHT_FILES
from biobert_onnx_export.errors import CheckpointError

SIDE_FILES = (
    "config.json",
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "*/config.json",
)
"""Patterns of the files beside the weights."""

TIMEOUT_S = 10.0
"""Seconds to wait for the first answer of the Hub."""


def download_snapshot(repository: str, *, revision: str | None, token: str | None) -> Path:
    """Download `repository` (owner/name) at `revision` and return the snapshot's folder, which the commit names.

    If the Hub cannot be reached, return the snapshot in the local cache. Raises CheckpointError if there is none, or
    if the Hub refuses the request.
    """
    try:
        info = _first_answer(lambda: HfApi(token=token).model_info(repository, revision=revision))
        published = {file.rfilename for file in info.siblings or ()}
        weights = [name for name in WEIGHT_FILES if name in published][:1]
        patterns = [*SIDE_FILES, *weights]
        return Path(snapshot_download(repository, revision=revision, token=token, allow_patterns=patterns))
    except HfHubHTTPError as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"the Hub refuses '{repository}' ({reason}): check the id, revision= and token="
        ) from error
    except (OSError, ValueError) as error:
        return _cached_snapshot(repository, revision, error)


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
