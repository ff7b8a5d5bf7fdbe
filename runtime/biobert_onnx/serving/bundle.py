"""A zip for AWS Lambda: this runtime, an artifact, and the parts of the dependencies that encoding loads."""

import json
import os
import re
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
from biobert_onnx.encoding.engines import KERNELS, ONNXRUNTIME, check_engine
from biobert_onnx.errors import BundleError
from biobert_onnx.kernels.engine import supported_plan
from biobert_onnx.kernels.library import PATH as LIBRARY
from biobert_onnx.kernels.library import KernelsUnavailableError, load_library
from biobert_onnx.kernels.plan import KernelPlan
from biobert_onnx.kernels.prepacked import pack_artifact
from biobert_onnx.serving.settings import variable_of
from biobert_onnx.serving.wheels import KERNEL_PACKAGES, PACKAGES, PLATFORMS, unpack_wheels
from biobert_onnx.version import __version__

__all__ = ["Bundle", "BundleError", "bundle"]

MAX_UNZIPPED_BYTES = 262_144_000
"""AWS Lambda's limit on the unzipped size of a function."""

PACKAGE = Path(__file__).parents[1]
"""The folder of `biobert_onnx` itself."""

NEWEST_GLIBC_MINOR = 34
"""The C library of Lambda's Python 3.12 and later is glibc 2.34."""

NOT_RUN = ("__pycache__", "*.c", "*.h")
"""Names in PACKAGE that a function has no use for: bytecode of other places, the sources of the kernels."""

ARTIFACT_FOLDER = "artifact"
RECORD_FILE = "bundle.json"

HANDLER_FILE = "lambda_function.py"
HANDLER_CODE = '''\
"""The handler under AWS Lambda's default name, lambda_function.lambda_handler."""

{first}from biobert_onnx.serving.serverless import handler as lambda_handler

__all__ = ["lambda_handler"]
'''
WITHOUT_KERNELS = f"""\
import os

os.environ.setdefault({variable_of("engine")!r}, {ONNXRUNTIME!r})

"""
"""First in the handler of a zip for onnxruntime alone: there, it does not stand in for the kernels."""

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


def bundle(
    artifact: Path,
    target: Path,
    *,
    platform: str = PLATFORMS[0],
    python: str = "3.12",
    engine: str | None = None,
) -> Bundle:
    """Write the zip `target` for Lambda's `platform` and `python`, and return its contents.

    `engine`: "kernels" leaves onnxruntime out, and the zip holds the artifact packed, without its graphs; "onnxruntime"
    leaves the kernels out. With None, a zip for this kind of machine has both, and of a packed artifact the kernels.

    pip fetches the dependencies: the versions of this environment, as wheels for that platform and Python. The same
    versions and artifact give the same bytes. Python code is compiled if `python` is the version that runs this. Else
    each cold start compiles it, because Lambda's files are read-only.

    Raises ArtifactError for a bad artifact, ValueError for an unknown `platform` or `engine` or a `python` that is not
    a version, FileNotFoundError if the folder of `target` does not exist, BundleError if the engine cannot run the
    artifact in the function, if a wheel cannot be fetched or if the zip would be too large. Then nothing is written.
    """
    _check_arguments(target, platform, python, engine)
    manifest = Manifest.read(artifact)
    manifest.check_contents(artifact)
    if engine is None and manifest.is_packed:
        engine = KERNELS
    compiled = python == f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work) / "tree"
        artifact_files = _artifact_files(artifact, manifest, engine, platform, Path(work) / "artifact")
        packages = KERNEL_PACKAGES if engine == KERNELS else PACKAGES
        wheels = unpack_wheels(packages, tree, Path(work) / "report.json", platform=platform, python=python)
        shutil.copytree(PACKAGE, tree / PACKAGE.name, ignore=shutil.ignore_patterns(*_left_out(platform, engine)))
        first = WITHOUT_KERNELS if engine == ONNXRUNTIME else ""
        (tree / HANDLER_FILE).write_text(HANDLER_CODE.format(first=first), encoding="utf-8")
        if compiled:
            _compile(tree)
        settings = {"platform": platform, "python": python, "engine": engine, "compiled": compiled}
        record = _record(artifact, manifest, wheels, settings)
        (tree / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        files = {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if path.is_file()}
        files |= {f"{ARTIFACT_FOLDER}/{name}": path for name, path in artifact_files.items()}
        sizes = {name: files[name].stat().st_size for name in sorted(files)}
        _check_size(sizes)
        _write(target, {name: files[name] for name in sizes})
    return Bundle(items=_items(sizes), zipped=target.stat().st_size, compiled=compiled)


def _check_arguments(target: Path, platform: str, python: str, engine: str | None) -> None:
    if platform not in PLATFORMS:
        raise ValueError(f"platform is {platform!r}, expected one of {', '.join(PLATFORMS)}")
    if [part.isdecimal() for part in python.split(".")] != [True, True]:
        raise ValueError(f"python is {python!r}, expected a version of two numbers, like 3.12")
    check_engine(engine)
    check_parent_folder(target)


def _artifact_files(
    artifact: Path, manifest: Manifest, engine: str | None, platform: str, work: Path
) -> dict[str, Path]:
    """Return where each file of the function's artifact lies, by its name; new ones are written into `work`.

    Raises BundleError if `engine` cannot run the artifact in the function.
    """
    if engine == ONNXRUNTIME and manifest.is_packed:
        raise BundleError(
            f"onnxruntime cannot run '{artifact}', because a packed artifact has no graphs; leave engine= out, or "
            "bundle the artifact that it was made from"
        )
    if engine == KERNELS:
        plan = _kernel_plan(artifact, manifest, platform)
        if not manifest.is_packed:
            work.mkdir()
            return pack_artifact(artifact, manifest, plan, work)
    return {name: artifact / name for name in (MANIFEST, *manifest.files)}


def _kernel_plan(artifact: Path, manifest: Manifest, platform: str) -> KernelPlan:
    """Return the artifact's plan; raises BundleError unless the kernels of this machine can run it on `platform`."""
    try:
        _check_library(platform)
        return supported_plan(artifact, manifest)
    except KernelsUnavailableError as error:
        remedy = "bundle the artifact that it was made from" if manifest.is_packed else "leave engine= out"
        raise BundleError(
            f"the kernels cannot run '{artifact}' in the function, because {error}; {remedy} to get onnxruntime"
        ) from error


def _check_library(platform: str) -> None:
    """Raise KernelsUnavailableError unless the compiled kernels of this machine can be loaded on `platform`."""
    if not _is_this_machine(platform):
        raise KernelsUnavailableError(
            f"they are compiled for this machine, {sysconfig.get_platform()}, and not for {platform=}: run bundle there"
        )
    load_library()
    needed = max(map(int, re.findall(rb"GLIBC_2\.(\d+)", LIBRARY.read_bytes())), default=0)
    if needed > NEWEST_GLIBC_MINOR:
        raise KernelsUnavailableError(
            f"they were compiled with glibc 2.{needed}, and Lambda has 2.{NEWEST_GLIBC_MINOR}: install biobert-onnx on "
            "an older Linux and run bundle there"
        )


def _is_this_machine(platform: str) -> bool:
    _, _, _, machine = platform.split("_", 3)
    return sysconfig.get_platform() == f"linux-{machine}"


def _left_out(platform: str, engine: str | None) -> tuple[str, ...]:
    """Return the patterns of names in PACKAGE that do not go into the zip, its kernels if no function runs them."""
    has_kernels = engine != ONNXRUNTIME and _is_this_machine(platform)
    return NOT_RUN if has_kernels else (*NOT_RUN, LIBRARY.name)


def _compile(tree: Path) -> None:
    """Put bytecode beside all code in `tree`, of the kind that is never compared with its source.

    The other kind holds the time of the source's file, so that its bytes would differ from run to run.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-s", str(tree), "-p", FUNCTION_FOLDER]
    command += ["--invalidation-mode", "unchecked-hash", str(tree)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})  # an order of sets that stays


def _record(
    artifact: Path, manifest: Manifest, wheels: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What is in the zip; the sha256 is that of the manifest in `artifact`."""
    return {
        "format": 1,
        "biobert-onnx": __version__,
        **settings,
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
