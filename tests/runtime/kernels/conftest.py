"""Libraries that the kernels' tests share; each is compiled once a session."""

import ctypes
import platform
from pathlib import Path

import pytest

from biobert_onnx.kernels.library import compiled_kernels, load_library, runs_here
from tests.support.kernel_builds import build_emulated


def has_avx2() -> bool:
    """Tell whether this is an x86-64 CPU with AVX2."""
    return platform.machine() == "x86_64" and any(
        kernel.name == "avx2" and runs_here(kernel) for kernel in compiled_kernels()
    )


@pytest.fixture(scope="session")
def native() -> ctypes.CDLL:
    """The product's library."""
    return load_library()


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The x86 kernels of CPUs that this one may not be, and the plain one."""
    if not has_avx2():
        pytest.skip("emulation needs an x86-64 CPU with AVX2")
    library: Path = build_emulated(tmp_path_factory.mktemp("emulated") / "emulated.so")
    return load_library(library)
