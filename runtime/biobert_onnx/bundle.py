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
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any

from biobert_onnx.artifact import MANIFEST, FileRecord, Manifest
from biobert_onnx.replacement import replaced_file
from biobert_onnx.version import __version__

MOST_BYTES = 262_144_000
"""Of all files of a function, unzipped: AWS Lambda's quotas."""

PACKAGES = ("numpy", "onnxruntime", "tokenizers")
"""Without their own dependencies, of which encoding imports none: flatbuffers, packaging and protobuf (onnxruntime),
huggingface_hub and all that it needs (tokenizers)."""

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64")
"""glibc 2.28, which onnxruntime's wheels ask for; Lambda's Python 3.12 and later have 2.34, 3.11 has 2.26."""

OLDEST_GLIBC = 17
"""Wheels for glibc 2.17 (manylinux2014), as tokenizers has them, run there too, and pip wants each tag named."""

STRIPPED = (
    "bin/*",  # console scripts
    "*/tests/*",
    "*.pyi", "*.pxd", "*.h", "*.a",  # for compilers and type checkers
    "numpy/f2py/*", "numpy/distutils/*", "numpy/_pyinstaller/*", "numpy/doc/*",
    "numpy/testing/*", "numpy/_core/_multiarray_tests*", "numpy/_core/_operand_flag_tests*",
    "numpy/_core/_rational_tests*", "numpy/_core/_struct_ufunc_tests*", "numpy/_core/_umath_tests*",
    "numpy/random/*", "numpy/fft/*", "numpy/polynomial/*", "numpy/ma/*",  # imported when they are first named
    "onnxruntime/tools/*", "onnxruntime/transformers/*", "onnxruntime/quantization/*", "onnxruntime/datasets/*",
    "onnxruntime/backend/*",
    "onnxruntime/capi/libonnxruntime.so*",  # for C programs; the Python module has all of it inside
    "tokenizers/tools/*",
    "*.dist-info/INSTALLER", "*.dist-info/RECORD", "*.dist-info/REQUESTED", "*.dist-info/WHEEL",
    "*.dist-info/*.txt", "*.dist-info/sboms/*",  # METADATA and licences stay
)  # fmt: skip
"""What the zip leaves out of the dependencies: patterns of paths, * standing for any characters."""

ARTIFACT = "artifact"
RECORD = "bundle.json"

ENTRY = "lambda_function.py"
ENTRY_CODE = '''\
"""The handler under AWS Lambda's default name, lambda_function.lambda_handler."""

from biobert_onnx.serverless import handler as lambda_handler

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


class BundleError(ValueError):
    """The zip could not be made: a dependency could not be had, or all is too large."""


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
        wheels = _install(tree, Path(work) / "report.json", platform=platform, python=python)
        _strip(tree)
        shutil.copytree(Path(__file__).parent, tree / __package__, ignore=shutil.ignore_patterns("__pycache__"))
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
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"no such folder: '{target.parent}', for the zip '{target}'")


def _install(tree: Path, report: Path, *, platform: str, python: str) -> dict[str, Any]:
    """Let pip unpack the dependencies into `tree`; returns the version, file and sha256 of each wheel."""
    pins = [f"{name}=={version(name)}" for name in PACKAGES]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--no-compile", "--only-binary=:all:", "--target", str(tree), "--report", str(report)]
    command += ["--implementation", "cp", "--python-version", python]
    command += [f"--platform={tag}" for tag in _tags(platform)]
    done = subprocess.run([*command, *pins], capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()
        raise BundleError(f"pip cannot get {', '.join(pins)} for {platform} and Python {python}: {' '.join(lines)}")
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    return dict(sorted(_wheel(item) for item in installed))


def _tags(platform: str) -> list[str]:
    """The platform tags of wheels that run on `platform`, the best first.

    >>> _tags("manylinux_2_28_aarch64")[::4]
    ['manylinux_2_28_aarch64', 'manylinux_2_24_aarch64', 'manylinux_2_20_aarch64', 'manylinux2014_aarch64']
    """
    _, _, newest, machine = platform.split("_", 3)
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(int(newest), OLDEST_GLIBC - 1, -1)]
    return [*tags, f"manylinux2014_{machine}"]


def _wheel(item: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    metadata, source = item["metadata"], item["download_info"]
    file = source["url"].rpartition("/")[2]
    return metadata["name"], {
        "version": metadata["version"],
        "wheel": file,
        "sha256": source["archive_info"]["hashes"]["sha256"],
    }


def _strip(tree: Path) -> None:
    for path in list(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_file() and any(fnmatch(name, pattern) for pattern in STRIPPED):
            path.unlink()


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
    with replaced_file(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
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
