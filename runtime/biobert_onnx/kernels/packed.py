"""Weights as the kernels take them: one layout for every CPU, in memory or in a file that processes share.

int8 weights lie in tiles (`model.h`). Scales that are always multiplied together are one number: those of a static
site's input and of the weights; LayerNorm, smoothing and the site's scale; 1 / sqrt(head size) and the queries' scale.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.paths import WEIGHTS
from biobert_onnx.errors import ArtifactError
from biobert_onnx.kernels.library import load_library
from biobert_onnx.kernels.plan import (
    ATTENTION_BIAS,
    MATRICES,
    OUTLIER_UNITS,
    POSITIONS,
    TOKEN_TYPES,
    WORDS,
    KernelPlan,
    SiteKind,
    Tensors,
    layer_name,
)

ALIGNMENT = 64
"""Bytes between possible starts of an array: a cache line."""

PAIR_BOUND = 128
"""The largest sum of one sign of the weights of two neighbouring inputs: 255 * 128 fits the int16 of AVX2's product."""

LANES = 16
"""Floats of a vector, LANES in model.h: a bias of attention is read up to so many places behind its end."""

NORM_PARTS = ("gain", "shift", "site_gain", "site_shift")


@dataclass(frozen=True)
class Place:
    """Where an array lies in the packed bytes, its type and its shape."""

    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def end(self) -> int:
        """The first byte behind the array."""
        return self.offset + math.prod(self.shape) * self.dtype.itemsize


Layout = Mapping[str, Place]
Arrays = Mapping[str, NDArray[Any]]


def packed_layout(plan: KernelPlan, *, with_words: bool) -> dict[str, Place]:
    """Return the place of each array; `with_words`: the word embeddings are among them."""
    places: dict[str, Place] = {}
    end = 0
    for name, dtype, shape in _arrays(plan, with_words):
        place = Place(-(-end // ALIGNMENT) * ALIGNMENT, np.dtype(dtype), shape)
        places[name], end = place, place.end
    return places


def packed_size(layout: Layout) -> int:
    """Return the bytes that arrays of `layout` take together."""
    return max(place.end for place in layout.values())


def arrays_in(buffer: NDArray[np.uint8], layout: Layout) -> dict[str, NDArray[Any]]:
    """Return the arrays of `layout`, views of `buffer`."""
    return {
        name: buffer[place.offset : place.end].view(place.dtype).reshape(place.shape) for name, place in layout.items()
    }


def aligned_bytes(size: int) -> NDArray[np.uint8]:
    """Return `size` bytes that begin at a multiple of ALIGNMENT; what is in them means nothing."""
    raw = np.empty(size + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size]


def pack_in_memory(folder: Path, plan: KernelPlan) -> Arrays:
    """Return the packed arrays of the artifact in `folder`; its word embeddings stay in the mapped weights file."""
    tensors = Tensors(folder, plan)
    layout = packed_layout(plan, with_words=False)
    arrays = arrays_in(aligned_bytes(packed_size(layout)), layout)
    fill(arrays, plan, tensors)
    return {**arrays, "words": tensors[f"{WORDS}.weight_int8"]}


def write_packed(folder: Path, plan: KernelPlan, path: Path) -> None:
    """Write the packed arrays of the artifact in `folder` to the file `path`; one artifact gives the same bytes.

    They are packed in memory, then written: on a full disk, a file that is mapped to be written ends the process
    (SIGBUS), where a write raises OSError.
    """
    arrays = pack_in_memory(folder, plan)
    with path.open("wb") as file:
        for name, place in packed_layout(plan, with_words=True).items():
            file.write(bytes(place.offset - file.tell()))  # what lies between two arrays
            file.write(arrays[name].data)


def map_packed(path: Path, plan: KernelPlan) -> Arrays:
    """Map the file `path` that `write_packed` wrote for this plan; raises ArtifactError if it has another size."""
    layout = packed_layout(plan, with_words=True)
    size, expected = path.stat().st_size, packed_size(layout)
    if size != expected:
        raise ArtifactError(f"'{path}' has {size} bytes, expected {expected}: run prepack again")
    return arrays_in(np.memmap(path, dtype=np.uint8, mode="r"), layout)


def _arrays(plan: KernelPlan, with_words: bool) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield name, type and shape of each array, in the order of use."""
    sizes = plan.geometry
    hidden, inner, words = sizes["hidden_size"], sizes["intermediate_size"], sizes["vocab_size"]
    if with_words:
        yield "words", "int8", (words, hidden)
    yield "word_scales", "float32", (words,)
    yield "positions", "float32", (plan.token_types, plan.position_rows, hidden)
    if plan.attention_bias:
        distances = 2 * sizes["max_position_embeddings"] - 1
        yield "attention_bias", "float32", (sizes["num_attention_heads"], distances + LANES)
    yield from _norm_arrays("embeddings", hidden, has_site=True)
    sides = {
        SiteKind.QUERY_KEY_VALUE: (hidden, 3 * hidden),
        SiteKind.ATTENTION_OUTPUT: (hidden, hidden),
        SiteKind.INTERMEDIATE: (hidden, inner),
        SiteKind.OUTPUT: (inner, hidden),
    }
    for layer in plan.layers:
        for kind in SiteKind:
            inputs, outputs = sides[kind]
            yield f"{layer}.{kind}.tiles", "int8", (inputs * outputs,)
            yield from ((f"{layer}.{kind}.{name}", "int32", (outputs,)) for name in ("start", "sums"))
            yield from ((f"{layer}.{kind}.{name}", "float32", (outputs,)) for name in ("scale", "weight_sums", "bias"))
        yield from _norm_arrays(f"{layer}.attention", hidden, has_site=True)
        yield from _norm_arrays(f"{layer}.output", hidden, has_site=layer + 1 < len(plan.layers))
        if plan.outlier_units.get(layer_name(layer)):
            yield f"{layer}.outliers.into", "float32", (hidden, OUTLIER_UNITS)
            yield f"{layer}.outliers.bias", "float32", (OUTLIER_UNITS,)
            yield f"{layer}.outliers.out", "float32", (OUTLIER_UNITS, hidden)
    if plan.pooling == "pooler":
        yield "pooler.weight", "float32", (hidden, hidden)
        yield "pooler.bias", "float32", (hidden,)


def _norm_arrays(name: str, hidden: int, *, has_site: bool) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    return ((f"{name}.{part}", "float32", (hidden,)) for part in (NORM_PARTS if has_site else NORM_PARTS[:2]))


def fill(arrays: Arrays, plan: KernelPlan, tensors: Tensors) -> None:
    """Fill the `arrays` of a layout from the artifact's `tensors`."""
    arrays["word_scales"][:] = tensors[f"{WORDS}.weight_scale"].ravel()
    arrays["positions"][:] = tensors[POSITIONS]
    if plan.has_token_types:
        arrays["positions"][:] += tensors[TOKEN_TYPES][: plan.token_types, None]
    if plan.attention_bias:
        arrays["attention_bias"][:] = np.pad(tensors[ATTENTION_BIAS], ((0, 0), (0, LANES)))
    _fill_norm(arrays, plan, tensors, "embeddings", "embeddings", (0, SiteKind.QUERY_KEY_VALUE))
    for layer in plan.layers:
        for kind in SiteKind:
            _fill_matrix(arrays, plan, tensors, layer, kind)
        name = layer_name(layer)
        _fill_norm(
            arrays, plan, tensors, f"{layer}.attention", f"{name}.attention.output", (layer, SiteKind.INTERMEDIATE)
        )
        following = (layer + 1, SiteKind.QUERY_KEY_VALUE) if layer + 1 < len(plan.layers) else None
        _fill_norm(arrays, plan, tensors, f"{layer}.output", f"{name}.output", following)
        units = plan.outlier_units.get(name, 0)
        if units:
            _fill_outliers(arrays, tensors, layer, units)
    if plan.pooling == "pooler":
        arrays["pooler.weight"][:] = tensors["pooler.dense.weight"].T
        arrays["pooler.bias"][:] = tensors["pooler.dense.bias"]


def zero_point(plan: KernelPlan, layer: int, kind: SiteKind) -> int:
    """Return the uint8 that stands for 0 in the input of a static site; 0 where each token has a scale."""
    site = plan.site(layer, kind)
    return site["zero_point"] if site["products"] == "static" else 0


def _fill_norm(
    arrays: Arrays, plan: KernelPlan, tensors: Tensors, to: str, name: str, following: tuple[int, SiteKind] | None
) -> None:
    """Fill a LayerNorm, and what makes it the input of the site that follows."""
    gain, shift = tensors[f"{name}.LayerNorm.weight"], tensors[f"{name}.LayerNorm.bias"]
    arrays[f"{to}.gain"][:], arrays[f"{to}.shift"][:] = gain, shift
    if following is None:
        return
    layer, kind = following
    site = plan.site(layer, kind)
    factor, offset = np.ones(len(gain)), 0.0
    if site.get("smoothing"):
        factor = tensors[f"{layer_name(layer)}.{kind}.inverse_smoothing"].astype(np.float64)
    if site["products"] == "static":
        factor, offset = factor / np.float64(np.float32(site["scale"])), float(site["zero_point"])
    arrays[f"{to}.site_gain"][:] = gain * factor
    arrays[f"{to}.site_shift"][:] = shift * factor + offset


def _fill_matrix(arrays: Arrays, plan: KernelPlan, tensors: Tensors, layer: int, kind: SiteKind) -> None:
    names = [f"{layer_name(layer)}.{matrix}" for matrix in MATRICES[kind]]
    scales = [tensors[f"{name}.weight_scale"] for name in names]
    biases: list[FloatArray] = [tensors[f"{name}.bias"] for name in names]
    site = plan.site(layer, kind)
    if site["products"] == "static":
        scales = [scale * np.float32(site["scale"]) for scale in scales]
    to = f"{layer}.{kind}"
    size = len(scales[0])
    if kind == SiteKind.QUERY_KEY_VALUE:
        size = plan.head_size
        root = np.float32(1 / math.sqrt(size))
        scales[0], biases[0] = scales[0] * root, biases[0] * root
    matrices = {name: tensors[f"{name}.weight_int8"] for name in names}
    _pack_matrices(arrays[f"{to}.tiles"], arrays[f"{to}.sums"], matrices, size)
    np.multiply(arrays[f"{to}.sums"], -zero_point(plan, layer, kind), out=arrays[f"{to}.start"])
    arrays[f"{to}.scale"][:] = _interleaved(scales, size)
    arrays[f"{to}.weight_sums"][:] = arrays[f"{to}.sums"].astype(np.float32) * arrays[f"{to}.scale"]
    arrays[f"{to}.bias"][:] = _interleaved(biases, size)


def _interleaved(parts: list[FloatArray], size: int) -> FloatArray:
    """Return the first `size` numbers of each part, then the next of each, and so on."""
    return np.stack([part.reshape(-1, size) for part in parts], axis=1).ravel()


def _pack_matrices(
    tiles: NDArray[np.int8], sums: NDArray[np.int32], matrices: Mapping[str, NDArray[np.int8]], size: int
) -> None:
    """Pack `size` outputs of each matrix (inputs, outputs), then the next of each, and so on.

    Raises ArtifactError, which names the matrix, for weights that are not bounded in pairs (export's int8.py).
    """
    pack = load_library().pack
    inputs, outputs = next(iter(matrices.values())).shape
    done = 0
    for first in range(0, outputs, size):
        for name, matrix in matrices.items():
            source = matrix.ctypes.data + first
            largest = pack(
                source, outputs, inputs, size, tiles.ctypes.data + done * inputs, sums.ctypes.data + done * 4
            )
            if largest > PAIR_BOUND:
                raise ArtifactError(
                    f"'{WEIGHTS}': two neighbouring weights of {name}.weight_int8 add up to {largest}, expected at "
                    f"most {PAIR_BOUND} of one sign, so that no CPU's product saturates: export the artifact again"
                )
            done += size


def _fill_outliers(arrays: Arrays, tensors: Tensors, layer: int, units: int) -> None:
    """Fill the outlier units of a layer; zeros stand for those that it has not."""
    name = f"{layer_name(layer)}.outliers"
    for part in ("into", "bias", "out"):
        arrays[f"{layer}.outliers.{part}"][...] = 0
    arrays[f"{layer}.outliers.into"][:, :units] = tensors[f"{name}.into.weight"]
    arrays[f"{layer}.outliers.bias"][:units] = tensors[f"{name}.bias"]
    arrays[f"{layer}.outliers.out"][:units] = tensors[f"{name}.out.weight"]
