"""Configs: those of plain BERT encoders, old ones included."""

from pathlib import Path

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from tests.support.checkpoints import copy_of, edit_json


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "roberta"}, "model_type 'roberta': only BERT encoders with 'bert' export"),
        ({"position_embedding_type": "relative_key"}, "only BERT encoders with 'absolute'"),
        ({"hidden_act": "relu"}, "only BERT encoders with 'gelu'"),
        ({"is_decoder": True}, "is_decoder True"),
        ({"hidden_size": None}, "hidden_size None, expected a positive int"),
        ({"num_hidden_layers": "four"}, "num_hidden_layers 'four'"),
        ({"num_attention_heads": 7}, "no multiple of its 7 attention heads"),
        ({"vocab_size": 1999}, "2000 tokens and 0 added ones, expected 1999"),
    ],
)
def test_a_config_that_is_not_berts_is_refused(
    tiny_checkpoint: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    edit_json(folder / "config.json", **changes)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.read(str(folder))


def test_an_old_config_without_some_keys_is_berts(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    edit_json(folder / "config.json", model_type=None, layer_norm_eps=None, position_embedding_type=None)
    assert Checkpoint.read(str(folder)).geometry.layer_norm_eps == 1e-12
