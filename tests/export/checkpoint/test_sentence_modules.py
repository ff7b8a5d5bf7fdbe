"""Dense, LayerNorm and Normalize are read with their weights, or refused with the file and the key."""

from pathlib import Path

import pytest
import safetensors.torch
import torch

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.sentence_modules import ACTIVATIONS, Dense, LayerNorm, Normalize
from tests.support.folders import write_json
from tests.support.sentence_transformers import write_dense, write_layer_norm


@pytest.mark.parametrize("as_pickle", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_dense_is_read_from_either_file_of_weights(tmp_path: Path, as_pickle: bool, bias: bool) -> None:
    write_dense(tmp_path / "2_Dense", 96, 8, bias=bias, as_pickle=as_pickle)
    dense = Dense.read(tmp_path, "2_Dense")
    assert (dense.inputs, dense.outputs, dense.activation, dense.place) == (96, 8, "Tanh", "2_Dense")
    assert (dense.bias is not None) == bias


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("package", ["torch.nn", "torch.nn.modules.activation"])
def test_an_activation_is_known_by_its_class(tmp_path: Path, activation: str, package: str) -> None:
    package = "torch.nn.modules.linear" if (activation, package[-1]) == ("Identity", "n") else package
    write_dense(tmp_path / "2_Dense", 96, 8, activation_function=f"{package}.{activation}")
    assert Dense.read(tmp_path, "2_Dense").activation == activation


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"activation_function": "torch.nn.modules.activation.Softmax"},
            "Softmax', expected one of torch.nn's Identity",
        ),
        ({"activation_function": "my_code.Tanh"}, "has activation_function 'my_code.Tanh', expected one of torch.nn's"),
        ({"activation_function": None}, "has activation_function None, expected a text"),
        ({"bias": None}, "has bias None, expected true or false"),
        ({"in_features": 0}, "has in_features 0, expected a positive number"),
        ({"out_features": "8"}, "has out_features '8', expected a whole number"),
        ({"module_output_name": None}, "has module_output_name None, expected a text"),
        ({"module_input_name": "token_embeddings"}, "has module_input_name 'token_embeddings', expected 'sentence_emb"),
        ({"module_output_name": "other"}, "has module_output_name 'other', expected 'sentence_embedding'"),
        ({"use_residual": True}, "has use_residual True, expected false"),
        ({"dropout": 0.1}, "has dropout 0.1, expected no key but"),
    ],
)
def test_a_dense_that_does_not_export_names_file_and_key(
    tmp_path: Path, config: dict[str, object], message: str
) -> None:
    write_dense(tmp_path / "2_Dense", 96, 8)
    write_json(tmp_path / "2_Dense" / "config.json", {"in_features": 96, "out_features": 8, "bias": True} | config)
    with pytest.raises(CheckpointError, match=r"2_Dense/config\.json' has .*" + message.removeprefix("has ")):
        Dense.read(tmp_path, "2_Dense")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"linear.weight": torch.zeros(8, 96)}, "expected linear.weight .8, 96., linear.bias .8,. by its config.json"),
        (
            {"linear.weight": torch.zeros(96, 8), "linear.bias": torch.zeros(8)},
            "holds .*linear.weight .96, 8.*expected",
        ),
        ({"weight": torch.zeros(8, 96), "bias": torch.zeros(8)}, "holds .*expected linear.weight"),
        (
            {"linear.weight": torch.full((8, 96), torch.nan), "linear.bias": torch.zeros(8)},
            "linear.weight .*not finite",
        ),
        ({}, "holds nothing, expected linear.weight"),
    ],
)
def test_weights_that_do_not_fit_their_config_are_refused(
    tmp_path: Path, tensors: dict[str, torch.Tensor], message: str
) -> None:
    write_dense(tmp_path / "2_Dense", 96, 8)
    safetensors.torch.save_file(tensors, tmp_path / "2_Dense" / "model.safetensors")
    with pytest.raises(CheckpointError, match=message):
        Dense.read(tmp_path, "2_Dense")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_module_without_one_of_its_files_is_refused(tmp_path: Path, name: str) -> None:
    write_layer_norm(tmp_path / "2_LayerNorm", 12)
    assert LayerNorm.read(tmp_path, "2_LayerNorm").outputs == 12
    (tmp_path / "2_LayerNorm" / name).unlink()
    with pytest.raises(CheckpointError, match=rf"2_LayerNorm' holds .*{name}"):
        LayerNorm.read(tmp_path, "2_LayerNorm")


def test_a_normalize_of_other_vectors_is_refused(tmp_path: Path) -> None:
    assert Normalize.read(tmp_path, "2_Normalize") == Normalize()
    write_json(tmp_path / "2_Normalize" / "config.json", {"module_input_name": "sentence_embedding"})
    assert Normalize.read(tmp_path, "2_Normalize") == Normalize()
    write_json(tmp_path / "2_Normalize" / "config.json", {"module_input_name": "token_embeddings"})
    with pytest.raises(CheckpointError, match=r"2_Normalize/config\.json' has module_input_name 'token_embeddings'"):
        Normalize.read(tmp_path, "2_Normalize")
