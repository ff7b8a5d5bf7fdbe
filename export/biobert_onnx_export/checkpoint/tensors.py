"""The tensors of an encoder: complete and of the right shapes, or refused."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx_export.checkpoint.config import BertGeometry
from biobert_onnx_export.errors import CheckpointError, listed

Tensors = dict[str, FloatArray]


def complete(tensors: Tensors, geometry: BertGeometry, path: Path) -> Tensors:
    """Return `tensors`, an encoder's in `path`, in the order of expected_shapes.

    The two tensors of the pooler may both be absent. Raises CheckpointError, which names the tensors, if any other is
    missing, unexpected, of another shape, or not finite.
    """
    expected = expected_shapes(geometry)
    if not any(name.startswith("pooler.") for name in tensors):
        expected = {name: shape for name, shape in expected.items() if not name.startswith("pooler.")}
    _refuse(path, "lacks", expected.keys() - tensors.keys())
    _refuse(path, "holds unexpected", tensors.keys() - expected.keys())
    wrong = {name: tensors[name].shape for name, shape in expected.items() if tensors[name].shape != shape}
    described = [f"{name} {shape}, expected {expected[name]}" for name, shape in wrong.items()]
    _refuse(path, "holds, of the wrong shape,", described)
    _refuse(path, "holds, not finite,", [name for name in expected if not np.isfinite(tensors[name]).all()])
    return {name: tensors[name] for name in expected}


def expected_shapes(geometry: BertGeometry) -> dict[str, tuple[int, ...]]:
    """List the name and shape of every tensor of transformers' BertModel with a pooler."""
    hidden, inner = geometry.hidden_size, geometry.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (geometry.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (geometry.max_position_embeddings, hidden),
        "embeddings.token_type_embeddings.weight": (geometry.type_vocab_size, hidden),
        **_layer_norm("embeddings", hidden),
    }
    for index in range(geometry.num_hidden_layers):
        layer = f"encoder.layer.{index}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= _dense(f"{layer}.attention.{name}", hidden, hidden)
        shapes |= _layer_norm(f"{layer}.attention.output", hidden)
        shapes |= _dense(f"{layer}.intermediate.dense", hidden, inner)
        shapes |= _dense(f"{layer}.output.dense", inner, hidden)
        shapes |= _layer_norm(f"{layer}.output", hidden)
    return shapes | _dense("pooler.dense", hidden, hidden)


def _dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _layer_norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.LayerNorm.weight": (size,), f"{name}.LayerNorm.bias": (size,)}


def _refuse(path: Path, fault: str, names: Iterable[str]) -> None:
    """Raise CheckpointError if there are any `names` of tensors with this `fault`."""
    found = listed(names)
    if found:
        raise CheckpointError(f"'{path}' {fault} {found}: it is no complete BERT encoder of its config")
