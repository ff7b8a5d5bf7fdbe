"""The names of an artifact's files, and the checks that keep every path inside its folder."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from biobert_onnx.errors import ArtifactError

MANIFEST = "manifest.json"
ENCODER_GRAPH = "encoder.onnx"
MODEL_GRAPH = "model.onnx"
WEIGHTS = "model.onnx_data"
TOKENIZER = "tokenizer.json"


def checked_folder(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path of an artifact's folder, "~" expanded; raises ValueError for an empty path."""
    if not os.fspath(path):
        raise ValueError("path is '', expected an artifact's folder: '.' is the working directory")
    return Path(path).expanduser().absolute()


def inside(folder: Path, name: str) -> Path:
    """The path of the file `name` in `folder`; raises ArtifactError if it leads out of there, by a link or without."""
    path = folder / name
    plain = name.isprintable() and "/" not in name and os.sep not in name and name != ".."
    if not plain or os.path.islink(path):  # noqa: PTH114  # Path's own raises for a name that is too long
        real = Path(os.path.realpath(path)) if name.isprintable() else Path()
        if not any(real.is_relative_to(root) for root in _roots(folder)):
            raise ArtifactError(f"'{path}' leads outside the folder: do not use it, or copy the artifact without links")
    return path


def _roots(folder: Path) -> Iterator[Path]:
    """Where the files of `folder` may lie: in it, or where the Hub's cache keeps what its snapshots link to."""
    root = Path(os.path.realpath(folder))
    yield root
    if root.parent.name == "snapshots":
        yield root.parents[1] / "blobs"


def check_size(path: Path, size: int) -> None:
    """Raise ArtifactError unless `path` is a file of `size` bytes that this user may read."""
    fault = _fault(path, size)
    if fault is not None:
        raise ArtifactError(f"'{path}' {fault}, expected {size} bytes: export or copy it again")


def _fault(path: Path, size: int) -> str | None:
    try:
        status = path.stat()
    except OSError as error:
        return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
    if not S_ISREG(status.st_mode):
        return "is no file"
    if not os.access(path, os.R_OK):
        return "cannot be read (permission denied)"
    return None if status.st_size == size else f"has {status.st_size} bytes"
