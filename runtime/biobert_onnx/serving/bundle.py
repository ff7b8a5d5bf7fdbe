"""A zip for AWS Lambda: this runtime, its three dependencies without what encoding never loads, an artifact."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biobert_onnx._atomic_files import atomic_file, check_parent_folder
from biobert_onnx.artifact.manifest import FileRecord, Manifest
from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.errors import BundleError
from biobert_onnx.serving.wheels import PLATFORMS, unpack_wheels
from biobert_onnx.version import __version__

__all__ = ["Bundle", "BundleError", "bundle"]

MOST_BYTES = 262_144_000
"""Of all files of a function, unzipped: AWS Lambda's quotas."""

PACKAGE = Path(__file__).parents[1]
"""The folder of `biobert_onnx` itself, which goes into the zip whole."""

ARTIFACT = "artifact"
RECORD = "bundle.json"

ENTRY = "lambda_function.py"
ENTRY_CODE = '''\
"""The handler under AWS Lambda's default name, lambda_function.lambda_handler."""

from biobert_onnx.serving.serverless import handler as lambda_handler

__all__ = ["lambda_handler"]
'''

ROOT = "/var/task"
"""Where Lambda unzips a function, for tracebacks."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can hold."""

READABLE = 0o100644
MEBIBYTE = 2**20
NAMED = 8
"""Files that the error about the size names."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What a zip holds: bytes of each item, unzipped, largest first; bytes of the zip; whether Python is compiled."""

    items: Mapping[str, int]
    zipped: int
    compiled: bool

    @property
    def unzipped(self) -> int:
        """Bytes of all items."""
        return sum(self.items.values())


def bundle(artifact: Path, target: Path, *, platform: str = PLATFORMS[0], python: str = "3.12") -> Bundle:
    """Write the zip `target` for Lambda's `platform` and `python`, and say what it holds.

    The dependencies are those of this environment, in their wheels for that platform and Python, fetched by pip. The
    same versions and artifact give the same bytes. Python code is compiled if `python` is the one that runs this:
    Lambda's files are read-only, so it would else be compiled at every cold start.

    Raises ArtifactError for a bad artifact, ValueError for another platform or what is no version of Python,
    FileNotFoundError if there is no folder for `target`, BundleError if a wheel cannot be had or if all is too large;
    then nothing is written.
    """
    _check(target, platform, python)
    manifest = Manifest.read(artifact)
    manifest.check_contents(artifact)
    compiled = python == f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work) / "tree"
        wheels = unpack_wheels(tree, Path(work) / "report.json", platform=platform, python=python)
        shutil.copytree(PACKAGE, tree / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        (tree / ENTRY).write_text(ENTRY_CODE, encoding="utf-8")
        if compiled:
            _compile(tree)
        record = _record(artifact, manifest, wheels, platform=platform, python=python, compiled=compiled)
        (tree / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        files = {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if path.is_file()}
        files |= {f"{ARTIFACT}/{name}": artifact / name for name in (MANIFEST, *manifest.files)}
        sizes = {name: files[name].stat().st_size for name in sorted(files)}
        _check_size(sizes)
        _write(target, {name: files[name] for name in sizes})
    return Bundle(items=_items(sizes), zipped=target.stat().st_size, compiled=compiled)


def _check(target: Path, platform: str, python: str) -> None:
    if platform not in PLATFORMS:
        raise ValueError(f"platform is {platform!r}, expected one of {', '.join(PLATFORMS)}")
    if [part.isdecimal() for part in python.split(".")] != [True, True]:
        raise ValueError(f"python is {python!r}, expected a version of two numbers, like 3.12")
    check_parent_folder(target)


def _compile(tree: Path) -> None:
    """Put bytecode beside all code in `tree`: never checked against its source, so the time of a file is not in it."""
    command = [sys.executable, "-m", "compileall", "-q", "-s", str(tree), "-p", ROOT]
    command += ["--invalidation-mode", "unchecked-hash", str(tree)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})  # sets keep one order


def _record(
    artifact: Path, manifest: Manifest, wheels: Mapping[str, Any], *, platform: str, python: str, compiled: bool
) -> dict[str, Any]:
    return {
        "format": 1,
        "biobert-onnx": __version__,
        "platform": platform,
        "python": python,
        "compiled": compiled,
        "wheels": wheels,
        "artifact": {"name": manifest.name, "sha256": FileRecord.of(artifact / MANIFEST).sha256},
    }


def _check_size(sizes: Mapping[str, int]) -> None:
    total = sum(sizes.values())
    if total > MOST_BYTES:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:NAMED]
        told = ", ".join(f"{name} {sizes[name]:,}" for name in largest)
        raise BundleError(
            f"unzipped this would be {total:,} bytes, AWS Lambda takes {MOST_BYTES:,}; the largest files: {told}: "
            "take an int8 artifact of a smaller checkpoint, or a container image"
        )


def _write(target: Path, files: Mapping[str, Path]) -> None:
    with atomic_file(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, READABLE << 16, 3
            info.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(info, "w") as out:
                shutil.copyfileobj(source, out, MEBIBYTE)


def _items(sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes added up by the first part of each path."""
    items: Counter[str] = Counter()
    for name, size in sizes.items():
        items[name.partition("/")[0]] += size
    return dict(items.most_common())
