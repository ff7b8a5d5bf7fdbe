"""Packed weights in a folder: made once, then mapped by every process, on any CPU.

They hold for the plan and the weights of one artifact, and for one layout. With any others the runtime packs the
weights anew, into memory of its own. A packed artifact has these files in place of the graphs and theirs, and they are
in its manifest.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from biobert_onnx._file_status import exists, is_file
from biobert_onnx.artifact.manifest import FileRecord, Manifest
from biobert_onnx.artifact.paths import (
    ALL_GRAPH_FILES,
    MANIFEST,
    PACKED_FOLDER,
    PACKED_KEY,
    PACKED_WEIGHTS,
    PLAN,
    WEIGHTS,
    check_size,
    inside,
)
from biobert_onnx.errors import ArtifactError
from biobert_onnx.kernels.library import INTERFACE
from biobert_onnx.kernels.packed import Arrays, map_packed, write_packed
from biobert_onnx.kernels.plan import KernelPlan

MADE_OTHERWISE = "made from another artifact, or by another version"
"""What whole packed weights are that `is_made_from` refuses."""


def write_prepacked(artifact: Path, plan: KernelPlan, into: Path | None = None) -> Path:
    """Write the packed weights of `artifact` into the folder `into`, by default ARTIFACT/prepacked, and return it.

    A folder of an earlier prepack is replaced, whole or not at all. Raises ArtifactError for a folder that is no whole
    artifact, FileExistsError if `into` holds anything else than packed weights.
    """
    from biobert_onnx._atomic_files import atomic_folder  # opening an artifact does without it, and its modules

    manifest = Manifest.read(artifact)
    manifest.check_sizes(artifact)
    target = into or artifact / PACKED_FOLDER
    if exists(target) and not is_file(target / PACKED_KEY):
        raise FileExistsError(f"'{target}' exists and is no folder of packed weights: choose a new folder")
    with atomic_folder(target) as work:
        write_packed(artifact, plan, work / PACKED_WEIGHTS)
        files = {PACKED_WEIGHTS: asdict(FileRecord.of(work / PACKED_WEIGHTS))}
        (work / PACKED_KEY).write_text(
            json.dumps({**key(manifest), "files": files}, indent=2) + "\n", encoding="utf-8", newline="\n"
        )
    return target


def pack_artifact(artifact: Path, manifest: Manifest, plan: KernelPlan, work: Path) -> dict[str, Path]:
    """Make a packed artifact of the one in `artifact`: return where each file of it lies, by its name.

    The packed weights and the manifest are written into the folder `work`; all other files stay where they are. One
    artifact gives the same bytes.
    """
    packed = write_prepacked(artifact, plan, work / PACKED_FOLDER)
    files = {name: artifact / name for name in manifest.files if name not in ALL_GRAPH_FILES}
    files |= {f"{PACKED_FOLDER}/{name}": packed / name for name in (PACKED_KEY, PACKED_WEIGHTS)}
    replace(manifest, files={name: FileRecord.of(path) for name, path in files.items()}).write(work)
    return {MANIFEST: work / MANIFEST, **files}


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """Return `path` as a Path; raises FileNotFoundError unless packed weights, fitting or not, lie there."""
    folder = Path(path)
    if not is_file(folder / PACKED_KEY):
        raise FileNotFoundError(
            f"no packed weights in '{folder}': make them with 'biobert-onnx prepack ARTIFACT --into FOLDER'"
        )
    return folder


def fitting_weights(folder: Path, manifest: Manifest) -> Path | None:
    """Return the packed weights in `folder` if they are whole and were made from this artifact, else None."""
    try:
        return folder / PACKED_WEIGHTS if is_made_from(folder, manifest) else None
    except ArtifactError:
        return None


def is_made_from(folder: Path, manifest: Manifest) -> bool:
    """Tell whether the packed weights in `folder` were made from this artifact, in this version's layout.

    Raises ArtifactError if they are not whole; their bytes are not read: `check_packed` does that.
    """
    key_file = _place(folder, PACKED_KEY, manifest)
    try:
        found = json.loads(key_file.read_bytes())
        size = _record(found.pop("files")).size
        fits = _made_from(found, manifest)
    except OSError as error:
        raise ArtifactError(f"'{key_file}' cannot be read ({error.strerror}): {_anew(folder)}") from error
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ArtifactError(f"'{key_file}' is not what prepack wrote: {_anew(folder)}") from error
    check_size(_place(folder, PACKED_WEIGHTS, manifest), size, remedy=_anew(folder))
    return fits


def _anew(folder: Path) -> str:
    return f"run prepack again, or remove '{folder}'"


def _place(folder: Path, name: str, manifest: Manifest) -> Path:
    """Return where the file `name` of packed weights lies; raises ArtifactError if a link leads away from there.

    In the Hub's cache the files of a manifest are links, allowed for the artifact's folder.
    """
    if f"{PACKED_FOLDER}/{name}" in manifest.files:
        return inside(folder.parent, f"{folder.name}/{name}")
    return inside(folder, name)


def _made_from(found: Mapping[str, Any], manifest: Manifest) -> bool:
    """Tell whether packed weights with the key `found` were made from this artifact, in this version's layout.

    A packed artifact has not the weights that they were made from; its manifest has theirs.
    """
    if manifest.is_packed:
        return bool(found["layout"] == INTERFACE and found["artifact"][PLAN] == manifest.files[PLAN].sha256)
    return found == key(manifest)


def map_prepacked(folder: Path, manifest: Manifest, plan: KernelPlan) -> Arrays | None:
    """Map the packed weights in `folder` if they fit; None if they do not."""
    path = fitting_weights(folder, manifest)
    return None if path is None else map_packed(path, plan)


def check_packed(folder: Path) -> None:
    """Raise ArtifactError if the weights in `folder`, which `fitting_weights` accepts, have changed."""
    record = _record(json.loads((folder / PACKED_KEY).read_bytes())["files"])
    if FileRecord.of(folder / PACKED_WEIGHTS) != record:
        raise ArtifactError(f"'{folder / PACKED_WEIGHTS}' is not what prepack wrote: {_anew(folder)}")


def key(manifest: Manifest) -> dict[str, Any]:
    """Return what packed weights are valid for: the artifact's plan and weights, and the layout."""
    return {"artifact": {name: manifest.files[name].sha256 for name in (PLAN, WEIGHTS)}, "layout": INTERFACE}


def _record(files: Mapping[str, Any]) -> FileRecord:
    return FileRecord(**files[PACKED_WEIGHTS])
