"""Other CPUs, emulated by qemu and without Python: aarch64, and x86-64 with AVX2 or without.

`apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user` installs what these tests need; without it they
skip.
"""

import ctypes
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from biobert_onnx.kernels.library import PATH, PLAIN, compiled_kernels
from hatch_build import SOURCE
from tests.support.kernel_builds import PROGRAMS, QUICK, SANITIZE, Unit, build, native_units
from tests.support.kernel_images import vectors_printed, write_image
from tests.support.kernel_models import PackedModel, Shape, draw_ids, draw_model, draw_token_types

CROSS_COMPILER = "aarch64-linux-gnu-gcc"

STATIC = Shape(outlier_units=(5, 0), has_attention_bias=True)
PER_TOKEN = replace(STATIC, per_token=frozenset(STATIC.site_names), head_size=64, unit_length=True, pairs=True)
SHAPES = {
    "static": STATIC,
    "per token": PER_TOKEN,
    "pooler": Shape(pooling="pooler", activation="gelu_new", hidden=192, inner=768, layers=1),
    "max": Shape(pooling="max", activation="relu", per_token=frozenset(STATIC.site_names[::3])),
}

DRIVER = Unit(PROGRAMS / "kernel_driver.c", (f"-I{SOURCE}",))

Run = Callable[[Path], dict[str, bytes]]


def needs(*programs: str) -> None:
    """Skip the test unless all `programs` are there."""
    if os.environ.get(SANITIZE):
        pytest.skip("qemu does not run programs with sanitizers")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def run_with(*command: str) -> Run:
    """Return a function that runs the driver on an image and returns the vectors of each kernel that ran."""

    def run(image: Path) -> dict[str, bytes]:
        done = subprocess.run([*command, str(image)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}: {done.stderr}"
        return vectors_printed(done.stdout)

    return run


@pytest.fixture(scope="session")
def aarch64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver and the whole library, in one program for aarch64."""
    needs(CROSS_COMPILER, "qemu-aarch64")
    output = tmp_path_factory.mktemp("aarch64") / "driver"
    return build(output, [DRIVER, *native_units("aarch64", *QUICK)], command=[CROSS_COMPILER], link=["-static"])


@pytest.fixture(scope="session")
def x86_64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver on the product's library, for this machine."""
    if platform.machine() != "x86_64":
        pytest.skip("this machine is no x86-64 CPU")
    needs("qemu-x86_64")
    compiled_kernels()  # raises if there is no library
    output = tmp_path_factory.mktemp("x86_64") / "driver"
    return build(output, [DRIVER], link=[f"-Wl,-rpath,{PATH.parent}", "-Wl,--no-as-needed", str(PATH)])


def expect_plain_bits(native: ctypes.CDLL, run: Run, shape: Shape, folder: Path, kernels: Sequence[str]) -> None:
    """Expect that these kernels ran, and that each gave the bits of this machine's plain C."""
    packed = PackedModel.of(draw_model(shape, seed=31))
    ids = draw_ids(shape, 32, 3, 21)
    types = draw_token_types(33, 3, 21) * shape.pairs
    expected = packed.encode(native, native.kernel_count() - 1, ids, token_types=types).tobytes()
    found = run(write_image(packed, ids, types, 2, folder / "image"))
    assert list(found) == list(kernels)
    assert all(vectors == expected for vectors in found.values())


@pytest.mark.parametrize("name", SHAPES)
def test_kernels_of_aarch64_give_the_bits_of_plain_c_here(
    native: ctypes.CDLL, aarch64: Path, tmp_path: Path, name: str
) -> None:
    run = run_with("qemu-aarch64", "-cpu", "max", str(aarch64))
    expect_plain_bits(native, run, SHAPES[name], tmp_path, ["neon_i8mm", "neon_dot", PLAIN])


@pytest.mark.parametrize(
    ("cpu", "kernels"),
    [("neoverse-n1", ["neon_dot", PLAIN]), ("cortex-a57", [PLAIN])],
    ids=["without i8mm", "without integer products"],
)
def test_aarch64_cpus_run_the_kernels_that_they_have(
    native: ctypes.CDLL, aarch64: Path, tmp_path: Path, cpu: str, kernels: list[str]
) -> None:
    expect_plain_bits(native, run_with("qemu-aarch64", "-cpu", cpu, str(aarch64)), STATIC, tmp_path, kernels)


@pytest.mark.parametrize("name", SHAPES)
def test_a_haswell_gives_the_bits_of_plain_c(native: ctypes.CDLL, x86_64: Path, tmp_path: Path, name: str) -> None:
    run = run_with("qemu-x86_64", "-cpu", "Haswell", str(x86_64))
    expect_plain_bits(native, run, SHAPES[name], tmp_path, ["avx2", PLAIN])


def test_a_westmere_runs_plain_c_alone(native: ctypes.CDLL, x86_64: Path, tmp_path: Path) -> None:
    expect_plain_bits(native, run_with("qemu-x86_64", "-cpu", "Westmere", str(x86_64)), STATIC, tmp_path, [PLAIN])


def test_an_image_gives_the_vectors_of_this_machine(native: ctypes.CDLL, x86_64: Path, tmp_path: Path) -> None:
    runs_here = [kernel.name for kernel in compiled_kernels() if native.kernel_runs_here(kernel.index)]
    expect_plain_bits(native, run_with(str(x86_64)), PER_TOKEN, tmp_path, runs_here)
