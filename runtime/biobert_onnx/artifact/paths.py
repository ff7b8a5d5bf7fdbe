"""The names of an artifact's files, and the checks that keep every path inside its folder."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from biobert_onnx.errors import ArtifactError

MANIFEST = "manifest.json"
ENCODER_GRAPH = "encoder.onnx"
MODEL_GRAPH = "model.onnx"
TOKENS_GRAPH = "tokens.onnx"
WEIGHTS = "model.onnx_data"
PLAN = "plan.json"
TOKENIZER = "tokenizer.json"

PACKED_FOLDER = "prepacked"
"""The folder in an artifact that holds its packed weights, in two files:"""
PACKED_KEY = "key.json"
PACKED_WEIGHTS = "weights.bin"

GRAPH_FILES = (ENCODER_GRAPH, MODEL_GRAPH, WEIGHTS)
"""What onnxruntime and other tools load; a packed artifact has none of them ..."""

ALL_GRAPH_FILES = (*GRAPH_FILES, TOKENS_GRAPH)
"""GRAPH_FILES, and the graph of token vectors, which not every artifact has."""

PACKED_FILES = (PLAN, f"{PACKED_FOLDER}/{PACKED_KEY}", f"{PACKED_FOLDER}/{PACKED_WEIGHTS}")
"""... but all of these, which the kernels load."""

HUB_REPOSITORY = re.compile(r"(models|datasets|spaces|kernels)--.+")
"""The name of a repository's folder in the Hub's cache, as huggingface_hub 0.34 to 2.4 give it."""

COMMIT = re.compile(r"[0-9a-f]{40}")
"""The name of a snapshot's folder."""

SHARED_HASH = re.compile(r"[0-9a-f]{64}")
"""The name of a file in the store that all repositories of a cache share."""


PORTS = frozenset(f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³")

DEVICES = PORTS | {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
"""Names that Windows takes for devices, in every folder, in any case and with any ending.

Source: Microsoft, "Naming Files, Paths, and Namespaces",
https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
"""

NOT_IN_NAMES = frozenset('<>:"|?*\\')
"""Characters that no file's name has on Windows: ":" comes after a drive or before a stream, "\\" parts folders."""


def is_portable(name: str) -> bool:
    """Tell whether each part of `name`, with "/" between them, is the name of a file or folder on every system.

    Windows reads other names in another way than Linux does, so that they may lead anywhere. Whether ".." or a "/" at
    the start leads out is not looked at.

    >>> [is_portable(name) for name in ("prepacked/weights.bin", "C:evil.bin", "con.txt", "weights.bin:stream", "a.")]
    [True, False, False, False, False]
    """
    return all(part in ("", ".", "..") or _is_portable_part(part) for part in name.split("/"))


def leads_out(name: str) -> bool:
    """Tell whether `name`, a path below some folder, may lead out of it on any system; links are not looked at.

    >>> [leads_out(name) for name in ("1_Pooling", "", "../weights.bin", "/etc/passwd", "C:evil.bin")]
    [False, False, True, True, True]
    """
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or not is_portable(name)


def _is_portable_part(part: str) -> bool:
    is_device = part.partition(".")[0].rstrip(" ").upper() in DEVICES
    return part.isprintable() and not is_device and not NOT_IN_NAMES & set(part) and part[-1] not in ". "


def checked_folder(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path of an artifact's folder, "~" expanded; raises ValueError for an empty path."""
    if not os.fspath(path):
        raise ValueError("path is '', expected an artifact's folder: '.' is the working directory")
    return Path(path).expanduser().absolute()


def inside(folder: Path, name: str) -> Path:
    """Return the path of the file `name` in `folder`; raises ArtifactError if it leads out of there on any system.

    A link may lead to where the Hub's cache keeps the files of the snapshot `folder`, and nowhere else outside.
    """
    path = folder / name
    plain = name.isprintable() and "/" not in name and os.sep not in name and name != ".."
    if not plain or os.path.islink(path):  # noqa: PTH114  # Path's own raises for a name that is too long
        real = Path(os.path.realpath(path)) if name.isprintable() else Path()
        if not any(real.is_relative_to(root) for root in _roots(folder)) and not _is_shared(folder, path, real):
            raise ArtifactError(f"'{path}' leads outside the folder: do not use it, or copy the artifact without links")
    if not is_portable(name):
        raise ArtifactError(
            f"'{path}' has a name that may lead outside the folder on Windows: do not use it, or export the checkpoint "
            "again"
        )
    return path


def linked_weights(folder: Path) -> Path | None:
    """Return where the weights of `folder` really lie if a link leads out of it, else None.

    Raises ArtifactError if that is not the Hub's cache.
    """
    real = Path(os.path.realpath(inside(folder, WEIGHTS)))
    return None if real.is_relative_to(os.path.realpath(folder)) else real


def _roots(folder: Path) -> Iterator[Path]:
    """Where the files of `folder` may lie: in it, or where the Hub's cache keeps what its snapshots link to."""
    root = Path(os.path.realpath(folder))
    yield root
    if root.parent.name == "snapshots":
        yield root.parents[1] / "blobs"


def _is_shared(folder: Path, path: Path, real: Path) -> bool:
    """Whether `path` is a link of a snapshot into the store that all repositories of its cache share.

    huggingface_hub keeps such files since 1.32. In CACHE/models--OWNER--NAME/snapshots/COMMIT/FILE are two links, one
    to ../../blobs/HASH and from there one to CACHE/blobs/XX/SHARED_HASH, which is the file `real`. XX are the first two
    digits of its name. Any other chain of links is none of huggingface_hub's.
    """
    snapshot = Path(os.path.realpath(folder))
    if snapshot.parent.name != "snapshots" or not COMMIT.fullmatch(snapshot.name):
        return False
    repository = snapshot.parents[1]
    blob = _link_target(path)
    stored = blob and _link_target(blob)
    return (
        HUB_REPOSITORY.fullmatch(repository.name) is not None
        and blob is not None
        and blob.parent == repository / "blobs"
        and stored == real == repository.parent / "blobs" / real.name[:2] / real.name
        and SHARED_HASH.fullmatch(real.name) is not None
    )


def _link_target(path: Path) -> Path | None:
    """Return what the link `path` names, no link of which is followed; None if `path` is no link."""
    try:
        return Path(os.path.normpath(os.path.join(os.path.realpath(path.parent), os.readlink(path))))  # noqa: PTH115, PTH118
    except (OSError, ValueError):
        return None


def check_size(path: Path, size: int, *, remedy: str = "export or copy it again") -> None:
    """Raise ArtifactError, ending with `remedy`, unless `path` is a file of `size` bytes that this user may read."""
    fault = _fault(path, size)
    if fault is not None:
        raise ArtifactError(f"'{path}' {fault}, expected {size} bytes: {remedy}")


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
