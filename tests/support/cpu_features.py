"""Other CPUs for the kernels' library on this one: bits of CPUID and of XCR0 that are hidden, or shown."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from biobert_onnx.kernels.library import PATH
from tests.support.kernel_builds import PROGRAMS, Unit, build

EAX, EBX, ECX, EDX, SAVED = range(5)
"""Words of CPUID's answers, and XCR0, the registers that the system saves: as in other_cpu_features.c."""

INVALID = {"cpuid": b"\x0f\x0b", "xgetbv": b"\x0f\xff\xd0"}
"""Instruction -> the invalid one of the same length that takes its place."""


class Bit(NamedTuple):
    """A bit of one word of CPUID's answer for `leaf` and `part`; both are 0 for SAVED."""

    leaf: int
    part: int
    word: int
    bit: int


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """A CPU that differs from this one in some bits; `encodes`: it is asked for vectors, too."""

    hidden: Sequence[Bit] = ()
    shown: Sequence[Bit] = ()
    encodes: bool = False


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the library says and does on a CPU: the kernels that run, and of the encoder its kernel, its vectors' bytes
    in hexadecimal digits, or why there is none."""

    running: list[str]
    kernel: str | None = None
    vectors: str | None = None
    reason: str | None = None


class OtherCpus:
    """A copy of the package whose library asks `other_cpu_features.c` in place of the CPU."""

    def __init__(self, folder: Path) -> None:
        """Make the copy in `folder`; it needs gcc and objdump."""
        self._answers = build(
            folder / "other_cpu_features.so", [Unit(PROGRAMS / "other_cpu_features.c")], link=["-shared"]
        )
        self._packages = folder / "packages"
        ignored = shutil.ignore_patterns("__pycache__")
        copy = shutil.copytree(PATH.parents[1], self._packages / "biobert_onnx", ignore=ignored)
        (copy / "kernels" / PATH.name).write_bytes(_with_invalid_instructions(PATH))

    def ask(self, cpus: Sequence[Cpu], artifact: Path, texts: Sequence[str]) -> list[Answers]:
        """Ask the library on one CPU after the other, in one process, which encodes `texts` with `artifact`."""
        content: list[dict[str, Any]] = [
            {
                "changes": [[*bit, int(value)] for value, bits in ((0, cpu.hidden), (1, cpu.shown)) for bit in bits],
                "encodes": cpu.encodes,
            }
            for cpu in cpus
        ]
        done = subprocess.run(
            [sys.executable, PROGRAMS / "ask_other_cpus.py", self._answers, artifact],
            input=json.dumps({"cpus": content, "texts": list(texts)}),
            env={**os.environ, "PYTHONPATH": str(self._packages)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"it ended with {done.returncode}: {done.stderr}"
        return [Answers(**each) for each in json.loads(done.stdout)]


def _with_invalid_instructions(library: Path) -> bytes:
    """Return the bytes of `library` with an invalid instruction in place of each CPUID and XGETBV."""
    content = bytearray(library.read_bytes())
    found: set[str] = set()
    shift = _shift_of_text(library)
    listing = _objdump("-d", "--section=.text", "--no-show-raw-insn", library)
    for address, name in re.findall(r"^ *([0-9a-f]+):\s+(cpuid|xgetbv)\b", listing, re.MULTILINE):
        place = int(address, 16) - shift
        assert content[place] == INVALID[name][0]
        content[place : place + len(INVALID[name])] = INVALID[name]
        found.add(name)
    assert found == set(INVALID)
    return bytes(content)


def _shift_of_text(library: Path) -> int:
    """Return what addresses of code are larger than places in the file."""
    match = re.search(r" \.text +[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+)", _objdump("-h", library))
    assert match is not None
    return int(match[1], 16) - int(match[2], 16)


def _objdump(*arguments: str | Path) -> str:
    return subprocess.run(["objdump", *arguments], check=True, capture_output=True, text=True).stdout
