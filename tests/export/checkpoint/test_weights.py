"""Weights as people save them: under any prefix, with any head, in any float type, beside a second file."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from biobert_onnx_export import CheckpointError, export
from biobert_onnx_export.checkpoint.config import EncoderGeometry
from biobert_onnx_export.checkpoint.weights import Weights
from tests.support.checkpoints import DIM, Tensors, copy_of

QUERY = "encoder.layer.0.attention.self.query.weight"


@pytest.fixture(scope="module")
def geometry(tiny_checkpoint: Path) -> EncoderGeometry:
    return EncoderGeometry.read(tiny_checkpoint)


@pytest.fixture(scope="module")
def expected(tiny_checkpoint: Path, geometry: EncoderGeometry) -> Weights:
    """The weights of the tiny checkpoint."""
    return Weights.read(tiny_checkpoint, geometry)


@pytest.fixture
def tensors(tiny_checkpoint: Path) -> Tensors:
    """The tensors of the tiny checkpoint."""
    return safetensors.torch.load_file(tiny_checkpoint / "model.safetensors")


def assert_same(found: Weights, expected: Weights) -> None:
    assert list(found.tensors) == list(expected.tensors)
    for name, tensor in expected.tensors.items():
        assert found.tensors[name].dtype == np.float32
        assert found.tensors[name].tobytes() == tensor.tobytes(), name


def shown(weights: Weights) -> list[str]:
    return [str(rule) for rule in weights.rules]


def saved(folder: Path, tensors: Tensors) -> Path:
    """`folder`, made, with `tensors` as its pytorch_model.bin."""
    folder.mkdir(exist_ok=True)
    torch.save(tensors, folder / "pytorch_model.bin")
    return folder


def under(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: tensor.clone() for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    "prefix", ["module.", "module.bert.", "model.", "encoder.", "0.auto_model.", "_orig_mod.bert.", "a.b.embeddings."]
)
def test_any_prefix_is_found_and_said(
    tensors: Tensors, geometry: EncoderGeometry, expected: Weights, tmp_path: Path, prefix: str
) -> None:
    found = Weights.read(saved(tmp_path, under(prefix, tensors)), geometry)
    assert_same(found, expected)
    assert shown(found) == [f"prefix: '{prefix}' stripped (pytorch_model.bin has its encoder under it)"]


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_the_prefixes_of_transformers_are_not_worth_a_rule(
    tensors: Tensors, geometry: EncoderGeometry, expected: Weights, tmp_path: Path, prefix: str
) -> None:
    found = Weights.read(saved(tmp_path, under(prefix, tensors)), geometry)
    assert_same(found, expected)
    assert found.rules == ()


HEADS = (
    ("classifier.weight", "classifier.bias"),
    ("qa_outputs.weight", "qa_outputs.bias"),
    ("crf.transitions",),
    ("bert.classifier.weight", "module.loss"),
    tuple(f"cls.predictions.{index}" for index in range(7)),
    ("linear.int8_weight",),
)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_what_lies_outside_of_the_encoder_is_left_out_and_named(
    tensors: Tensors, geometry: EncoderGeometry, expected: Weights, tmp_path: Path, head: tuple[str, ...], prefix: str
) -> None:
    stored = under(prefix, tensors) | {name: torch.zeros(2, dtype=torch.int8) for name in head}
    found = Weights.read(saved(tmp_path, stored), geometry)
    assert_same(found, expected)
    (rule,) = found.rules
    assert str(rule).startswith(f"head: {len(head)} tensor")
    assert all(name in rule.reason for name in sorted(head)[:5])
    assert ("and 2 more" in rule.reason) == (len(head) == 7)


@pytest.mark.parametrize(
    "name",
    [
        "encoder.layer.4.output.dense.weight",
        "encoder.layer.0.adapter.up.weight",
        "embeddings.LayerNorm2.weight",
        "encoder.layer.0.attention.self.distance_embedding.weight",
        "pooler.dense2.weight",
        "encoder.rel_pos",
    ],
)
@pytest.mark.parametrize("prefix", ["", "model.bert."])
def test_unexpected_tensors_of_the_encoder_are_refused(
    tensors: Tensors, geometry: EncoderGeometry, tmp_path: Path, name: str, prefix: str
) -> None:
    stored = under(prefix, tensors | {name: torch.zeros(2)})
    with pytest.raises(CheckpointError, match=f"holds unexpected {name}: it is no complete encoder"):
        Weights.read(saved(tmp_path, stored), geometry)


def test_constants_that_transformers_once_stored_are_ignored(
    tensors: Tensors, geometry: EncoderGeometry, expected: Weights, tmp_path: Path
) -> None:
    buffers = {"embeddings.position_ids": torch.arange(4)[None], "embeddings.token_type_ids": torch.zeros(1, 4).long()}
    found = Weights.read(saved(tmp_path, under("bert.", tensors | buffers)), geometry)
    assert_same(found, expected)
    assert found.rules == ()


@pytest.mark.parametrize(
    ("first", "second"), [("ctx_encoder.", "question_encoder.bert."), ("student.", "teacher."), ("", "bert.")]
)
def test_two_encoders_are_refused_by_both_prefixes(
    tensors: Tensors, geometry: EncoderGeometry, tmp_path: Path, first: str, second: str
) -> None:
    stored = under(first, tensors) | under(second, tensors)
    with pytest.raises(CheckpointError, match="holds 2 encoders") as raised:
        Weights.read(saved(tmp_path, stored), geometry)
    assert repr(first) in str(raised.value) and repr(second) in str(raised.value)


@pytest.mark.parametrize("stored", [{}, {"transformer.wte.weight": torch.zeros(2)}])
def test_a_file_without_an_encoder_says_what_it_holds(
    geometry: EncoderGeometry, tmp_path: Path, stored: Tensors
) -> None:
    message = rf"lacks embeddings\.word_embeddings\.weight, .* holds {'transformer' if stored else 'no tensor'}"
    with pytest.raises(CheckpointError, match=message):
        Weights.read(saved(tmp_path, stored), geometry)


def test_a_tensor_under_its_old_and_its_new_name_is_refused(
    tensors: Tensors, geometry: EncoderGeometry, tmp_path: Path
) -> None:
    stored = tensors | {"embeddings.LayerNorm.gamma": torch.ones(DIM)}
    with pytest.raises(CheckpointError, match=r"twice, as embeddings\.LayerNorm\.gamma and embeddings\.LayerNorm\.we"):
        Weights.read(saved(tmp_path, stored), geometry)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("safe", [True, False])
def test_other_float_types_become_float32(
    tensors: Tensors, geometry: EncoderGeometry, tmp_path: Path, dtype: torch.dtype, safe: bool
) -> None:
    stored = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    if safe:
        safetensors.torch.save_file(stored, tmp_path / "model.safetensors")
    else:
        saved(tmp_path, stored)
    found = Weights.read(tmp_path, geometry).tensors
    assert all(np.array_equal(found[name], tensor.float().numpy()) for name, tensor in stored.items())
    assert {tensor.dtype for tensor in found.values()} == {np.dtype(np.float32)}


def test_parameters_are_tensors_too(
    tensors: Tensors, geometry: EncoderGeometry, expected: Weights, tmp_path: Path
) -> None:
    stored: Tensors = {name: torch.nn.Parameter(tensor) for name, tensor in tensors.items()}
    assert_same(Weights.read(saved(tmp_path, stored), geometry), expected)


def test_a_file_of_the_format_before_pytorch_1_6_is_read(
    tensors: Tensors, geometry: EncoderGeometry, expected: Weights, tmp_path: Path
) -> None:
    torch.save(tensors, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    assert_same(Weights.read(tmp_path, geometry), expected)


QUANTIZED: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("int8", lambda tensor: tensor.to(torch.int8)),
    ("float8_e4m3fn", lambda tensor: tensor.to(torch.float8_e4m3fn)),
    ("int64", lambda tensor: tensor.long()),
    ("float32", lambda tensor: tensor.to_sparse()),
)


@pytest.mark.parametrize(("dtype", "change"), QUANTIZED)
def test_integers_and_quantized_tensors_are_refused_by_name(
    tensors: Tensors,
    geometry: EncoderGeometry,
    tmp_path: Path,
    dtype: str,
    change: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    stored = tensors | {QUERY: change(tensors[QUERY])}
    with pytest.raises(
        CheckpointError, match=rf"holds {QUERY} as {dtype}.*, expected float32.*before it was quantized"
    ):
        Weights.read(saved(tmp_path, stored), geometry)


def test_a_missing_pooler_is_allowed(tensors: Tensors, geometry: EncoderGeometry, tmp_path: Path) -> None:
    stored = {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}
    assert "pooler.dense.weight" not in Weights.read(saved(tmp_path, stored), geometry).tensors


@pytest.fixture
def both(tiny_checkpoint: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the tiny checkpoint, with model.safetensors alone."""
    yield copy_of(tiny_checkpoint, tmp_path / "both")


def test_a_second_file_of_the_same_shapes_is_said_and_not_read(
    tensors: Tensors, geometry: EncoderGeometry, expected: Weights, both: Path
) -> None:
    saved(both, under("bert.", {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}))
    found = Weights.read(both, geometry)
    assert_same(found, expected)
    assert shown(found) == ["weights: model.safetensors (preferred to pytorch_model.bin, which the folder holds too)"]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_two_files_of_other_shapes_are_refused_by_both_names(
    tensors: Tensors, geometry: EncoderGeometry, both: Path, prefix: str, zipped: bool
) -> None:
    stored = under(prefix, tensors | {QUERY: torch.zeros(DIM, 32)})
    torch.save(stored, both / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        CheckpointError, match=rf"{QUERY} is \({DIM}, {DIM}\) in the first and \({DIM}, 32\) in"
    ) as raised:
        Weights.read(both, geometry)
    assert all(f"'{both / name}'" in str(raised.value) for name in ("model.safetensors", "pytorch_model.bin"))


def test_a_second_file_with_a_layer_more_is_refused(tensors: Tensors, geometry: EncoderGeometry, both: Path) -> None:
    layer = {name.replace("layer.3", "layer.4"): tensor for name, tensor in tensors.items() if "layer.3" in name}
    saved(both, tensors | layer)
    with pytest.raises(
        CheckpointError, match=rf"encoder\.layer\.4\.\S+ is absent in the first and \({DIM},\) in the second"
    ):
        Weights.read(both, geometry)


def test_a_second_file_may_lack_the_pooler_or_have_a_head(
    tensors: Tensors, geometry: EncoderGeometry, expected: Weights, both: Path
) -> None:
    stored = {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}
    saved(both, stored | {"classifier.weight": torch.zeros(3, DIM)})
    assert_same(Weights.read(both, geometry), expected)


@pytest.mark.parametrize(
    "content", [b"damaged", b"", b"version https://git-lfs.github.com/spec/v1\nsize 1\n", b"<html></html>"]
)
def test_a_second_file_that_cannot_be_read_is_ignored(
    geometry: EncoderGeometry, expected: Weights, both: Path, content: bytes
) -> None:
    (both / "pytorch_model.bin").write_bytes(content)
    assert_same(Weights.read(both, geometry), expected)


def test_the_first_of_the_kinds_is_read_as_transformers_prefers_them(
    tensors: Tensors, geometry: EncoderGeometry, both: Path
) -> None:
    saved(both, tensors)
    for kind, stem in (("safetensors", "model"), ("bin", "pytorch_model")):
        write = safetensors.torch.save_file if kind == "safetensors" else torch.save
        write(tensors, both / f"{stem}-1.{kind}")
        index = {"weight_map": dict.fromkeys(tensors, f"{stem}-1.{kind}")}
        (both / f"{stem}.{kind}.index.json").write_text(json.dumps(index))
    for name in (
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ):
        assert Weights.read(both, geometry).name == name
        (both / name).unlink()
    with pytest.raises(CheckpointError, match=r"holds neither model\.safetensors nor"):
        Weights.read(both, geometry)


def test_an_artifact_is_no_checkpoint_and_is_told_to_be_one(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is an artifact, expected a checkpoint: use it as it is, or export"):
        export(str(artifact), tmp_path / "out")
