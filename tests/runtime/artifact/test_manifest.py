"""The manifest, read and written; what becomes of damaged ones is in test_damage.py."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx import Manifest


@pytest.fixture
def folder(artifact: Path, tmp_path: Path) -> Path:
    """A copy of the artifact to edit."""
    return Path(shutil.copytree(artifact, tmp_path / "artifact"))


def test_a_manifest_read_and_written_again_has_the_same_bytes(folder: Path) -> None:
    before = (folder / "manifest.json").read_bytes()
    Manifest.read(folder).write(folder)
    assert (folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("is_measured", [False, True])
def test_the_fidelity_of_the_kernels_is_optional(folder: Path, is_measured: bool) -> None:
    fidelity = Manifest.read(folder).fidelity if is_measured else None
    replace(Manifest.read(folder), kernels_fidelity=fidelity).write(folder)
    assert Manifest.read(folder).kernels_fidelity == fidelity


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"precision": "int8", "quantization": {"float32_sites": []}}, False),
        ({"precision": "int8", "quantization": {"float32_sites": ["encoder.layer.0.output"]}}, True),
        ({"precision": "fp32", "quantization": {}}, True),
    ],
)
def test_a_manifest_tells_whether_any_product_is_float32(folder: Path, changes: dict[str, Any], expected: bool) -> None:
    replace(Manifest.read(folder), **changes).write(folder)
    assert Manifest.read(folder).has_float32_products == expected
