"""The runtime's dependencies for another machine: wheels, unpacked, without the files that encoding never loads."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any

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
    "numpy/testing/*", "numpy/_core/_multiarray_tests*", "numpy/_core/_operand_flag_tests*",
    "numpy/_core/_rational_tests*", "numpy/_core/_struct_ufunc_tests*", "numpy/_core/_umath_tests*",
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


def unpack_wheels(packages: Sequence[str], tree: Path, report: Path, *, platform: str, python: str) -> dict[str, Any]:
    """Let pip unpack `packages` into `tree`, without UNUSED_FILES, and write its report to the file `report`.

    Return the version, file and sha256 of each wheel. Raises BundleError if pip cannot fetch one.
    """
    pins = [f"{name}=={version(name)}" for name in packages]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--no-compile", "--only-binary=:all:", "--target", str(tree), "--report", str(report)]
    command += ["--implementation", "cp", "--python-version", python]
    command += [f"--platform={tag}" for tag in _tags(platform)]
    done = subprocess.run([*command, *pins], capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()
        raise BundleError(f"pip cannot get {', '.join(pins)} for {platform} and Python {python}: {' '.join(lines)}")
    _remove_unused(tree)
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    return dict(sorted(_wheel(item) for item in installed))


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
        if path.is_file() and any(fnmatch(name, pattern) for pattern in UNUSED_FILES):
            path.unlink()


def _wheel(item: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    metadata, source = item["metadata"], item["download_info"]
    file = source["url"].rpartition("/")[2]
    return metadata["name"], {
        "version": metadata["version"],
        "wheel": file,
        "sha256": source["archive_info"]["hashes"]["sha256"],
    }
