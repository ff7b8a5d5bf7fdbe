"""Weights that PyTorch or safetensors saved, in one file or in shards; a pickle is read without running code."""

import pickle
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors import SafetensorError, safe_open

from biobert_onnx._types import FloatArray
from biobert_onnx_export.checkpoint.file_kinds import check_content
from biobert_onnx_export.checkpoint.shards import check_shard, is_shard_index, listed_shards, read_weight_map
from biobert_onnx_export.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

Shape = tuple[int, ...]

SAFETENSORS = ".safetensors"

FLOAT_TYPES = ("float64", "float32", "float16", "bfloat16")
"""Types whose numbers float32 holds, those of float64 rounded; an 8-bit float needs scales that lie elsewhere."""

DAMAGE = (
    *(OSError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError),
    *(AssertionError, AttributeError, IndexError, TypeError, OverflowError, struct.error),
)
"""What the readers of safetensors and PyTorch raise for bytes that are no weights."""


def read_state_dict(path: Path) -> "dict[str, Tensor]":
    """Read every tensor of a .safetensors file, of a pickled state_dict or of all shards of an index, under its name.

    A pickle is loaded with `weights_only`, so the code in a hostile one does not run. Raises CheckpointError if a file
    is damaged, missing or no file of weights at all, if it holds anything but a dictionary of tensors, or if a shard
    holds other tensors than the index says.
    """
    return _of_all_shards(path, _read_tensors)


def read_shapes(path: Path) -> dict[str, Shape]:
    """Read the shape of every tensor of the same files, and not their numbers; raises CheckpointError as well."""
    return _of_all_shards(path, _read_shapes)


def as_float32(tensor: "Tensor") -> FloatArray | None:
    """Convert `tensor` to a float32 array; return None if its numbers are integers or quantized, or it is sparse."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in FLOAT_TYPES or str(tensor.layout) != "torch.strided":
        return None
    array: FloatArray = tensor.detach().float().numpy()
    return array


def _of_all_shards(path: Path, read: Callable[[Path], dict[str, T]]) -> dict[str, T]:
    """Return what `read` finds in `path`, or in every shard of the index `path`."""
    if not is_shard_index(path):
        return read(path)
    weight_map = read_weight_map(path)
    found: dict[str, T] = {}
    for shard in listed_shards(path):
        tensors = read(shard)
        check_shard(path, shard, weight_map, set(tensors))
        found |= tensors
    return found


def _read_tensors(path: Path) -> "dict[str, Tensor]":
    import safetensors.torch  # takes seconds to import: a wrong path or config is reported before

    check_content(path)
    with _damage_named(path):
        return safetensors.torch.load_file(path) if path.suffix == SAFETENSORS else _unpickled(path, device="cpu")


def _read_shapes(path: Path) -> dict[str, Shape]:
    check_content(path)
    with _damage_named(path):
        if path.suffix != SAFETENSORS:
            return {name: tuple(tensor.shape) for name, tensor in _unpickled(path, device="meta").items()}
        with safe_open(path, framework="np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def _unpickled(path: Path, *, device: str) -> "dict[str, Tensor]":
    """Load a pickle of tensors; those on the device "meta" have a shape and no numbers."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old and new protocols: what they give is checked here
        content: Any = torch.load(path, map_location=device, weights_only=True)
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in content.items()
    ):
        raise CheckpointError(f"'{path}' holds no dictionary of tensors: save the model's state_dict()")
    return content


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turn every error of a reader in the block into a CheckpointError that names `path`.

    PyTorch's own words are left out where they advise to load the file without `weights_only`: that would run its code.
    """
    try:
        yield
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"'{path}' cannot be read (it is damaged, or holds other objects than tensors, whose code is not run): "
            "download it again, or save the model's state_dict() as safetensors"
        ) from error
    except DAMAGE as error:
        lines = str(error).strip().splitlines()
        reason = lines[0] if lines and "weights_only" not in str(error) else type(error).__name__
        raise CheckpointError(f"'{path}' cannot be read ({reason:.200}): download it again") from error
