"""Damaged JSON files of a checkpoint are refused."""

from pathlib import Path

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from tests.support.checkpoints import copy_of


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "[]", r"config\.json' holds a list, expected a JSON object"),
        ("config.json", '{"hidden_size": ', r"config\.json' cannot be read as JSON .*: download it again"),
        ("config.json", "[" * 100_000, r"config\.json' cannot be read as JSON"),
        ("config.json", "\ufeff{}", r"config\.json' begins with a byte-order mark: save it as UTF-8 without"),
        ("config.json", "null", r"config\.json' holds a NoneType, expected a JSON object"),
        ("modules.json", '["Transformer"]', r"modules\.json' is no list of modules .*: download it again"),
    ],
)
def test_damaged_json_is_refused(tiny_checkpoint: Path, tmp_path: Path, name: str, content: str, message: str) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    (folder / name).write_text(content)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.read(str(folder))
