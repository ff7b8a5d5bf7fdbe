"""Run the wheel for aarch64, and the checkout, on CPUs that qemu emulates: `make test-arm`.

On each CPU both engines encode the same texts on a tiny artifact. The kernels must give the bits that they give here.
onnxruntime rounds its sums in another order on another CPU: its vectors must have nearly the same direction. A CPU
without a kernel must take onnxruntime and say why. Then pytest compares the kernels with their golden vectors, and on
ARM a text alone with the same text in a batch, in reverse order and on 1, 2 and 5 threads, bit by bit.

One ARM runs without /sys too, as functions of AWS Lambda on arm64 do: once as above, and once to answer a request with
the zip of `biobert-onnx bundle --platform manylinux_2_28_aarch64`.

Names of CPUs on the command line choose some: `arm.py neoverse-n1 Haswell`. A run of all writes
benchmarks/results/platforms/arm.json. The first failure ends it.
"""

import json
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

from benchmarks.machine.environment import environment  # noqa: E402
from benchmarks.results import RESULTS  # noqa: E402
from biobert_onnx._types import FloatArray  # noqa: E402
from biobert_onnx.encoding.engines import KERNELS, ONNXRUNTIME  # noqa: E402
from tests.support.emulators import (  # noqa: E402
    HIDE_SYS,
    ROOT_PYTHON,
    Interpreter,
    aarch64,
    check_requirements,
    install_project,
    output_of,
    prepare,
    x86_64,
)
from tests.support.pytest_runs import counted_tests, tiny_artifact  # noqa: E402
from tests.support.texts import TEXTS  # noqa: E402

WORK = PROJECT / "build" / "arm"
ARTIFACT = WORK / "tiny"
INSTALLED = WORK / "project"
RECORD = RESULTS / "platforms" / "arm.json"
PROGRAMS = PROJECT / "tests" / "programs"
FACTS = PROGRAMS / "platform_facts.py"

GOLDEN = "tests/runtime/kernels/test_golden_vectors.py"
COMPANY = "tests/runtime/test_on_both_engines.py::test_a_text_has_the_same_bits_in_any_company"
TESTS: Mapping[str, Sequence[str]] = {"aarch64": (GOLDEN, COMPANY), "x86_64": (GOLDEN,)}
"""What runs on each machine: few tests, because an emulated Python cannot start another, and takes a hundred times
longer. COMPANY is among what `make test` runs on an x86-64 CPU."""

LEAST_COSINE = 0.999
"""Of the vectors of onnxruntime here and on another CPU. 0.99999 was measured on ARM, on this artifact."""


@dataclass(frozen=True)
class Cpu:
    """A CPU of qemu's, and the kernel that must run on it; without one, onnxruntime must."""

    name: str
    machine: str
    kernel: str | None

    @property
    def python(self) -> Interpreter:
        """A Python on it, with this project."""
        return aarch64(WORK, self.name, INSTALLED) if self.machine == "aarch64" else x86_64(WORK, self.name)


LIKE_LAMBDA = Cpu("neoverse-n1", "aarch64", "neon_dot")
"""The CPU of Graviton 2, which AWS Lambda has."""

CPUS = (
    Cpu("cortex-a72", "aarch64", None),
    LIKE_LAMBDA,
    Cpu("neoverse-v1", "aarch64", "neon_i8mm"),
    Cpu("Haswell", "x86_64", "avx2"),
    Cpu("EPYC", "x86_64", "avx2"),
    Cpu("Westmere", "x86_64", None),
    Cpu("Nehalem", "x86_64", None),
)


def main(names: Sequence[str]) -> None:
    """Run the CPUs with these names, or all; exit with 1 and the reason at the first failure."""
    if unknown := set(names) - {cpu.name for cpu in CPUS}:
        sys.exit(f"no CPU is called {', '.join(sorted(unknown))}, expected some of {', '.join(c.name for c in CPUS)}")
    check_requirements()
    print(f"qemu, Debian's Python for aarch64 and its wheels come into {WORK}, unless they are there", flush=True)
    prepare(WORK)
    print(f"built {install_project(INSTALLED, WORK / 'dist').name}", flush=True)
    tiny_artifact(WORK)
    here = json.loads(output_of(sys.executable, str(FACTS), str(ARTIFACT), variables=paths_here()))
    runs = [run_cpu(cpu, here) for cpu in CPUS if not names or cpu.name in names]
    if not names or LIKE_LAMBDA.name in names:
        runs += run_like_lambda(here)
    if not names:
        write_record(runs)
    passed = sum(run["tests"]["passed"] for run in runs if run["tests"])
    print(f"{len(runs)} runs on emulated CPUs gave the right vectors; {passed} passed, 0 failed")


def paths_here() -> dict[str, str]:
    """Return the environment in which this machine's Python finds the checkout."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (PROJECT / "runtime", PROJECT)))}


def run_cpu(cpu: Cpu, here: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the vectors of one CPU with those `here`, run the tests on it, and return the entry of the record."""
    print(f"== {cpu.name}", flush=True)
    started = time.monotonic()
    found = facts_on(cpu)
    note = check_vectors(cpu, found, here)
    tests = run_tests(cpu)
    return entry(cpu, found, seconds=time.monotonic() - started, note=note, tests=tests)


def run_like_lambda(here: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compare the vectors of LIKE_LAMBDA without /sys with those `here`, then let the zip answer there."""
    print(f"== {LIKE_LAMBDA.name} without /sys", flush=True)
    started = time.monotonic()
    found = facts_on(LIKE_LAMBDA, before=HIDE_SYS)
    note = check_vectors(LIKE_LAMBDA, found, here)
    compared = time.monotonic()
    answer_of_zip(vectors_of(found, ONNXRUNTIME))
    zipped = {**found, "engines": {ONNXRUNTIME: found["engines"][ONNXRUNTIME]}}
    note_of_zip = "the zip of `bundle` answers a request, with the bits of onnxruntime on this CPU"
    return [
        entry(LIKE_LAMBDA, found, seconds=compared - started, note=note, without_sys=True),
        entry(LIKE_LAMBDA, zipped, seconds=time.monotonic() - compared, note=note_of_zip, without_sys=True),
    ]


def facts_on(cpu: Cpu, before: Sequence[str] = ()) -> dict[str, Any]:
    """Return what platform_facts.py prints on a CPU; see HIDE_SYS for `before`."""
    found: dict[str, Any] = json.loads(cpu.python.run(str(FACTS), str(ARTIFACT), before=before))
    expect(found["machine"] == cpu.machine, cpu, f"Python ran on {found['machine']}, expected {cpu.machine}")
    return found


def check_vectors(cpu: Cpu, found: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Check both engines, and return a note on what they gave."""
    notes = [check_kernels(cpu, found, here), check_onnxruntime(cpu, found, here)]
    print("\n".join(notes), flush=True)
    return "; ".join(notes)


def check_kernels(cpu: Cpu, found: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Expect the right kernel and the bits that the kernels give here; without a kernel, onnxruntime and a reason."""
    kernels = found["engines"][KERNELS]
    if cpu.kernel is None:
        expect(found["engine"] == ONNXRUNTIME, cpu, f"an encoder took {found['engine']}, expected {ONNXRUNTIME}")
        expect("does not run any of these kernels" in kernels.get("reason", ""), cpu, f"the kernels gave {kernels}")
        return f"no kernel: {kernels['reason']}"
    expect(found["engine"] == KERNELS, cpu, f"an encoder took {found['engine']}, because {kernels.get('reason')}")
    expect(kernels["kernel"] == cpu.kernel, cpu, f"the kernel {kernels['kernel']} ran, expected {cpu.kernel}")
    expected = here["engines"][KERNELS]
    same = kernels["vectors"] == expected["vectors"]
    expect(same, cpu, f"the kernel {cpu.kernel} gave other bits than {expected['kernel']} here")
    return f"kernel {cpu.kernel}: the bits of {expected['kernel']}"


def check_onnxruntime(cpu: Cpu, found: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Expect vectors near those that onnxruntime gives here."""
    vectors, expected = vectors_of(found, ONNXRUNTIME), vectors_of(here, ONNXRUNTIME)
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(expected, axis=1)
    cosines = (vectors * expected).sum(axis=1) / norms
    expect(bool(cosines.min() >= LEAST_COSINE), cpu, f"the least cosine is {cosines.min()}, expected {LEAST_COSINE}")
    return f"onnxruntime: least cosine to x86 {cosines.min():.6f}"


def vectors_of(found: Mapping[str, Any], engine: str) -> FloatArray:
    """Return the vectors (texts, dim) of an engine."""
    return np.frombuffer(bytes.fromhex(found["engines"][engine]["vectors"]), np.float32).reshape(len(TEXTS), -1)


def run_tests(cpu: Cpu) -> dict[str, int]:
    """Run the tests on a CPU, and return how many passed and were skipped; exit if one fails."""
    variables = {**os.environ, **cpu.python.variables}
    report = WORK / f"{cpu.name}.xml"
    counts = counted_tests(
        cpu.python.command, TESTS[cpu.machine], artifact=ARTIFACT, report=report, variables=variables
    )
    expect(counts["failed"] == 0, cpu, f"{counts['failed']} tests failed")
    return counts


def answer_of_zip(expected: FloatArray) -> None:
    """Make the zip for aarch64, and expect that its handler answers a request with these vectors, without /sys."""
    target, function = WORK / "function.zip", WORK / "function"
    shutil.rmtree(function, ignore_errors=True)
    bundle = [sys.executable, "-m", "biobert_onnx", "bundle", str(ARTIFACT), str(target)]
    bundle += ["--platform", "manylinux_2_28_aarch64", "--python", ROOT_PYTHON]
    output_of(*bundle, variables=paths_here())
    with zipfile.ZipFile(target) as archive:
        archive.extractall(function)
    words = ["-I", "-S", str(PROGRAMS / "lambda_answer.py"), str(function), json.dumps({"texts": TEXTS})]
    answer, _ = json.loads(LIKE_LAMBDA.python.run(*words, before=HIDE_SYS, isolated=True))
    expect(answer["statusCode"] == 200, LIKE_LAMBDA, f"the zip answered {answer}")
    same = np.array_equal(np.array(answer["embeddings"], dtype=np.float32), expected)
    expect(same, LIKE_LAMBDA, "the zip gave other bits than onnxruntime on this CPU")
    print("the zip of bundle answers, with the bits of onnxruntime on this CPU", flush=True)


def expect(holds: bool, cpu: Cpu, failure: str) -> None:
    """Exit with what failed on a CPU, unless it holds."""
    if not holds:
        sys.exit(f"on {cpu.name}, {failure}")


def entry(
    cpu: Cpu,
    found: Mapping[str, Any],
    *,
    seconds: float,
    note: str,
    tests: Mapping[str, int] | None = None,
    without_sys: bool = False,
) -> dict[str, Any]:
    """Return the entry of a run in the record."""
    return {
        "system": f"{found['system']}, emulated{', without /sys' if without_sys else ''}",
        "cpu": cpu.name,
        "python": found["python"],
        "versions": {name: found["versions"][name] for name in ("numpy", "onnxruntime", "tokenizers")},
        "tests": tests,
        "seconds": round(seconds),
        "vectors_sha256": {
            engine: answer["sha256"] for engine, answer in found["engines"].items() if "sha256" in answer
        },
        "note": note,
    }


def write_record(runs: Sequence[Mapping[str, Any]]) -> None:
    """Write the record of a whole run."""
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps({"environment": environment(), "runs": runs}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
