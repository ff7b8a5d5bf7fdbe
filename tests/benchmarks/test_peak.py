"""The CPU's peak is made of the instructions that the kernels use, and counts what it does."""

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.machine.cpus import kernel_name
from benchmarks.machine.peak import SOURCE, Peak, compile_peak
from hatch_build import BASE_FLAGS, KERNEL_FLAGS, BuildError, Compiler

LOOPS = {
    "avx2": ("vpmaddubsw", 8),
    "avxvnni": ("vpdpbusd", 12),
    "vnni": ("vpdpbusd", 16),
    "amx": ("tdpbusd", 6),
    "neon_dot": ("sdot", 16),
    "neon_i8mm": ("usmmla", 16),
}
"""Kernel -> the multiplying instruction of its loop, and how many of them a round has: one a sum."""

COMPILERS = {"x86_64": "gcc", "aarch64": "aarch64-linux-gnu-gcc"}


@pytest.fixture
def compiler() -> Compiler:
    try:
        return Compiler.find()
    except BuildError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("machine", "kernel"), [(machine, name) for machine in COMPILERS for name in KERNEL_FLAGS[machine]]
)
def test_the_loop_of_a_kernel_has_one_multiplying_instruction_for_each_of_its_sums(
    machine: str, kernel: str, tmp_path: Path
) -> None:
    command = shutil.which(COMPILERS[machine])
    if command is None:
        pytest.skip(f"there is no {COMPILERS[machine]} here")
    flags = [*BASE_FLAGS, *KERNEL_FLAGS[machine][kernel]]
    subprocess.run([command, *flags, "-S", str(SOURCE), "-o", str(tmp_path / "peak.s")], check=True)
    _, _, body = (tmp_path / "peak.s").read_text(encoding="ascii").partition(f"\npeak_{kernel}:\n")
    name, sums = LOOPS[kernel]
    assert body.partition("\tret")[0].split().count(name) == sums


def test_the_peak_counts_the_multiply_adds_that_it_makes(compiler: Compiler, tmp_path: Path) -> None:
    kernel = kernel_name()
    if kernel is None:
        pytest.skip("there is no kernel for this CPU")
    compile_peak(kernel, tmp_path / "peak.so")
    peak = Peak(tmp_path / "peak.so", kernel)
    one = peak.run(1)
    assert one > 0
    assert [peak.run(wanted) for wanted in (one, one + 1, 100.5 * one)] == [one, 2 * one, 101 * one]


def test_a_compiler_that_fails_is_named_with_its_error(compiler: Compiler, tmp_path: Path) -> None:
    kernel = next(iter(KERNEL_FLAGS[compiler.machine]))
    with pytest.raises(ValueError, match="failed: "):
        compile_peak(kernel, tmp_path / "nope" / "peak.so")
