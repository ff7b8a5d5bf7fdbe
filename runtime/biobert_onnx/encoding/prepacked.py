"""Weights laid out for one machine: packed once by onnxruntime, then mapped by every process.

Without them, each session packs the weights into memory of its own. Packed files are valid for one artifact, one
onnxruntime version and one type of CPU; with any other the runtime takes the artifact's plain files.
"""

import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from biobert_onnx._atomic_files import atomic_folder
from biobert_onnx.artifact.manifest import FileRecord, Manifest
from biobert_onnx.artifact.paths import ENCODER_GRAPH, WEIGHTS, check_size, inside
from biobert_onnx.encoding.ort import onnxruntime
from biobert_onnx.encoding.sessions import new_session, session_options
from biobert_onnx.errors import ArtifactError

FOLDER = "prepacked"
KEY = "key.json"

MIN_EXTERNAL_BYTES = 1024
"""A tensor of fewer bytes stays in the graph's own file, as in the artifact."""

CPU_FIELDS = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU implementer", "CPU part", "Features")
"""Fields of /proc/cpuinfo that identify a type of CPU, on x86 and on ARM."""


def prepack(artifact: Path, into: Path | None = None) -> Path:
    """Write the packed weights of `artifact` into the folder `into`, by default ARTIFACT/prepacked, and return it.

    A folder of an earlier prepack is replaced, whole or not at all. Raises ArtifactError for a folder that is no
    artifact, FileExistsError if `into` holds anything else than packed weights.
    """
    manifest = Manifest.read(artifact)
    manifest.check_sizes(artifact)
    target = into or artifact / FOLDER
    if target.exists() and not (target / KEY).is_file():
        raise FileExistsError(f"'{target}' exists and is no folder of packed weights: choose a new folder")
    with atomic_folder(target) as work:
        options = session_options(threads=1)
        options.optimized_model_filepath = str(work / ENCODER_GRAPH)
        for name, value in (
            ("session.save_external_prepacked_constant_initializers", "1"),
            ("session.optimized_model_external_initializers_file_name", WEIGHTS),
            ("session.optimized_model_external_initializers_min_size_in_bytes", str(MIN_EXTERNAL_BYTES)),
        ):
            options.add_session_config_entry(name, value)
        new_session(artifact / ENCODER_GRAPH, options)
        files = {name: asdict(FileRecord.of(work / name)) for name in (ENCODER_GRAPH, WEIGHTS)}
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


def fitting_graph(folder: Path, manifest: Manifest) -> Path | None:
    """Return the packed graph in `folder` if it is whole and fits this artifact and this machine, else None."""
    try:
        found = json.loads(inside(folder, KEY).read_bytes())
        for name, record in _records(found.pop("files")).items():
            check_size(inside(folder, name), record.size)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):  # none there, or not whole
        return None
    return folder / ENCODER_GRAPH if found == key(manifest) else None


def check_packed(folder: Path) -> None:
    """Raise ArtifactError at the first changed file of `folder`, one that `fitting_graph` accepts."""
    for name, record in _records(json.loads((folder / KEY).read_bytes())["files"]).items():
        if FileRecord.of(folder / name) != record:
            raise ArtifactError(f"'{folder / name}' is not what prepack wrote: run prepack again, or remove '{folder}'")


def _records(files: Mapping[str, Any]) -> dict[str, FileRecord]:
    return {name: FileRecord(**files[name]) for name in (ENCODER_GRAPH, WEIGHTS)}


def key(manifest: Manifest) -> dict[str, Any]:
    """Return what packed weights are valid for: the artifact's files, the onnxruntime version, the type of CPU."""
    return {
        "artifact": {name: manifest.files[name].sha256 for name in (ENCODER_GRAPH, WEIGHTS)},
        "onnxruntime": onnxruntime.__version__,
        "cpu": cpu_type(),
    }


def cpu_type(cpuinfo: Path = Path("/proc/cpuinfo")) -> Mapping[str, str]:
    """Return the fields that identify the type of the first CPU, from /proc/cpuinfo or else from `platform`."""
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
            fields = dict(_fields(lines))
    except OSError:
        return {"machine": platform.machine(), "processor": platform.processor()}
    return {name: fields[name] for name in CPU_FIELDS if name in fields}


def _fields(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:  # the blank line after the first CPU
            return
        yield name.strip(), value.strip()
