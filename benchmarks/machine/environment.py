"""The machine and the versions that a record was made with."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from benchmarks.machine.cpus import kernel_name

RECORDED_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm")
"""The CPU flags that decide how fast int8 and bfloat16 are, as Linux names them on x86-64 and on ARM."""

RECORDED_PACKAGES = {
    "biobert-onnx", "ctranslate2", "fastembed", "nncf", "numpy", "onnxruntime", "openvino", "optimum-onnx",
    "sentence-transformers", "tokenizers", "torch", "transformers",
}  # fmt: skip
"""The distributions whose versions a record holds."""


def environment() -> dict[str, Any]:
    """Return CPU, this project's kernel for it, cores, load, versions and revision, as plain values."""
    cpu = dict(line.split(":", 1) for line in _read("/proc/cpuinfo").split("\n\n")[0].replace("\t", "").splitlines())
    flags = set(cpu.get("flags", cpu.get("Features", "")).split())
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": cpu.get("model name", platform.processor()).strip(),
        "cpu_family_model": f"{cpu.get('cpu family', '?').strip()}/{cpu.get('model', '?').strip()}",
        "flags": [flag for flag in RECORDED_FLAGS if flag in flags],
        "kernel": kernel_name(),
        "cores": os.cpu_count(),
        "affinity": len(os.sched_getaffinity(0)),
        "load": os.getloadavg(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": recorded_versions(),
        "revision": subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip(),
    }


def recorded_versions() -> dict[str, str]:
    """Return the versions of RECORDED_PACKAGES that are installed here."""
    return {item.name: item.version for item in distributions() if item.name in RECORDED_PACKAGES}


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")
