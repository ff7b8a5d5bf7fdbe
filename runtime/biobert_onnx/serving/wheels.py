"""The runtime's dependencies for another machine: wheels, unpacked, without the files that encoding never loads."""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any

from biobert_onnx._file_status import is_file
from biobert_onnx.errors import BundleError

KERNEL_PACKAGES = ("numpy", "tokenizers")
"""The packages that encoding on the kernels imports."""

PACKAGES = ("numpy", "onnxruntime", "tokenizers")
"""The packages that encoding imports on either engine. It imports none of their own dependencies: flatbuffers,
packaging and protobuf (of onnxruntime), huggingface_hub and all that it needs (of tokenizers)."""

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64")
"""The platforms of Lambda that onnxruntime's wheels, for glibc 2.28, run on. Lambda's Python 3.12 and later have glibc
2.34; its Python 3.11 has 2.26."""

OLDEST_GLIBC_MINOR = 17
"""tokenizers has wheels for glibc 2.17 (manylinux2014). They run on later ones too, but pip wants each tag named."""

UNUSED_FILES = (
    "bin/*",  # console scripts
    "*/tests/*",
    "*.pyi", "*.pxd", "*.h", "*.a",  # for compilers and type checkers
    "numpy/f2py/*", "numpy/distutils/*", "numpy/_pyinstaller/*", "numpy/doc/*",
    "numpy/testing/*", "numpy/_core/_operand_flag_tests*", "numpy/_core/_rational_tests*",
    "numpy/_core/_struct_ufunc_tests*", "numpy/_core/_umath_tests*",  # numpy 2.0 imports _multiarray_tests, which stays
    "numpy/random/*", "numpy/fft/*", "numpy/polynomial/*", "numpy/ma/*",  # imported only when somebody names them
    "onnxruntime/tools/*", "onnxruntime/transformers/*", "onnxruntime/quantization/*", "onnxruntime/datasets/*",
    "onnxruntime/backend/*",
    "onnxruntime/capi/libonnxruntime.so*",  # for C programs: the Python module contains all of it
    "tokenizers/tools/*",
    "*.dist-info/INSTALLER", "*.dist-info/RECORD", "*.dist-info/REQUESTED", "*.dist-info/WHEEL",
    "*.dist-info/entry_points.txt", "*.dist-info/top_level.txt", "*.dist-info/sboms/*",  # METADATA and licences stay
)  # fmt: skip
"""Files that encoding never loads: patterns of paths, in which * stands for any characters, slashes among them.

The licences of the folders of numpy that are left out are among those of its metadata, which stay.
"""


OLDEST_NUMPY = 2
"""The first version of numpy that starts without UNUSED_FILES: numpy 1 imports its random, fft, polynomial and ma."""


def unpack_wheels(packages: Sequence[str], tree: Path, work: Path, *, platform: str, python: str) -> dict[str, Any]:
    """Let pip unpack `packages` into `tree`, without UNUSED_FILES; all else that it writes goes into the folder `work`.

    Return the version, file and sha256 of each wheel. Raises BundleError if pip cannot fetch one or has no room, and
    for numpy 1.
    """
    report = work / "report.json"
    pins = pinned(packages)
    if int(version("numpy").partition(".")[0]) < OLDEST_NUMPY:
        raise BundleError(
            f"numpy is {version('numpy')} here, expected {OLDEST_NUMPY}.0 or later, as numpy 1 cannot start without "
            f"the files that are left out of the zip: pip install 'numpy>={OLDEST_NUMPY}.0'"
        )
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--no-compile", "--only-binary=:all:", "--target", str(tree), "--report", str(report)]
    command += ["--implementation", "cp", "--python-version", python]
    command += [f"--platform={tag}" for tag in _tags(platform)]
    done = run_to_end([*command, *pins], env={**os.environ, "TMPDIR": str(work)})
    if done.returncode:
        reason = last_line(done.stderr)
        if os.strerror(errno.ENOSPC) in reason:
            raise no_room(work, reason)
        raise BundleError(
            f"pip cannot get {', '.join(pins)} for {platform} and Python {python} ({reason}): choose another platform= "
            "or python=, or install versions here that have such wheels"
        )
    _remove_unused(tree)
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    return dict(sorted(_wheel(item) for item in installed))


def run_to_end(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `command` as subprocess.run does, with its output; if a signal ends the wait, the process has ended, too.

    subprocess.run kills it and, at Ctrl-C, does not wait: it might still write where its files are being removed.
    """
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", **options
    ) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            process.kill()
            process.wait()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def last_line(output: str) -> str:
    r"""Return what a program said last, without the word ERROR before it.

    >>> last_line("ERROR: Could not find a version\nERROR: No matching distribution found for numpy==9\n")
    'No matching distribution found for numpy==9'
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].removeprefix("ERROR: ") if lines else "it did not say why"


def no_room(folder: Path, reason: str) -> BundleError:
    """Return the error that `folder`, where the zip is prepared, cannot be written."""
    return BundleError(f"'{folder}' cannot be written ({reason}): make room there, or name another folder in TMPDIR")


def pinned(packages: Sequence[str]) -> list[str]:
    """Return the requirement of each package in the version of this environment."""
    return [f"{name}=={version(name)}" for name in packages]


def check_start(packages: Sequence[str], tree: Path) -> None:
    """Raise BundleError unless an interpreter that has nothing but the standard library and `tree` imports `packages`.

    What encoding never loads was found with some versions; another one may load more. Only for wheels of this machine
    and this Python.
    """
    code = f"import sys; sys.path.insert(0, sys.argv[1]); import {', '.join(packages)}"
    command = [sys.executable, "-I", "-S", "-B", "-c", code, str(tree)]
    done = run_to_end(command, cwd=tree)
    if done.returncode:
        causes = [line for line in done.stderr.splitlines() if re.match(r"\w+Error: ", line)]
        reason = causes[0] if causes else f"the interpreter ended with {done.returncode}"
        raise BundleError(
            f"{', '.join(pinned(packages))} cannot start without the files that are left out of the zip ({reason}): "
            "install other versions here, the latest ones, and please report this"
        )


def _tags(platform: str) -> list[str]:
    """Return the platform tags of wheels that run on `platform`, the best first.

    >>> _tags("manylinux_2_28_aarch64")[::4]
    ['manylinux_2_28_aarch64', 'manylinux_2_24_aarch64', 'manylinux_2_20_aarch64', 'manylinux2014_aarch64']
    """
    _, _, newest, machine = platform.split("_", 3)
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(int(newest), OLDEST_GLIBC_MINOR - 1, -1)]
    return [*tags, f"manylinux2014_{machine}"]


def _remove_unused(tree: Path) -> None:
    for path in list(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if is_file(path) and any(fnmatch(name, pattern) for pattern in UNUSED_FILES):
            path.unlink()


def _wheel(item: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    metadata, source = item["metadata"], item["download_info"]
    file = source["url"].rpartition("/")[2]
    return metadata["name"], {
        "version": metadata["version"],
        "wheel": file,
        "sha256": source["archive_info"]["hashes"]["sha256"],
    }
