"""Weights in several files: the index that transformers writes beside them, and the shards that it names.

The index (model.safetensors.index.json, pytorch_model.bin.index.json) holds `weight_map`: the shard of each tensor.
"""

from pathlib import Path

from biobert_onnx.artifact.paths import leads_out
from biobert_onnx.errors import short_repr
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.errors import CheckpointError, listed

INDEX_SUFFIX = ".index.json"
"""The end of an index's name."""


def is_shard_index(path: Path) -> bool:
    """Tell whether `path` has the name of an index of shards.

    >>> is_shard_index(Path("model.safetensors.index.json")), is_shard_index(Path("model.ckpt-1.index"))
    (True, False)
    """
    return path.name.endswith(INDEX_SUFFIX)


def read_weight_map(index: Path) -> dict[str, str]:
    """Read the shard's name of each tensor in `index`.

    Raises CheckpointError for an index that is damaged or names a file outside of its own folder.
    """
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(
            f"'{index}' has weight_map {_kind(weight_map)}, expected an object that names the file of each tensor: "
            "download it again"
        )
    for tensor, shard in weight_map.items():
        if not isinstance(shard, str) or not shard:
            raise CheckpointError(
                f"'{index}' has weight_map {short_repr(tensor)}: {short_repr(shard)}, expected the name of a file"
            )
        if leads_out(shard):
            raise CheckpointError(
                f"'{index}' places {short_repr(tensor)} in {short_repr(shard)}, outside of its own "
                "folder: do not use this checkpoint"
            )
    return weight_map


def listed_shards(index: Path) -> list[Path]:
    """List the shards that `index` names, each once, in the order of their names.

    Raises CheckpointError if one is missing.
    """
    shards = sorted({index.parent / name for name in read_weight_map(index).values()})
    for shard in shards:
        if not is_there(shard):
            raise CheckpointError(f"'{shard}' is missing, and {index.name} names it: download the checkpoint again")
    return shards


def check_shard(index: Path, shard: Path, weight_map: dict[str, str], found: set[str]) -> None:
    """Raise CheckpointError unless the tensors `found` in `shard` are those that `weight_map` places there."""
    placed = {tensor for tensor, name in weight_map.items() if index.parent / name == shard}
    if placed - found:
        raise CheckpointError(
            f"'{shard}' lacks {listed(placed - found)}, which {index.name} places there: download both again"
        )
    if found - placed:
        raise CheckpointError(
            f"'{shard}' holds {listed(found - placed)}, which {index.name} does not place there: download both again"
        )


def _kind(value: object) -> str:
    return "of type " + type(value).__name__ if value else repr(value)
