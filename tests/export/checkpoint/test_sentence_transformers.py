"""Folders of sentence-transformers decide pooling, length and normalization, or are refused."""

import json
import shutil
from pathlib import Path

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint


def sentence_transformers_folder(checkpoint: Path, folder: Path, pooling: dict[str, object], *kinds: str) -> Path:
    shutil.copytree(checkpoint, folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 77}))
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": paths.get(kind, kind)} for kind in kinds]
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),
    ],
)
def test_the_folder_decides_pooling_length_and_normalization(
    tiny_checkpoint: Path, tmp_path: Path, config: dict[str, object], pooling: str
) -> None:
    kinds = ("Transformer", "Pooling", "Normalize")
    folder = sentence_transformers_folder(tiny_checkpoint, tmp_path / "st", config, *kinds)
    checkpoint = Checkpoint.read(str(folder))
    assert checkpoint.pooling(None) == pooling
    assert checkpoint.pooling("mean") == "mean"
    assert checkpoint.max_length(None) == 77
    assert checkpoint.modules.normalized


@pytest.mark.parametrize(
    ("config", "kinds", "message"),
    [
        ({"pooling_mode_max_tokens": True}, ("Transformer", "Pooling"), "pooling pooling_mode_max_tokens"),
        ({"pooling_mode": "lasttoken"}, ("Transformer", "Pooling"), "pooling lasttoken"),
        ({"pooling_mode_cls_token": False}, ("Transformer", "Pooling"), "pooling of no kind"),
        ({"pooling_mode": "mean"}, ("Transformer", "Pooling", "Dense"), "lists Transformer, Pooling, Dense"),
    ],
)
def test_sentence_modules_without_a_graph_are_refused(
    tiny_checkpoint: Path, tmp_path: Path, config: dict[str, object], kinds: tuple[str, ...], message: str
) -> None:
    folder = sentence_transformers_folder(tiny_checkpoint, tmp_path / "st", config, *kinds)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.read(str(folder))
