"""Weights that TensorFlow saved, as dmis-lab published BioBERT; they get PyTorch's names and shapes.

The extra `tensorflow` reads them. A checkpoint is an index with one or more shards of data beside it. The training
graph (.meta) is not read.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._extras import requires_extra
from biobert_onnx._file_status import is_file
from biobert_onnx_export.checkpoint.file_kinds import check_content
from biobert_onnx_export.errors import CheckpointError

INDEX = ".index"
INDEX_FILES = "*.ckpt*" + INDEX
"""The pattern of an index: model.ckpt-1000000.index in BioBERT v1.1, biobert_model.ckpt.index in v1.0."""

SHARD = re.compile(r"data-\d{5}-of-(\d{5})")

TRAINING_VARIABLE = re.compile(r"global_step|adam_[mv]|(BERTAdam|AdamWeightDecayOptimizer)(_\d+)?")
"""The last part of the name of a variable that only training needs: its step, and Adam's two slots for each weight."""

STDERR = 2
"""The file descriptor."""


def index_file(folder: Path) -> Path | None:
    """Find the index of the TensorFlow checkpoint in `folder`, None without one; CheckpointError for several."""
    found = sorted(path for path in _listed(folder) if path.match(INDEX_FILES) and not path.name.startswith("."))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise CheckpointError(f"'{folder}' holds {len(found)} checkpoints, {names}: leave one there")
    return found[0] if found else None


def shard_files(index: Path) -> list[Path]:
    """List the shards that belong to `index`, in order; raises CheckpointError if one is missing."""
    found = [path for path in _listed(index.parent) if path.stem == index.stem and SHARD.fullmatch(path.suffix[1:])]
    count = max((int(path.name[-5:]) for path in found), default=1)
    shards = [index.with_suffix(f".data-{number:05}-of-{count:05}") for number in range(count)]
    for shard in shards:
        if not is_file(shard):
            raise CheckpointError(f"'{shard}' is missing beside {index.name}: download the checkpoint again")
    return shards


def _listed(folder: Path) -> list[Path]:
    """List what is in `folder`; raises CheckpointError if it may not be listed, which a glob would take for empty."""
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise CheckpointError(f"'{folder}' cannot be read ({error.strerror}): change its permissions") from error


def read_variables(index: Path) -> dict[str, NDArray[np.float32]]:
    """Read the variables of the checkpoint of `index`, float32, with the names and the layout of PyTorch.

    Variables that only training needs are left out.

    Raises CheckpointError if TensorFlow cannot read it, ModuleNotFoundError without the extra `tensorflow`.
    """
    check_content(index)
    for shard in shard_files(index):
        check_content(shard, may_be_empty=True)
    tensorflow = _tensorflow()
    try:
        reader = tensorflow.train.load_checkpoint(str(index.with_suffix("")))
        names = [name for name in reader.get_variable_to_shape_map() if not _is_for_training(name)]
        return dict(_as_in_pytorch(name, reader.get_tensor(name)) for name in sorted(names))
    except (tensorflow.errors.OpError, IndexError, RuntimeError, ValueError) as error:  # which one depends on the place
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"'{index}' cannot be read ({reason:.200}): download it again") from error


def _tensorflow() -> ModuleType:
    with requires_extra("export,tensorflow", by="a TensorFlow checkpoint"), _silent_stderr():
        return import_module("tensorflow")


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Discard everything that the block writes to the file descriptor of stderr.

    TensorFlow's C++ code logs there while it is imported; otherwise only an environment variable stops that.
    """
    kept, null = os.dup(STDERR), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDERR)
    try:
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
        os.close(null)


def _is_for_training(name: str) -> bool:
    return TRAINING_VARIABLE.fullmatch(name.rpartition("/")[2]) is not None


def _as_in_pytorch(name: str, value: object) -> tuple[str, NDArray[np.float32]]:
    """Return PyTorch's name and layout: kernels (inputs, outputs) become weights (outputs, inputs).

    >>> _as_in_pytorch("bert/encoder/layer_3/output/dense/kernel", np.zeros((3, 2)))[0]
    'bert.encoder.layer.3.output.dense.weight'
    """
    array = np.asarray(value, dtype=np.float32)
    name = name.replace("/layer_", "/layer/").replace("/", ".")
    if name.endswith(".kernel"):
        # Contiguous, as in PyTorch: otherwise the sums of bias correction would round differently.
        return name.removesuffix("kernel") + "weight", np.ascontiguousarray(array.T)
    return (f"{name}.weight" if name.endswith("_embeddings") else name), array
