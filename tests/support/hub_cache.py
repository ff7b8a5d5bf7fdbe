"""The layouts that huggingface_hub 0.34 to 2.4 leave in a cache, seen on disk after downloads by those versions."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from biobert_onnx import Manifest
from biobert_onnx.artifact.paths import MANIFEST

COMMIT = "0123456789abcdef0123456789abcdef01234567"

LARGE = ("encoder.onnx", "model.onnx", "model.onnx_data")
"""Files that the Hub keeps in the storage whose files a cache shares."""


def snapshot_folder(cache: Path) -> Path:
    return cache / "models--someone--tiny" / "snapshots" / COMMIT


def linked(file: Path, name: str, snapshot: Path) -> None:
    """Put a copy of `file` where the snapshot's link leads: the layout of every version."""
    blob = snapshot.parents[1] / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
    put(file, blob)
    link(snapshot / name, blob)


def shared(file: Path, name: str, snapshot: Path) -> None:
    """Put a copy of `file` into the store of the cache, two links away: from 1.32 on."""
    content = file.read_bytes()
    blob = snapshot.parents[1] / "blobs" / hashlib.sha256(content).hexdigest()
    other_hash, store = hashlib.sha256(b"another hash: " + content).hexdigest(), snapshot.parents[2] / "blobs"
    stored = store / other_hash[:2] / other_hash
    put(file, stored)
    (store / ".huggingface-shared-blobs").write_text("1\n", encoding="utf-8")
    link(blob, stored)
    link(snapshot / name, blob)


def copied(file: Path, name: str, snapshot: Path) -> None:
    """Put a copy of `file` into the snapshot itself: where there are no links, as on some Windows."""
    put(file, snapshot / name)


def all_but_large(small: Callable[[Path, str, Path], None]) -> Callable[[Path, str, Path], None]:
    """The layout `small`, with the large files in the store."""

    def place(file: Path, name: str, snapshot: Path) -> None:
        (shared if name in LARGE else small)(file, name, snapshot)

    return place


def only_weights(file: Path, name: str, snapshot: Path) -> None:
    (shared if name == "model.onnx_data" else linked)(file, name, snapshot)


def only_graphs(file: Path, name: str, snapshot: Path) -> None:
    (shared if name.endswith(".onnx") else linked)(file, name, snapshot)


LAYOUTS = {
    "links": linked,
    "store": shared,
    "large files in the store": all_but_large(linked),
    "large files in the store, copies": all_but_large(copied),
    "weights in the store": only_weights,
    "graphs in the store": only_graphs,
    "copies": copied,
}


def in_cache(artifact: Path, cache: Path, layout: str) -> Path:
    """The snapshot of `artifact` in a new cache."""
    snapshot = snapshot_folder(cache)
    for name in (MANIFEST, *Manifest.read(artifact).files):
        LAYOUTS[layout](artifact / name, name, snapshot)
    return snapshot


def put(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    target.chmod(0o444)


def link(path: Path, target: Path) -> None:
    """Make `path` a relative link to `target`, as huggingface_hub does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink():
        path.symlink_to(os.path.relpath(target, path.parent))
