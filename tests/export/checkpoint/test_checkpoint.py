"""Checkpoints as a whole: every file is needed, and a pooling needs its weights."""

from pathlib import Path

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from tests.support.checkpoints import Tensors, copy_of


def test_missing_files_are_named(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for name, message in (
        ("config.json", r"holds no config\.json"),
        ("model.safetensors", r"neither model\.safetensors nor pytorch_model\.bin"),
        ("vocab.txt", r"neither vocab\.txt nor tokenizer\.json"),
    ):
        folder = copy_of(tiny_checkpoint, tmp_path / name)
        (folder / name).unlink()
        with pytest.raises(CheckpointError, match=message):
            Checkpoint.read(str(folder))


def test_pooler_without_its_weights_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    def without_pooler(tensors: Tensors) -> Tensors:
        return {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}

    checkpoint = Checkpoint.read(str(copy_of(tiny_checkpoint, tmp_path / "copy", without_pooler)))
    assert checkpoint.pooling(None) == "mean"
    with pytest.raises(CheckpointError, match=r"has no pooler weights: choose pooling='mean' or 'cls'"):
        checkpoint.pooling("pooler")
