"""Checkpoints are read completely, in every layout that is about, or refused with the reason."""

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from tests.support.checkpoints import Tensors, copy_of, edit_json

QUERY = "encoder.layer.0.attention.self.query.weight"


def prefixed(tensors: Tensors) -> Tensors:
    return {f"bert.{name}": tensor for name, tensor in tensors.items()}


def with_heads(tensors: Tensors) -> Tensors:
    leftovers = {
        "cls.predictions.bias": torch.zeros(3),
        "cls.seq_relationship.weight": torch.zeros(2, 3),
        "bert.embeddings.position_ids": torch.arange(4)[None],
    }
    return prefixed(tensors) | leftovers


def old_layer_norm_names(tensors: Tensors) -> Tensors:
    return {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in tensors.items()
    }


@pytest.mark.parametrize("change", [prefixed, with_heads, old_layer_norm_names])
def test_known_names_and_leftovers_give_the_same_tensors(tiny_checkpoint: Path, tmp_path: Path, change: object) -> None:
    expected = Checkpoint.read(str(tiny_checkpoint)).tensors
    found = Checkpoint.read(str(copy_of(tiny_checkpoint, tmp_path / "copy", change))).tensors  # type: ignore[arg-type]
    assert found.keys() == expected.keys()
    assert all((found[name] == expected[name]).all() for name in expected)


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


def without_query(tensors: Tensors) -> Tensors:
    del tensors[QUERY]
    return tensors


def with_adapter(tensors: Tensors) -> Tensors:
    return tensors | {"encoder.layer.0.adapter.weight": torch.zeros(3)}


def transposed_word_embeddings(tensors: Tensors) -> Tensors:
    name = "embeddings.word_embeddings.weight"
    return tensors | {name: tensors[name].T}


def with_a_nan(tensors: Tensors) -> Tensors:
    tensors[QUERY][0, 0] = torch.nan
    return tensors


def twice(tensors: Tensors) -> Tensors:
    return tensors | {name: tensor.clone() for name, tensor in prefixed(tensors).items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_query, f"lacks {QUERY}"),
        (with_adapter, r"holds unexpected encoder\.layer\.0\.adapter\.weight"),
        (transposed_word_embeddings, r"word_embeddings\.weight \(96, 2000\), expected \(2000, 96\)"),
        (with_a_nan, f"not finite, {QUERY}"),
        (twice, "twice, with and without a prefix"),
    ],
)
def test_a_checkpoint_that_is_not_exactly_bert_is_refused_by_name(
    tiny_checkpoint: Path, tmp_path: Path, change: object, message: str
) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy", change)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.read(str(folder))


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
        ({"vocab_size": 1999}, "2000 different tokens .* expected 1999"),
    ],
)
def test_a_config_that_is_not_berts_is_refused(
    tiny_checkpoint: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    edit_json(folder / "config.json", **changes)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.read(str(folder))


def test_an_old_config_without_model_type_and_epsilon_is_berts(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    edit_json(folder / "config.json", model_type=None, layer_norm_eps=None, position_embedding_type=None)
    assert Checkpoint.read(str(folder)).geometry.layer_norm_eps == 1e-12


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


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "[]", r"config\.json' holds a list, expected a JSON object"),
        ("config.json", '{"hidden_size": ', r"config\.json' cannot be read as JSON .*: download it again"),
        ("modules.json", '["Transformer"]', r"modules\.json' is no list of modules .*: download it again"),
    ],
)
def test_damaged_json_is_refused(tiny_checkpoint: Path, tmp_path: Path, name: str, content: str, message: str) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    (folder / name).write_text(content)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.read(str(folder))


def test_a_pickle_of_anything_but_a_state_dict_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    (folder / "model.safetensors").unlink()
    torch.save([torch.zeros(3)], folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"holds no dictionary of tensors: save the model's state_dict"):
        Checkpoint.read(str(folder))


@pytest.mark.parametrize("checkpoint", ["./nowhere", "nowhere", "/no/where/at/all"])
def test_a_missing_folder_is_named(checkpoint: str) -> None:
    with pytest.raises(CheckpointError, match=f"no such folder: '{checkpoint}'"):
        Checkpoint.read(checkpoint)


def test_a_file_in_place_of_a_folder_is_named(tiny_checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="is a file, expected a checkpoint's folder"):
        Checkpoint.read(str(tiny_checkpoint / "config.json"))


def test_a_hub_id_without_the_hub_says_so() -> None:
    with pytest.raises(CheckpointError, match=r"'dmis-lab/biobert-v1\.1' is no folder here, and .* cannot be reached"):
        Checkpoint.read("dmis-lab/biobert-v1.1")


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
def test_a_sentence_transformers_folder_decides_pooling_length_and_normalization(
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


def test_a_checkpoint_without_pooler_weights_refuses_that_pooling(tiny_checkpoint: Path, tmp_path: Path) -> None:
    def without_pooler(tensors: Tensors) -> Tensors:
        return {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}

    checkpoint = Checkpoint.read(str(copy_of(tiny_checkpoint, tmp_path / "copy", without_pooler)))
    assert checkpoint.pooling(None) == "mean"
    with pytest.raises(CheckpointError, match="has no pooler weights"):
        checkpoint.pooling("pooler")
