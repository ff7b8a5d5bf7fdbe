"""A zip for AWS Lambda: this runtime, an artifact, and the parts of the dependencies that encoding loads."""

import json
import os
import re
import shutil
import sys
import sysconfig
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from biobert_onnx._atomic_files import WRITE_ERRORS, atomic_file, check_output_file
from biobert_onnx._file_status import is_file
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
from biobert_onnx.serving.wheels import (
    KERNEL_PACKAGES,
    PACKAGES,
    PLATFORMS,
    check_start,
    last_line,
    no_room,
    run_to_end,
    unpack_wheels,
)
from biobert_onnx.version import __version__

__all__ = ["Bundle", "BundleError", "bundle", "doubts"]

MAX_UNZIPPED_BYTES = 262_144_000
"""AWS Lambda's limit on the unzipped size of a function."""

PACKAGE = Path(__file__).parents[1]
"""The folder of `biobert_onnx` itself."""

LAMBDA_PYTHONS = ("3.12", "3.13", "3.14")
"""The Pythons of AWS Lambda that can run the zip, in November 2026. Lambda has 3.10 and 3.11 too, with glibc 2.26: the
wheels need 2.28. It announced 3.15 for that month, after a public preview; whether it came was not seen.

Source: AWS, "Lambda runtimes", https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, as others quoted it
from July to October 2026.
"""

OLDEST_PYTHON = (3, 11)
"""The oldest Python of this package, as in `requires-python` of pyproject.toml."""

NEWEST_GLIBC_MINOR = 34
"""The C library of LAMBDA_PYTHONS is glibc 2.34."""

NOT_RUN = (
    "__pycache__", "*.c", "*.h",  # bytecode of other places, the sources of the kernels
    "__main__.py", "catalog", "cli", "comparison", "files", "integrations", "nlu", "sentences", "spark",
    "serving/bundle.py", "serving/http", "serving/wheels.py",
)  # fmt: skip
"""Ends of paths in PACKAGE that a function has no use for: nothing that the handler imports imports them."""

PROJECT = "biobert-onnx"
"""The name under which this project is installed."""

LICENCE = "LICENSE"
"""The name of this project's licence, in its metadata and in the zip's PACKAGE."""

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
    python: str = LAMBDA_PYTHONS[0],
    engine: str | None = None,
) -> Bundle:
    """Write the zip `target` for Lambda's `platform` and `python`, and return its contents.

    `engine`: "kernels" leaves onnxruntime out, and the zip holds the artifact packed, without its graphs; "onnxruntime"
    leaves the kernels out. With None, a zip for this kind of machine has both, and of a packed artifact the kernels.

    pip fetches the dependencies: the versions of this environment, as wheels for that platform and Python. Of this
    package, what the handler imports is in the zip, with every licence. `doubts` tells what may not run. The same
    versions and artifact give the same bytes. Python code is compiled if `python` is the version that runs this. Else
    each cold start compiles it, because Lambda's files are read-only.

    Raises ArtifactError for a bad artifact, ValueError for an unknown `platform` or `engine` or a `python` that is no
    version or older than OLDEST_PYTHON, FileNotFoundError if the folder of `target` does not exist, BundleError if the
    engine cannot run the artifact in the function, if a wheel cannot be fetched, if the disk of temporary files is
    full, if the dependencies cannot start without what is left out of them (tried where `platform` and `python` are
    those that run this), or if the zip would be too large. Then nothing is written.
    """
    _check_arguments(target, platform, python, engine)
    manifest = Manifest.read(artifact)
    manifest.check_contents(artifact)
    if engine is None and manifest.is_packed:
        engine = KERNELS
    compiled = python == f"{sys.version_info.major}.{sys.version_info.minor}"
    with _work_folder() as work:
        tree = work / "tree"
        artifact_files = _artifact_files(artifact, manifest, engine, platform, work / "artifact")
        packages = KERNEL_PACKAGES if engine == KERNELS else PACKAGES
        wheels = unpack_wheels(packages, tree, work, platform=platform, python=python)
        if compiled and _is_this_machine(platform):
            check_start(packages, tree)
        has_kernels = engine != ONNXRUNTIME and _is_this_machine(platform)
        shutil.copytree(PACKAGE, tree / PACKAGE.name, ignore=partial(_left_out, has_kernels=has_kernels))
        shutil.copyfile(_licence(), tree / PACKAGE.name / LICENCE)
        first = WITHOUT_KERNELS if engine == ONNXRUNTIME else ""
        (tree / HANDLER_FILE).write_text(HANDLER_CODE.format(first=first), encoding="utf-8", newline="\n")
        if compiled:
            _compile(tree)
        settings = {"platform": platform, "python": python, "engine": engine, "compiled": compiled}
        record = _record(artifact, manifest, wheels, settings)
        (tree / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8", newline="\n")
        files = {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if is_file(path)}
        files |= {f"{ARTIFACT_FOLDER}/{name}": path for name, path in artifact_files.items()}
        sizes = {name: files[name].stat().st_size for name in sorted(files)}
        _check_size(sizes)
        _write(target, {name: files[name] for name in sizes})
    return Bundle(items=_items(sizes), zipped=target.stat().st_size, compiled=compiled)


def doubts(*, platform: str, python: str) -> Iterator[str]:
    """Yield a sentence for each reason to doubt that Lambda runs a zip for `platform` and `python`.

    Raises ValueError as `bundle` does.
    """
    version, known = _version(python), [_version(each) for each in LAMBDA_PYTHONS]
    those = f"{LAMBDA_PYTHONS[0]} to {LAMBDA_PYTHONS[-1]}"
    if version < known[0]:
        yield f"AWS Lambda cannot run this zip on Python {python}, whose C library is too old there: take {those}"
    elif version > known[-1]:
        yield (
            f"Python {python} is not among those of AWS Lambda that are known to run the zip, {those}: look whether "
            "Lambda has it now, or take one of these"
        )
    if platform.endswith("_aarch64"):
        yield (
            "a zip for arm64 ran on emulated CPUs alone, never on AWS Lambda: try the function before you rely on it"
        )


def _version(python: str) -> tuple[int, ...]:
    parts = python.split(".")
    if [part.isdecimal() for part in parts] != [True, True]:
        raise ValueError(f"python is {python!r}, expected a version of two numbers, like {LAMBDA_PYTHONS[0]}")
    version = tuple(map(int, parts))
    if version < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        raise ValueError(
            f"python is {python!r}, expected {oldest} or later, as the code in the zip needs it: take "
            f"{LAMBDA_PYTHONS[0]} to {LAMBDA_PYTHONS[-1]}"
        )
    return version


def _check_arguments(target: Path, platform: str, python: str, engine: str | None) -> None:
    if platform not in PLATFORMS:
        raise ValueError(f"platform is {platform!r}, expected one of {', '.join(PLATFORMS)}")
    _version(python)
    check_engine(engine)
    check_output_file(target)


@contextmanager
def _work_folder() -> Iterator[Path]:
    """Make a temporary folder for the block; raises BundleError, which names it, if the disk has no room for it."""
    with tempfile.TemporaryDirectory(prefix="biobert-onnx-bundle-") as folder:
        try:
            yield Path(folder)
        except shutil.Error as error:  # of a tree that was copied: its first file that could not be
            _, _, reason = error.args[0][0]
            raise no_room(Path(folder), reason) from error
        except OSError as error:
            if error.errno not in WRITE_ERRORS:
                raise
            raise no_room(Path(folder), str(error.strerror)) from error


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


def _left_out(folder: str, names: list[str], *, has_kernels: bool) -> set[str]:
    """Return those of `names`, in a `folder` of PACKAGE, that do not go into the zip."""
    patterns = NOT_RUN if has_kernels else (*NOT_RUN, LIBRARY.name)
    return {name for name in names if any(Path(folder, name).match(pattern) for pattern in patterns)}


def _licence() -> Path:
    """Return where the licence of this project lies, which is installed with it."""
    for installed in distributions(name=PROJECT):
        for file in installed.files or ():
            if file.name == LICENCE:
                return Path(str(file.locate()))
    raise BundleError(f"{PROJECT} has lost its {LICENCE}, which goes into the zip: install it again")


def _compile(tree: Path) -> None:
    """Put bytecode beside all code in `tree`, of the kind that is never compared with its source.

    The other kind holds the time of the source's file, so that its bytes would differ from run to run.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-s", str(tree), "-p", FUNCTION_FOLDER]
    command += ["--invalidation-mode", "unchecked-hash", str(tree)]
    done = run_to_end(command, env={**os.environ, "PYTHONHASHSEED": "0"})  # an order of sets that stays
    if done.returncode:
        raise no_room(tree, last_line(done.stdout or done.stderr))


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
