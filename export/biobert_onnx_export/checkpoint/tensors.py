"""The tensors of a checkpoint under one set of names: complete and of the right shapes, or refused."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx_export.checkpoint.config import BertGeometry
from biobert_onnx_export.checkpoint.pytorch import read_state_dict
from biobert_onnx_export.checkpoint.tensorflow import INDEX, INDEX_FILES, index_file, read_variables, shard_files
from biobert_onnx_export.errors import CheckpointError

Tensors = dict[str, FloatArray]

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""In order of preference: safetensors cannot hold code."""

PREFIX = "bert."
"""The prefix of every encoder tensor in checkpoints that were saved with a head."""

UNUSED_TENSORS = re.compile(r"cls\.(predictions|seq_relationship)\..*|embeddings\.position_ids")
"""The heads of pre-training (masked words, next sentence) and a constant that older versions of transformers stored."""

OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
"""Names in checkpoints that were converted from TensorFlow before 2019."""

MAX_NAMES_IN_ERROR = 5
"""Tensors that one error message lists."""


def weights_file(folder: Path) -> Path:
    """Find the weights in `folder`: model.safetensors, else pytorch_model.bin, else TensorFlow's index.

    Raises CheckpointError if there is none of them.
    """
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return folder / name
    index = index_file(folder)
    if index is None:
        names = " nor ".join((*WEIGHT_FILES, INDEX_FILES))
        raise CheckpointError(f"'{folder}' holds neither {names}: it is no complete checkpoint")
    return index


def weights_sha256(path: Path) -> str:
    """Compute the sha256 (hexadecimal) of the weights in `path`; of an index, that of its shards one after another."""
    digest = hashlib.sha256()
    for part in shard_files(path) if path.suffix == INDEX else [path]:
        with part.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def read_tensors(path: Path, geometry: BertGeometry) -> Tensors:
    """Read every tensor of the encoder in `path`, float32, under Hugging Face's names without the `bert.` prefix.

    The two tensors of the pooler may both be absent. Raises CheckpointError, which names the tensors, if any other is
    missing, unexpected, of another shape, or not finite.
    """
    stored = read_variables(path) if path.suffix == INDEX else read_state_dict(path)
    tensors = _renamed(stored, path)
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


def _renamed(tensors: Tensors, path: Path) -> Tensors:
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        new = name.removeprefix(PREFIX)
        for old_end, new_end in OLD_NAMES.items():
            if new.endswith(old_end):
                new = new.removesuffix(old_end) + new_end
        if UNUSED_TENSORS.fullmatch(new):
            continue
        if new in renamed:
            raise CheckpointError(f"'{path}' holds {new} twice, with and without a prefix: save one encoder alone")
        renamed[new] = tensor
    return renamed


def _refuse(path: Path, fault: str, names: Iterable[str]) -> None:
    """Raise CheckpointError if there are any `names` of tensors with this `fault`."""
    listed = sorted(names)
    if listed:
        more = f" and {len(listed) - MAX_NAMES_IN_ERROR} more" if len(listed) > MAX_NAMES_IN_ERROR else ""
        first = "; ".join(listed[:MAX_NAMES_IN_ERROR])
        raise CheckpointError(f"'{path}' {fault} {first}{more}: it is no complete BERT encoder of its config")
