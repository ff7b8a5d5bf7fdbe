"""The weights of a checkpoint: found, read completely, and held against what else lies in the folder, or refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from biobert_onnx_export.checkpoint.config import EncoderGeometry
from biobert_onnx_export.checkpoint.families import Family
from biobert_onnx_export.checkpoint.prefixes import EncoderNames
from biobert_onnx_export.checkpoint.pytorch import Shape, as_float32, read_shapes, read_state_dict
from biobert_onnx_export.checkpoint.rules import Rule
from biobert_onnx_export.checkpoint.tensorflow import INDEX, read_variables
from biobert_onnx_export.checkpoint.tensors import Tensors, complete
from biobert_onnx_export.checkpoint.weight_files import (
    other_weights_files,
    weights_file,
    weights_name,
    weights_sha256,
)
from biobert_onnx_export.errors import CheckpointError, listed


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The tensors of an encoder, float32 under the names of BertModel, and the file that they came from.

    `name` and `sha256` are those of the manifest; `rules` say what was stripped, left out, or not read.
    """

    name: str
    sha256: str
    tensors: Tensors
    rules: tuple[Rule, ...]

    @classmethod
    def read(cls, folder: Path, geometry: EncoderGeometry) -> Self:
        """Read the weights in `folder`.

        Raises CheckpointError if there are none, if they are damaged or no complete encoder of `geometry`, or if
        a second file of weights holds an encoder of other shapes.
        """
        path = weights_file(folder)
        encoder, tensors = _read_encoder(path, geometry.family)
        return cls(
            name=weights_name(path),
            sha256=weights_sha256(path),
            tensors=complete(tensors, geometry, path),
            rules=(*encoder.rules(path), *_compared_with_others(path, tensors, geometry.family)),
        )


def _read_encoder(path: Path, family: Family) -> tuple[EncoderNames, Tensors]:
    """Read the encoder in `path`: where it lies, and its tensors, float32."""
    if path.suffix == INDEX:
        variables = read_variables(path)
        encoder = EncoderNames.find(variables, path, family)
        return encoder, {own: variables[name] for own, name in encoder.names.items()}
    stored = read_state_dict(path)
    encoder = EncoderNames.find(stored, path, family)
    tensors: Tensors = {}
    others = []
    for own, name in encoder.names.items():
        array = as_float32(stored[name])
        if array is None:
            others.append(f"{own} as {str(stored[name].dtype).removeprefix('torch.')}")
        else:
            tensors[own] = array
    if others:
        raise CheckpointError(
            f"'{path}' holds {listed(others)}, expected float32, float16, bfloat16 or float64: give the checkpoint as "
            "it was before it was quantized"
        )
    return encoder, tensors


def _compared_with_others(path: Path, tensors: Tensors, family: Family) -> tuple[Rule, ...]:
    """Compare `tensors`, the encoder in `path`, with the other files of weights in the folder, by shapes alone.

    Returns a rule that names them. A file that cannot be read, or holds no encoder, cannot contradict: transformers
    does not open it. Raises CheckpointError for one whose encoder has other shapes.
    """
    others = other_weights_files(path)
    for other in others:
        shapes = _encoder_shapes(other, family)
        if shapes is not None:
            _check_equal_shapes(path, {name: tensor.shape for name, tensor in tensors.items()}, other, shapes)
    if not others:
        return ()
    names = ", ".join(other.name for other in others)
    return (Rule("weights", path.name, f"preferred to {names}, which the folder holds too"),)


def _encoder_shapes(path: Path, family: Family) -> dict[str, Shape] | None:
    """Return the shapes of the encoder in `path`, None if there is no readable encoder in it."""
    try:
        shapes = read_shapes(path)
        names = EncoderNames.find(shapes, path, family).names
    except CheckpointError:
        return None
    return {own: shapes[name] for own, name in names.items()}


def _check_equal_shapes(path: Path, shapes: dict[str, Shape], other: Path, other_shapes: dict[str, Shape]) -> None:
    """Raise CheckpointError at a tensor that is not alike in both files; the pooler may be absent from one."""
    for name in sorted(shapes.keys() | other_shapes.keys()):
        here, there = shapes.get(name), other_shapes.get(name)
        absent_pooler = name.startswith("pooler.") and None in (here, there)
        if here != there and not absent_pooler:
            raise CheckpointError(
                f"'{path}' and '{other}' contradict each other: {name} is {here or 'absent'} in the first and "
                f"{there or 'absent'} in the second: remove the one that is not of this model"
            )
