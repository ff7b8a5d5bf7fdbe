"""An artifact's model.onnx with its weights inside, for tools that load one file."""

from io import BufferedReader
from pathlib import Path

import onnx
from onnx import ModelProto, TensorProto

from biobert_onnx.artifact.paths import MODEL_GRAPH, WEIGHTS, inside
from biobert_onnx.errors import ArtifactError

MAX_BYTES = 2**31 - 1
"""Bytes in one message of protobuf (protobuf.dev, "Proto Limits"), and in one array of Java."""


def read_whole_model(artifact: Path) -> ModelProto:
    """Return model.onnx of the folder `artifact` with its weights inside.

    It takes memory of its size, twice that while it is written. Raises ValueError if it would have more than MAX_BYTES,
    ArtifactError if a tensor lies where the weights file has no bytes.
    """
    model = onnx.load_model(inside(artifact, MODEL_GRAPH), load_external_data=False)
    tensors = [tensor for tensor in model.graph.initializer if tensor.data_location == TensorProto.EXTERNAL]
    check_total_size(artifact, model.ByteSize() + sum(place_of(tensor)[1] for tensor in tensors))
    with inside(artifact, WEIGHTS).open("rb") as weights:
        for tensor in tensors:
            _take_in(tensor, weights, artifact)
    return model


def check_total_size(artifact: Path, size: int) -> None:
    """Raise ValueError if `size` bytes are too many for one file."""
    if size > MAX_BYTES:
        raise ValueError(
            f"'{artifact}' makes a {MODEL_GRAPH} of {size:,} bytes with its weights inside, expected at most "
            f"{MAX_BYTES:,}, the limit of protobuf: convert an artifact with precision int8"
        )


def place_of(tensor: TensorProto) -> tuple[int, int]:
    """Return where the bytes of `tensor` begin in the weights file, and their number."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    return int(entries["offset"]), int(entries["length"])


def _take_in(tensor: TensorProto, weights: BufferedReader, artifact: Path) -> None:
    """Put the bytes of `tensor` into it."""
    start, length = place_of(tensor)
    weights.seek(start)
    tensor.raw_data = weights.read(length)
    if len(tensor.raw_data) != length:
        raise ArtifactError(
            f"'{artifact / WEIGHTS}' has {len(tensor.raw_data):,} bytes at {start:,}, expected {length:,} for "
            f"{tensor.name}: export or copy it again"
        )
    tensor.ClearField("external_data")
    tensor.data_location = TensorProto.DEFAULT
