"""ask_other_cpus.py LIBRARY ARTIFACT: the kernels' answers on other CPUs, for tests/support/cpu_features.py."""

import ctypes
import json
import sys
from typing import Any

changes = ctypes.CDLL(sys.argv[1])  # before the kernels, as it answers for the CPU

from biobert_onnx import SentenceEncoder  # noqa: E402
from biobert_onnx.errors import EngineError  # noqa: E402
from biobert_onnx.kernels.library import compiled_kernels, runs_here  # noqa: E402


def answers(cpu: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    """Return the fields of Answers."""
    changes.forget_changes()
    for change in cpu["changes"]:
        assert changes.show(*change)
    running = [kernel.name for kernel in compiled_kernels() if runs_here(kernel)]
    if not cpu["encodes"]:
        return {"running": running}
    try:
        encoder = SentenceEncoder(sys.argv[2], engine="kernels", threads=2)
    except EngineError as error:
        return {"running": running, "reason": error.reason}
    return {"running": running, "kernel": encoder.kernel, "vectors": encoder.encode(texts).tobytes().hex()}


asked = json.load(sys.stdin)
json.dump([answers(cpu, asked["texts"]) for cpu in asked["cpus"]], sys.stdout)
