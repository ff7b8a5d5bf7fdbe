"""The place of a checkpoint: a local folder, an archive, or a snapshot of a Hugging Face Hub repository."""

from dataclasses import dataclass
from pathlib import Path

from biobert_onnx._file_status import exists, is_file, is_folder
from biobert_onnx.artifact.hub import HUB_ID
from biobert_onnx.catalog.models import find
from biobert_onnx_export.checkpoint.archives import is_archive, name_of
from biobert_onnx_export.checkpoint.hub import download_snapshot
from biobert_onnx_export.errors import CheckpointNotFoundError


@dataclass(frozen=True, kw_only=True)
class Location:
    """The folder or archive of a checkpoint, the name it goes by, and its Hub commit (None for a local one)."""

    path: Path
    source: str
    revision: str | None


def locate(checkpoint: str, *, revision: str | None, token: str | None) -> Location:
    """Find `checkpoint`: a local folder or archive if there is one, else the repository on the Hub.

    A name from the table of models stands for its Hub id. Raises CheckpointNotFoundError if there is none of these;
    CheckpointError if the Hub refuses, or cannot be reached and its local cache holds no snapshot.
    """
    path = Path(checkpoint)
    if is_folder(path) or (is_file(path) and is_archive(path)):
        return Location(path=path, source=name_of(path), revision=None)
    if exists(path):
        raise CheckpointNotFoundError(
            f"'{checkpoint}' is a file, expected a checkpoint's folder, its .tar.gz or a Hub id"
        )
    repository = _hub_id(checkpoint)
    if not HUB_ID.fullmatch(repository) or is_archive(path):
        raise CheckpointNotFoundError(
            f"no such folder: '{checkpoint}', expected a checkpoint's folder, its .tar.gz, a Hub id (owner/name) or a "
            "name that 'biobert-onnx models' lists"
        )
    snapshot = download_snapshot(repository, revision=revision, token=token)
    return Location(path=snapshot, source=repository, revision=snapshot.name)


def _hub_id(checkpoint: str) -> str:
    """Return the Hub id of the model that `checkpoint` names; return any other text unchanged."""
    model = find(checkpoint)
    if model is None or checkpoint in model.hub:
        return checkpoint
    if not model.hub:
        raise CheckpointNotFoundError(
            f"'{checkpoint}' is {model.title}, which is not on the Hub: download {model.where}, and give its path"
        )
    return model.hub[0]
