"""Tensors: complete under every name that is in use, or refused by name."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from tests.support.checkpoints import DIM, Tensors, copy_of

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
def test_known_names_and_unused_tensors_give_the_same_tensors(
    tiny_checkpoint: Path, tmp_path: Path, change: Callable[[Tensors], Tensors]
) -> None:
    expected = Checkpoint.read(str(tiny_checkpoint)).tensors
    found = Checkpoint.read(str(copy_of(tiny_checkpoint, tmp_path / "copy", change))).tensors
    assert found.keys() == expected.keys()
    assert all((found[name] == expected[name]).all() for name in expected)


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
        (transposed_word_embeddings, rf"word_embeddings\.weight \({DIM}, 2000\), expected \(2000, {DIM}\)"),
        (with_a_nan, f"not finite, {QUERY}"),
        (twice, r"holds 2 encoders, under the prefixes 'bert\.' and ''"),
    ],
)
def test_tensors_that_are_not_exactly_berts_are_refused(
    tiny_checkpoint: Path, tmp_path: Path, change: Callable[[Tensors], Tensors], message: str
) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy", change)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.read(str(folder))
