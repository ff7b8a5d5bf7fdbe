"""The file that holds a checkpoint's weights, where several may lie in the folder, and its digest."""

import hashlib
from pathlib import Path

from biobert_onnx._file_status import is_file
from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.shards import INDEX_SUFFIX, is_shard_index, listed_shards
from biobert_onnx_export.checkpoint.tensorflow import INDEX, INDEX_FILES, index_file, shard_files
from biobert_onnx_export.errors import CheckpointError

WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""In the order of preference of transformers; an index stands for its shards. TensorFlow's come last."""


def weights_file(folder: Path) -> Path:
    """Find the weights in `folder`: the first of WEIGHT_FILES, else TensorFlow's index.

    Raises CheckpointError if there is none of them; it says so if the folder is an artifact.
    """
    for name in WEIGHT_FILES:
        if is_there(folder / name):
            return folder / name
    index = index_file(folder)
    if index is not None:
        return index
    if is_file(folder / MANIFEST):
        raise CheckpointError(
            f"'{folder}' is an artifact, expected a checkpoint: use it as it is, or export the checkpoint that it was "
            "made from"
        )
    raise CheckpointError(
        f"'{folder}' holds neither model.safetensors nor pytorch_model.bin, nor an index of their shards "
        f"(*{INDEX_SUFFIX}), nor {INDEX_FILES}: it is no complete checkpoint"
    )


def other_weights_files(path: Path) -> list[Path]:
    """List the WEIGHT_FILES in the folder of `path` that are not read because `path` is preferred to them."""
    return [path.with_name(name) for name in WEIGHT_FILES if name != path.name and is_file(path.with_name(name))]


def weights_name(path: Path) -> str:
    """Return the name that a manifest gives the weights: the file, the index, or the name that TensorFlow's share."""
    return path.name.removesuffix(INDEX)


def weights_sha256(path: Path) -> str:
    """Compute the sha256 (hexadecimal) of the weights in `path`.

    Of an index, it is that of the bytes of its shards one after another, in the order of their names, without the
    index: the tensors decide it, and not the layout of a JSON file.
    """
    digest = hashlib.sha256()
    for part in _parts(path):
        with part.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def _parts(path: Path) -> list[Path]:
    if path.suffix == INDEX:
        return shard_files(path)
    return listed_shards(path) if is_shard_index(path) else [path]
