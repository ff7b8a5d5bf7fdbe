"""Weights of PyTorch and safetensors: read without running code, or refused if damaged."""

from pathlib import Path

import pytest
import safetensors.torch
import torch

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from tests.support.checkpoints import copy_of


def test_pytorch_model_bin_gives_the_same_tensors(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    torch.save(safetensors.torch.load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    expected = Checkpoint.read(str(tiny_checkpoint)).tensors
    found = Checkpoint.read(str(folder)).tensors
    assert all((found[name] == expected[name]).all() for name in expected)


def test_a_pickle_that_holds_code_is_refused_and_not_run(tiny_checkpoint: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    (folder / "model.safetensors").unlink()
    torch.save({"weights": Hostile()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin' cannot be read"):
        Checkpoint.read(str(folder))
    assert not (tmp_path / "ran").exists()


def test_a_pickle_of_anything_but_a_state_dict_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    (folder / "model.safetensors").unlink()
    torch.save([torch.zeros(3)], folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"holds no dictionary of tensors: save the model's state_dict"):
        Checkpoint.read(str(folder))


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_truncated_weights_are_refused(tiny_checkpoint: Path, tmp_path: Path, name: str) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    if name == "pytorch_model.bin":
        (folder / "model.safetensors").unlink()
        torch.save(tensors, folder / name)
    content = (folder / name).read_bytes()
    for size in (0, 4, len(content) // 2, len(content) - 1):
        (folder / name).write_bytes(content[:size])
        with pytest.raises(CheckpointError, match=rf"{name}' cannot be read"):
            Checkpoint.read(str(folder))
