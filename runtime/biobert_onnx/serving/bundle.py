"""A zip for AWS Lambda: this runtime, an artifact, and the parts of the three dependencies that encoding loads."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
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

MAX_UNZIPPED_BYTES = 262_144_000
"""AWS Lambda's limit on the unzipped size of a function."""

PACKAGE = Path(__file__).parents[1]
"""The folder of `biobert_onnx` itself."""

KERNELS = "_kernels.so"
"""The compiled kernels in that folder. They run on the machine and system that they were compiled on."""

NOT_RUN = ("__pycache__", "*.c", "*.h")
"""Names in that folder that a function has no use for: bytecode of other places, the sources of the kernels."""

ARTIFACT_FOLDER = "artifact"
RECORD_FILE = "bundle.json"

HANDLER_FILE = "lambda_function.py"
HANDLER_CODE = '''\
"""The handler under AWS Lambda's default name, lambda_function.lambda_handler."""

from biobert_onnx.serving.serverless import handler as lambda_handler

__all__ = ["lambda_handler"]
'''

FUNCTION_FOLDER = "/var/task"
"""The folder that Lambda unzips a function into, as tracebacks show it."""

EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can hold: every file has it, so that equal contents give equal bytes."""

FILE_MODE = 0o100644
"""A regular file that everybody may read."""

UNIX = 3
"""The system that the zip says it was made on: only there do file modes count."""

COPY_BYTES = 2**20
"""Bytes that are copied at a time."""

LARGEST_SHOWN = 8
"""Files that the error about the size names."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The contents of a zip.

    `items`: the unzipped bytes of each item, largest first. `zipped`: the bytes of the zip. `compiled`: whether the
    Python code in it is compiled.
    """

    items: Mapping[str, int]
    zipped: int
    compiled: bool

    @property
    def unzipped(self) -> int:
        """The unzipped bytes of all items."""
        return sum(self.items.values())


def bundle(artifact: Path, target: Path, *, platform: str = PLATFORMS[0], python: str = "3.12") -> Bundle:
    """Write the zip `target` for Lambda's `platform` and `python`, and return its contents.

    pip fetches the dependencies: the versions of this environment, as wheels for that platform and Python. The same
    versions and artifact give the same bytes. Python code is compiled if `python` is the version that runs this. Else
    each cold start compiles it, because Lambda's files are read-only.

    Raises ArtifactError for a bad artifact, ValueError for an unknown `platform` or a `python` that is not a version,
    FileNotFoundError if the folder of `target` does not exist, BundleError if a wheel cannot be fetched or the zip
    would be too large. Then nothing is written.
    """
    _check_arguments(target, platform, python)
    manifest = Manifest.read(artifact)
    manifest.check_contents(artifact)
    compiled = python == f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work) / "tree"
        wheels = unpack_wheels(tree, Path(work) / "report.json", platform=platform, python=python)
        shutil.copytree(PACKAGE, tree / PACKAGE.name, ignore=shutil.ignore_patterns(*_left_out(platform)))
        (tree / HANDLER_FILE).write_text(HANDLER_CODE, encoding="utf-8")
        if compiled:
            _compile(tree)
        record = _record(artifact, manifest, wheels, platform=platform, python=python, compiled=compiled)
        (tree / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        files = {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if path.is_file()}
        files |= {f"{ARTIFACT_FOLDER}/{name}": artifact / name for name in (MANIFEST, *manifest.files)}
        sizes = {name: files[name].stat().st_size for name in sorted(files)}
        _check_size(sizes)
        _write(target, {name: files[name] for name in sizes})
    return Bundle(items=_items(sizes), zipped=target.stat().st_size, compiled=compiled)


def _check_arguments(target: Path, platform: str, python: str) -> None:
    if platform not in PLATFORMS:
        raise ValueError(f"platform is {platform!r}, expected one of {', '.join(PLATFORMS)}")
    if [part.isdecimal() for part in python.split(".")] != [True, True]:
        raise ValueError(f"python is {python!r}, expected a version of two numbers, like 3.12")
    check_parent_folder(target)


def _left_out(platform: str) -> tuple[str, ...]:
    """Return the patterns of names in PACKAGE that do not go into the zip: elsewhere, the kernels of this machine."""
    _, _, _, machine = platform.split("_", 3)
    return NOT_RUN if sysconfig.get_platform() == f"linux-{machine}" else (*NOT_RUN, KERNELS)


def _compile(tree: Path) -> None:
    """Put bytecode beside all code in `tree`, of the kind that is never compared with its source.

    The other kind holds the time of the source's file, so that its bytes would differ from run to run.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-s", str(tree), "-p", FUNCTION_FOLDER]
    command += ["--invalidation-mode", "unchecked-hash", str(tree)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})  # an order of sets that stays


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
    if total > MAX_UNZIPPED_BYTES:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:LARGEST_SHOWN]
        listed = ", ".join(f"{name} {sizes[name]:,}" for name in largest)
        raise BundleError(
            f"unzipped this would be {total:,} bytes, AWS Lambda takes {MAX_UNZIPPED_BYTES:,}; the largest files: "
            f"{listed}: use an int8 artifact of a smaller checkpoint, or a container image"
        )


def _write(target: Path, files: Mapping[str, Path]) -> None:
    with atomic_file(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            info = zipfile.ZipInfo(name, EARLIEST_TIME)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, FILE_MODE << 16, UNIX
            info.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(info, "w") as out:
                shutil.copyfileobj(source, out, COPY_BYTES)


def _items(sizes: Mapping[str, int]) -> dict[str, int]:
    """Add the sizes up by the first part of each path."""
    items: Counter[str] = Counter()
    for name, size in sizes.items():
        items[name.partition("/")[0]] += size
    return dict(items.most_common())
