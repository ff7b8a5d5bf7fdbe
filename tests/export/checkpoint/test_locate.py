"""A checkpoint that cannot be found is named."""

from pathlib import Path

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint


@pytest.mark.parametrize("checkpoint", ["./nowhere", "nowhere", "/no/where/at/all"])
def test_a_missing_folder_is_named(checkpoint: str) -> None:
    with pytest.raises(CheckpointError, match=f"no such folder: '{checkpoint}'"):
        Checkpoint.read(checkpoint)


def test_a_file_in_place_of_a_folder_is_named(tiny_checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="is a file, expected a checkpoint's folder"):
        Checkpoint.read(str(tiny_checkpoint / "config.json"))


def test_a_hub_id_without_the_hub_says_so() -> None:
    with pytest.raises(
        CheckpointError,
        match=r"'dmis-lab/biobert-v1\.1'.* (cannot be reached|is not asked).*: no folder of this name",
    ):
        Checkpoint.read("dmis-lab/biobert-v1.1")
