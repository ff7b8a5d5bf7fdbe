"""Packed models in files, for tests/programs/kernel_driver.c, and what that program prints."""

import ctypes
from ctypes import c_void_p
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.kernels.library import Layer, Model
from tests.support.kernel_models import PackedModel


def write_image(
    packed: PackedModel, ids: NDArray[np.int64], token_types: NDArray[np.int64], threads: int, path: Path
) -> Path:
    """Write a model, token ids and token types (batch, tokens), and a number of threads to the file `path`."""
    image = bytearray()
    offsets: dict[int, int] = {}
    for array in packed.arrays.values():
        image.extend(bytes(-len(image) % 64))
        offsets[array.ctypes.data] = len(image) + 1
        image.extend(array.tobytes())
    image.extend(bytes(-len(image) % 64))
    model = Model.from_buffer_copy(packed.model)
    layers = (Layer * model.layers)(*(packed.model.layer[index] for index in range(model.layers)))
    for layer in layers:
        _translate(layer, offsets)
    _translate(model, offsets)
    model_bytes = bytearray(model)
    place = Model.layer.offset
    model_bytes[place : place + 8] = (len(image) + 1).to_bytes(8, "little")
    image.extend(bytes(layers))
    sizes = np.array([len(image), *ids.shape, threads], "<i8")
    inputs = ids.astype("<i8").tobytes() + token_types.astype("<i8").tobytes()
    path.write_bytes(sizes.tobytes() + bytes(model_bytes) + bytes(image) + inputs)
    return path


def _translate(structure: ctypes.Structure, offsets: dict[int, int]) -> None:
    """Replace the addresses of arrays in a structure, and in those inside it, by offsets."""
    for field in structure._fields_:
        name, kind = field[0], field[1]
        value = getattr(structure, name)
        if kind is c_void_p and value is not None:
            setattr(structure, name, offsets[value])
        elif isinstance(value, ctypes.Structure):
            _translate(value, offsets)


def vectors_printed(output: str) -> dict[str, bytes]:
    """Return the bytes of the vectors by the names of the kernels, each of which must agree with the plain one."""
    vectors = {}
    for line in output.splitlines():
        name, agrees, digits = line.split()
        assert agrees == "1", f"{name} does not agree with plain C when the library is loaded"
        vectors[name] = bytes.fromhex(digits)
    return vectors
