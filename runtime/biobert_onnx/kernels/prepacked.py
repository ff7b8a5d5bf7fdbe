"""Packed weights in a folder: made once, then mapped by every process, on any CPU.

They hold for the plan and the weights of one artifact, and for one layout. With any others the runtime packs the
weights anew, into memory of its own.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from biobert_onnx._atomic_files import atomic_folder
from biobert_onnx.artifact.manifest import FileRecord, Manifest
from biobert_onnx.artifact.paths import PLAN, WEIGHTS, check_size, inside
from biobert_onnx.errors import ArtifactError
from biobert_onnx.kernels.library import INTERFACE
from biobert_onnx.kernels.packed import Arrays, map_packed, write_packed
from biobert_onnx.kernels.plan import KernelPlan

FOLDER = "prepacked"
KEY = "key.json"
PACKED_WEIGHTS = "weights.bin"


def write_prepacked(artifact: Path, plan: KernelPlan, into: Path | None = None) -> Path:
    """Write the packed weights of `artifact` into the folder `into`, by default ARTIFACT/prepacked, and return it.

    A folder of an earlier prepack is replaced, whole or not at all. Raises ArtifactError for a folder that is no whole
    artifact, FileExistsError if `into` holds anything else than packed weights.
    """
    manifest = Manifest.read(artifact)
    manifest.check_sizes(artifact)
    target = into or artifact / FOLDER
    if target.exists() and not (target / KEY).is_file():
        raise FileExistsError(f"'{target}' exists and is no folder of packed weights: choose a new folder")
    with atomic_folder(target) as work:
        write_packed(artifact, plan, work / PACKED_WEIGHTS)
        files = {PACKED_WEIGHTS: asdict(FileRecord.of(work / PACKED_WEIGHTS))}
        (work / KEY).write_text(json.dumps({**key(manifest), "files": files}, indent=2) + "\n", encoding="utf-8")
    return target


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """Return `path` as a Path; raises FileNotFoundError unless packed weights, fitting or not, lie there."""
    folder = Path(path)
    if not (folder / KEY).is_file():
        raise FileNotFoundError(
            f"no packed weights in '{folder}': make them with 'biobert-onnx prepack ARTIFACT --into FOLDER'"
        )
    return folder


def fitting_weights(folder: Path, manifest: Manifest) -> Path | None:
    """Return the packed weights in `folder` if they are whole and were made from this artifact, else None."""
    try:
        found = json.loads(inside(folder, KEY).read_bytes())
        check_size(inside(folder, PACKED_WEIGHTS), _record(found.pop("files")).size)
        fits = found == key(manifest)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):  # none there, or not whole
        return None
    return folder / PACKED_WEIGHTS if fits else None


def map_prepacked(folder: Path, manifest: Manifest, plan: KernelPlan) -> Arrays | None:
    """Map the packed weights in `folder` if they fit; None if they do not."""
    path = fitting_weights(folder, manifest)
    return None if path is None else map_packed(path, plan)


def check_packed(folder: Path) -> None:
    """Raise ArtifactError if the weights in `folder`, which `fitting_weights` accepts, have changed."""
    record = _record(json.loads((folder / KEY).read_bytes())["files"])
    if FileRecord.of(folder / PACKED_WEIGHTS) != record:
        raise ArtifactError(
            f"'{folder / PACKED_WEIGHTS}' is not what prepack wrote: run prepack again, or remove '{folder}'"
        )


def key(manifest: Manifest) -> dict[str, Any]:
    """Return what packed weights are valid for: the artifact's plan and weights, and the layout."""
    return {"artifact": {name: manifest.files[name].sha256 for name in (PLAN, WEIGHTS)}, "layout": INTERFACE}


def _record(files: Mapping[str, Any]) -> FileRecord:
    return FileRecord(**files[PACKED_WEIGHTS])
