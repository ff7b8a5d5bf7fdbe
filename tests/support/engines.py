"""Tests on each engine, and on a machine that has no kernels."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from biobert_onnx import Manifest
from biobert_onnx.encoding.engines import ENGINES, KERNELS, ONNXRUNTIME
from biobert_onnx.kernels.engine import SWITCH
from biobert_onnx.kernels.library import KernelsUnavailableError, find_kernel
from tests.support.damage import copied

NO_KERNELS: Mapping[str, str] = {SWITCH: "none"}
"""The environment in which no kernel runs: none has this name."""

WITHOUT_KERNELS = "this CPU, or its system, does not run any of these kernels: none"
"""Why not, in that environment."""


def _reason() -> str:
    """Why the kernels do not run here; empty if they do."""
    try:
        find_kernel()
    except KernelsUnavailableError as error:
        return f"the kernels do not run here, because {error}"
    return ""


needs_kernels = pytest.mark.skipif(bool(_reason()), reason=_reason() or "the kernels run here")

RUNNING = (ONNXRUNTIME,) if _reason() else ENGINES
"""The engines that run here."""

each_engine = pytest.mark.parametrize("engine", [pytest.param(KERNELS, marks=needs_kernels), ONNXRUNTIME])
"""Runs a test with the name of each engine as its argument `engine`."""


def measured_on_kernels(artifact: Path, folder: Path) -> Path:
    """`folder`, a copy of `artifact` whose manifest has figures of the kernels: those of onnxruntime again."""
    copied(artifact, folder)
    manifest = Manifest.read(folder)
    replace(manifest, kernels_fidelity=manifest.fidelity).write(folder)
    return folder
