"""Ways to damage the files of an artifact, and to edit its manifest so that it shows no damage."""

import hashlib
import json
import os
import shutil
from pathlib import Path

from biobert_onnx import Manifest
from biobert_onnx.encoding.prepacked import FOLDER


def copied(artifact: Path, folder: Path) -> Path:
    return Path(shutil.copytree(artifact, folder, ignore=shutil.ignore_patterns(FOLDER)))


def names(folder: Path) -> list[str]:
    return list(Manifest.read(folder).files)


def missing(path: Path) -> None:
    path.unlink()


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def longer(path: Path) -> None:
    os.truncate(path, path.stat().st_size + 1)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def a_link_to_outside(path: Path) -> None:
    outside = next(parent for parent in path.parents if parent.name == "artifact").with_name("outside")
    path.rename(outside)
    path.symlink_to(outside)


def edit_manifest(folder: Path, *keys: str, value: object) -> None:
    """Set one value of the manifest, and its own sha256 so that this shows no damage."""
    path = folder / "manifest.json"
    content = last = json.loads(path.read_text(encoding="utf-8"))
    for key in keys[:-1]:
        last = last[key]
    last[keys[-1]] = value
    text = json.dumps(content | {"sha256": "0" * 64})
    path.write_text(text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest()), encoding="utf-8")
