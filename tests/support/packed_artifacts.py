"""Packed artifacts in folders, as `bundle --engine kernels` puts them into a zip."""

import shutil
from pathlib import Path

from biobert_onnx import Manifest
from biobert_onnx.kernels.engine import supported_plan
from biobert_onnx.kernels.prepacked import pack_artifact


def packed(artifact: Path, folder: Path) -> Path:
    """`folder`, a packed artifact made from `artifact`."""
    work = folder.with_name(f"{folder.name}-work")
    work.mkdir(parents=True)
    manifest = Manifest.read(artifact)
    for name, path in pack_artifact(artifact, manifest, supported_plan(artifact, manifest), work).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    return folder
