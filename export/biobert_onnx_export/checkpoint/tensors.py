"""A checkpoint's tensors under one set of names, complete and of the right shapes, or refused."""

import hashlib
import pickle
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from biobert_onnx_export.checkpoint.config import BertGeometry
from biobert_onnx_export.checkpoint.hub import WEIGHT_FILES
from biobert_onnx_export.checkpoint.tensorflow import INDEX, INDEX_FILES, index_file, read_variables, shard_files
from biobert_onnx_export.errors import CheckpointError

Tensors = dict[str, NDArray[np.float32]]

PREFIX = "bert."
"""Checkpoints saved with a head carry it on every encoder tensor."""

LEFTOVERS = re.compile(r"cls\.(predictions|seq_relationship)\..*|embeddings\.position_ids")
"""Heads of pre-training (masked words, next sentence) and a constant that older transformers stored."""

OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
"""Names in checkpoints converted from TensorFlow before 2019."""

NAMED_AT_MOST = 5
"""Tensors listed in one error."""


def weights_file(folder: Path) -> Path:
    """The weights of the checkpoint in `folder`: model.safetensors, else pytorch_model.bin, else TensorFlow's index."""
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return folder / name
    index = index_file(folder)
    if index is None:
        names = " nor ".join((*WEIGHT_FILES, INDEX_FILES))
        raise CheckpointError(f"'{folder}' holds neither {names}: it is no complete checkpoint")
    return index


def weights_sha256(path: Path) -> str:
    """The sha256 (hexadecimal) of the weights in `path`; for TensorFlow's index, of its shards one after another."""
    digest = hashlib.sha256()
    for part in shard_files(path) if path.suffix == INDEX else [path]:
        with part.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def read_tensors(path: Path, geometry: BertGeometry) -> Tensors:
    """Every tensor of the encoder in `path`, float32, under Hugging Face's names without the `bert.` prefix.

    The pooler's two tensors may be absent, both of them. Raises CheckpointError that names the tensors if others
    are missing, unexpected, of another shape, or not finite.
    """
    tensors = _renamed(_load(path), path)
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
    """Names and shapes of all tensors of a BERT encoder with a pooler, as transformers' BertModel has them."""
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


def _load(path: Path) -> Tensors:
    return read_variables(path) if path.suffix == INDEX else _load_pytorch(path)


def _load_pytorch(path: Path) -> Tensors:
    import safetensors.torch  # takes seconds to import: a wrong path or config is told before
    import torch

    try:
        if path.suffix == ".safetensors":
            tensors = safetensors.torch.load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f"'{path}' cannot be read ({reason[0]:.200}): download it again") from error
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise CheckpointError(f"'{path}' holds no dictionary of tensors: save the model's state_dict()")
    return {name: tensor.to(torch.float32).numpy() for name, tensor in tensors.items()}


def _renamed(tensors: Tensors, path: Path) -> Tensors:
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        new = name.removeprefix(PREFIX)
        for old_end, new_end in OLD_NAMES.items():
            if new.endswith(old_end):
                new = new.removesuffix(old_end) + new_end
        if LEFTOVERS.fullmatch(new):
            continue
        if new in renamed:
            raise CheckpointError(f"'{path}' holds {new} twice, with and without a prefix: save one encoder alone")
        renamed[new] = tensor
    return renamed


def _refuse(path: Path, fault: str, names: Iterable[str]) -> None:
    listed = sorted(names)
    if listed:
        more = f" and {len(listed) - NAMED_AT_MOST} more" if len(listed) > NAMED_AT_MOST else ""
        shown = "; ".join(listed[:NAMED_AT_MOST])
        raise CheckpointError(f"'{path}' {fault} {shown}{more}: it is no complete BERT encoder of its config")
