"""The tensors of an encoder: complete and of the right shapes, or refused."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.plan import POSITIONS, TOKEN_TYPES, WORDS, layer_name
from biobert_onnx_export.checkpoint.config import EncoderGeometry
from biobert_onnx_export.errors import CheckpointError, listed

Tensors = dict[str, FloatArray]

PROJECTION = "embeddings_project"
"""The product that gives word vectors of another size the hidden one; ELECTRA's name."""

RELATIVE_BIAS = "encoder.relative_attention_bias.weight"
"""The bias of attention by groups of distances, (groups, heads); MPNet's name."""


def complete(tensors: Tensors, geometry: EncoderGeometry, path: Path) -> Tensors:
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


def expected_shapes(geometry: EncoderGeometry) -> dict[str, tuple[int, ...]]:
    """List the name, BertModel's, and the shape of every tensor of an encoder, with a pooler where it may have one."""
    hidden, inner, embedded = geometry.hidden_size, geometry.intermediate_size, geometry.embedding_size
    shapes: dict[str, tuple[int, ...]] = {
        f"{WORDS}.weight": (geometry.vocab_size, embedded),
        POSITIONS: (geometry.max_position_embeddings, embedded),
        **({TOKEN_TYPES: (geometry.type_vocab_size, embedded)} if geometry.type_vocab_size else {}),
        **_layer_norm("embeddings", embedded),
        **(_dense(PROJECTION, embedded, hidden) if embedded != hidden else {}),
    }
    for index in range(geometry.num_hidden_layers):
        layer = layer_name(index)
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= _dense(f"{layer}.attention.{name}", hidden, hidden)
        shapes |= _layer_norm(f"{layer}.attention.output", hidden)
        shapes |= _dense(f"{layer}.intermediate.dense", hidden, inner)
        shapes |= _dense(f"{layer}.output.dense", inner, hidden)
        shapes |= _layer_norm(f"{layer}.output", hidden)
    if geometry.relative_attention_num_buckets:
        shapes[RELATIVE_BIAS] = (geometry.relative_attention_num_buckets, geometry.num_attention_heads)
    return shapes | (_dense("pooler.dense", hidden, hidden) if geometry.family.has_pooler else {})


def _dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _layer_norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.LayerNorm.weight": (size,), f"{name}.LayerNorm.bias": (size,)}


def _refuse(path: Path, fault: str, names: Iterable[str]) -> None:
    """Raise CheckpointError if there are any `names` of tensors with this `fault`."""
    found = listed(names)
    if found:
        raise CheckpointError(f"'{path}' {fault} {found}: it is no complete encoder of its config")
