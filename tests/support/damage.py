"""Ways to damage the files of an artifact, and to edit its manifest so that it shows no damage."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import Manifest
from biobert_onnx.artifact.paths import PACKED_FOLDER


def copied(artifact: Path, folder: Path) -> Path:
    return Path(shutil.copytree(artifact, folder, ignore=shutil.ignore_patterns(PACKED_FOLDER)))


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
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with a path")
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
    content = last = _manifest(folder)
    for key in keys[:-1]:
        last = last[key]
    last[keys[-1]] = value
    _write_manifest(folder, content)


def remove_key(folder: Path, key: str) -> None:
    """Remove one value of the manifest as `edit_manifest` sets one."""
    content = _manifest(folder)
    del content[key]
    _write_manifest(folder, content)


def _manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return content


def _write_manifest(folder: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content | {"sha256": "0" * 64})
    sealed = text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest())
    (folder / "manifest.json").write_text(sealed, encoding="utf-8")
