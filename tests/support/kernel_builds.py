"""Builds of the kernels' C that are no part of the product: with emulated CPUs, for other CPUs, under sanitizers."""

import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hatch_build import BASE_FLAGS, KERNEL_FLAGS, MACHINES, SOURCE

KERNEL_TESTS = Path(__file__).parents[1] / "runtime" / "kernels"
EMULATED = KERNEL_TESTS / "emulated"
"""The folder of the header that stands for instructions which this CPU may lack."""

PROGRAMS = Path(__file__).parents[1] / "programs"

EMULATED_KERNELS = ("amx", "vnni", "avxvnni")

NATIVE_KERNELS = tuple(KERNEL_FLAGS[MACHINES[platform.machine().lower()]])
"""The kernels that are written for this machine, best first."""

SANITIZE = "BIOBERT_ONNX_SANITIZE"
"""The environment variable under which everything is compiled with sanitizers; `make sanitize` sets it."""

QUICK = ("-O1", "-Dalways_inline=unused")
"""Flags with which gcc takes seconds: the kernels inline everything. Its own headers write __always_inline__."""

SANITIZERS = (
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-g",
    "-fno-omit-frame-pointer",
    *QUICK,
)


@dataclass(frozen=True)
class Unit:
    """A C file, and the flags that it takes beside BASE_FLAGS."""

    path: Path
    flags: tuple[str, ...] = ()


def build(output: Path, units: Sequence[Unit], *, command: Sequence[str] = ("gcc",), link: Sequence[str]) -> Path:
    """Compile `units` side by side, link them into the file `output` and return it."""
    sanitizers = SANITIZERS if os.environ.get(SANITIZE) else ()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = [f"{folder}/{index}.o" for index in range(len(units))]
        commands = [
            [*command, *BASE_FLAGS, *unit.flags, *sanitizers, "-c", str(unit.path), "-o", made]
            for unit, made in zip(units, objects, strict=True)
        ]
        list(pool.map(_run, commands))
        _run([*command, *sanitizers, *link, *objects, "-pthread", "-lm", "-o", str(output)])
    return output


def native_units(machine: str, *flags: str) -> list[Unit]:
    """Return every C file of the library for `machine`, with the product's flags."""
    kernels = KERNEL_FLAGS[machine]
    macros = tuple(f"-DHAVE_{name.upper()}=1" for name in kernels)
    return [
        Unit(SOURCE / "kernel_plain.c", flags),
        *(Unit(SOURCE / f"kernel_{name}.c", (*kernels[name], *flags)) for name in kernels),
        *(Unit(path, (*macros, *flags)) for path in _other_files()),
    ]


def build_emulated(output: Path) -> Path:
    """Build the library with the kernels of CPUs that this one may not be, and the plain one; it needs AVX2."""
    flags = (*KERNEL_FLAGS["x86_64"]["avx2"], f"-I{EMULATED}", *QUICK, "-Wno-psabi", "-Werror")
    units = [
        *(Unit(SOURCE / f"kernel_{name}.c", flags) for name in EMULATED_KERNELS),
        Unit(SOURCE / "kernel_plain.c"),
        Unit(EMULATED / "kernels.c", (f"-I{SOURCE}",)),
        *(Unit(path) for path in _other_files() if path.name != "kernels.c"),
    ]
    return build(output, units, link=("-shared",))


def build_operators(output: Path, vector: str) -> Path:
    """Build tests/programs/kernel_operators.c for one kind of vector of kinds.h; AVX512 is emulated."""
    flags: tuple[str, ...] = (f"-I{SOURCE}", f"-DVECTOR={vector}", *QUICK, "-Werror")
    if vector in ("AVX2", "AVX512"):
        flags += (*KERNEL_FLAGS["x86_64"]["avx2"], f"-I{EMULATED}", "-Wno-psabi")
    return build(output, [Unit(PROGRAMS / "kernel_operators.c", flags)], link=("-shared",))


def _other_files() -> list[Path]:
    """The files that are no kernels."""
    return sorted(path for path in SOURCE.glob("*.c") if not path.name.startswith("kernel_"))


def _run(command: Sequence[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
