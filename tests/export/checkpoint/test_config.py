"""Configs: those of plain BERT encoders, old ones included."""

import json
from pathlib import Path

import pytest
from transformers import BertConfig

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.config import EncoderGeometry
from tests.support.checkpoints import copy_of, edit_json


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model_type": "gpt2"},
            "model_type 'gpt2': only encoders with one of bert, mpnet, electra, distilbert, roberta",
        ),
        ({"position_embedding_type": "relative_key"}, "only encoders with 'absolute'"),
        ({"hidden_act": "silu"}, "hidden_act 'silu', expected one of gelu, gelu_new, relu: no other one"),
        ({"hidden_act": ["gelu"]}, r"hidden_act \['gelu'\], expected one of gelu"),
        ({"is_decoder": True}, "is_decoder True"),
        ({"position_embedding_type": "alibi"}, "position_embedding_type 'alibi'"),
        ({"is_decoder": "false"}, "is_decoder 'false'"),
        ({"add_cross_attention": True}, "add_cross_attention True"),
        ({"pruned_heads": {"0": [1, 2]}}, r"pruned_heads .* \(attention heads are missing\)"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantization_config .* are quantized"),
        ({"auto_map": {"AutoModel": "modeling.Bert"}}, r"auto_map AutoModel 'modeling\.Bert'.* code of its own"),
        ({"hidden_size": None}, "hidden_size None, expected a positive int"),
        ({"hidden_size": 128.5}, r"hidden_size 128\.5, expected a positive int"),
        ({"hidden_size": True}, "hidden_size True, expected a positive int"),
        ({"hidden_size": -128}, "hidden_size -128, expected a positive int"),
        ({"hidden_size": 10**400}, r"hidden_size 1000.*, expected a positive int"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers 1000000000, expected a positive int"),
        ({"layer_norm_eps": "1e-12"}, "layer_norm_eps '1e-12', expected a positive float"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps nan, expected a positive float"),
        ({"layer_norm_eps": float("inf")}, "layer_norm_eps inf, expected a positive float"),
        ({"type_vocab_size": []}, r"type_vocab_size \[\], expected a positive int"),
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


@pytest.mark.parametrize(
    "key", ["model_type", "hidden_act", "position_embedding_type", "hidden_size", "layer_norm_eps", "vocab_size"]
)
def test_null_is_refused_where_transformers_does_not_take_it(tiny_checkpoint: Path, tmp_path: Path, key: str) -> None:
    write_config(tiny_checkpoint, tmp_path, {key: None})
    with pytest.raises(CheckpointError, match=rf"config\.json' has {key} None"):
        EncoderGeometry.read(tmp_path)


@pytest.mark.parametrize(
    "harmless",
    [
        {"is_decoder": None, "add_cross_attention": None, "pruned_heads": None, "quantization_config": None},
        {"pruned_heads": {}, "chunk_size_feed_forward": 64, "torch_dtype": "bfloat16", "dtype": "float16"},
        {"use_cache": None, "architectures": ["BertForMaskedLM"], "id2label": {"0": "x"}, "pooling": "average"},
        {"auto_map": {"AutoModelForSequenceClassification": "modeling.Head"}, "return_dict": False},
    ],
)
def test_keys_that_change_no_vector_are_harmless(
    tiny_checkpoint: Path, tmp_path: Path, harmless: dict[str, object]
) -> None:
    write_config(tiny_checkpoint, tmp_path, harmless)
    assert EncoderGeometry.read(tmp_path) == EncoderGeometry.read(tiny_checkpoint)


def test_sizes_that_a_config_leaves_out_are_those_of_transformers(tiny_checkpoint: Path, tmp_path: Path) -> None:
    write_config(tiny_checkpoint, tmp_path, {})
    edit_json(tmp_path / "config.json", max_position_embeddings=None, type_vocab_size=None, layer_norm_eps=None)
    geometry, config = EncoderGeometry.read(tmp_path), BertConfig.from_pretrained(tmp_path)
    for key, value in geometry.config().items():
        assert getattr(config, key) == value, key


def write_config(checkpoint: Path, folder: Path, changes: dict[str, object]) -> None:
    """Write the config of `checkpoint` with `changes` into `folder`; None stands for null."""
    content = json.loads((checkpoint / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(content))


def test_an_old_config_without_some_keys_is_berts(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    edit_json(folder / "config.json", model_type=None, layer_norm_eps=None, position_embedding_type=None)
    assert Checkpoint.read(str(folder)).geometry.layer_norm_eps == 1e-12
