"""The choice of the kernel where CPU or system lack a feature: bits are hidden from the product's library, or shown."""

import os
import platform
import shutil
import sys
from pathlib import Path

import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.kernels.engine import SWITCH
from biobert_onnx.kernels.library import PLAIN, compiled_kernels, runs_here
from tests.support.cpu_features import EAX, EBX, ECX, EDX, SAVED, Answers, Bit, Cpu, OtherCpus
from tests.support.drawn_artifacts import TOKENS, write_artifact
from tests.support.kernel_builds import SANITIZE
from tests.support.kernel_models import Shape, draw_model

AVX2 = [
    *(Bit(1, 0, ECX, bit) for bit in (12, 22, 27, 28, 29)),  # FMA, MOVBE, OSXSAVE, AVX, F16C
    *(Bit(7, 0, EBX, bit) for bit in (3, 5, 8)),  # BMI1, AVX2, BMI2
    Bit(0x80000001, 0, ECX, 5),  # LZCNT
    *(Bit(0, 0, SAVED, bit) for bit in (1, 2)),
]
AVX_VNNI = [Bit(7, 1, EAX, 4)]
VNNI = [
    *(Bit(7, 0, EBX, bit) for bit in (16, 17, 28, 30, 31)),  # AVX-512 F, DQ, CD, BW, VL
    Bit(7, 0, ECX, 11),
    *(Bit(0, 0, SAVED, bit) for bit in (5, 6, 7)),
]
AMX = [*(Bit(7, 0, EDX, bit) for bit in (24, 25)), *(Bit(0, 0, SAVED, bit) for bit in (17, 18))]

NEEDED = {"amx": AVX2 + VNNI + AMX, "vnni": AVX2 + VNNI, "avxvnni": AVX2 + AVX_VNNI, "avx2": AVX2, PLAIN: []}
"""Kernel -> the bits that it needs, as Intel's and AMD's manuals number them."""

EVERY_BIT = AVX2 + AVX_VNNI + VNNI + AMX

TEXTS = ["a", "heart", "ab cd 12", "zzz " * 12]

COMPILED = [kernel.name for kernel in compiled_kernels()]
HERE = [kernel.name for kernel in compiled_kernels() if runs_here(kernel)]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn artifact."""
    model = draw_model(Shape(words=len(TOKENS), outlier_units=(2, 0)), 41)
    return write_artifact(model, tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> OtherCpus:
    """The product's library, which can be shown other CPUs."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("CPUID is an instruction of x86-64, and its emulation made for Linux")
    if os.environ.get(SANITIZE):
        pytest.skip("sanitizers have their own handlers of signals")
    for program in ("gcc", "objdump"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    return OtherCpus(tmp_path_factory.mktemp("others"))


def running(others: OtherCpus, artifact: Path, cpus: list[Cpu]) -> list[list[str]]:
    return [answers.running for answers in others.ask(cpus, artifact, TEXTS)]


def test_unchanged_bits_give_the_kernels_of_this_cpu(others: OtherCpus, artifact: Path) -> None:
    assert running(others, artifact, [Cpu()]) == [HERE]


def test_a_kernel_runs_where_cpu_and_system_have_all_that_it_needs(others: OtherCpus, artifact: Path) -> None:
    granted = [name for name in COMPILED if name != "amx" or "amx" in HERE]  # Linux is asked for tiles, and may refuse
    lesser = [Cpu(shown=[each for each in EVERY_BIT if each != bit], hidden=[bit]) for bit in EVERY_BIT]
    everywhere, *lacking = running(others, artifact, [Cpu(shown=EVERY_BIT), *lesser])
    assert everywhere == granted
    assert dict(zip(EVERY_BIT, lacking, strict=True)) == {
        bit: [name for name in granted if bit not in NEEDED[name]] for bit in EVERY_BIT
    }


def test_a_cpu_that_lacks_the_best_kernel_takes_the_next_one_with_the_same_bits(
    others: OtherCpus, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, PLAIN)
    expected = SentenceEncoder(artifact, engine="kernels").encode(TEXTS).tobytes().hex()
    monkeypatch.delenv(SWITCH)
    able = [name for name in HERE if name != PLAIN]
    hidden = {"amx": AMX[0], "vnni": VNNI[0], "avxvnni": AVX_VNNI[0]}
    steps = [[hidden[name] for name in able[:count]] for count in range(len(able))]
    found = others.ask([Cpu(hidden=bits, encodes=True) for bits in steps], artifact, TEXTS)
    assert [(answers.kernel, answers.vectors) for answers in found] == [(name, expected) for name in able]


@pytest.mark.parametrize("bit", [AVX2[6], AVX2[0], AVX2[-1]], ids=["AVX2", "FMA", "registers are not saved"])
def test_a_cpu_without_avx2_has_no_kernel(others: OtherCpus, artifact: Path, bit: Bit) -> None:
    (found,) = others.ask([Cpu(hidden=[bit], encodes=True)], artifact, TEXTS)
    names = ", ".join(name for name in COMPILED if name != PLAIN)
    reason = f"this CPU, or its system, does not run any of these kernels: {names}"
    assert found == Answers(running=[PLAIN], reason=reason)
