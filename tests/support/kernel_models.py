"""Encoders for the kernels, drawn from seeded integers: no checkpoint, no calibration, the same on every machine."""

import ctypes
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.paths import PLAN, WEIGHTS
from biobert_onnx.kernels.library import Model
from biobert_onnx.kernels.packed import (
    PAIR_BOUND,
    Arrays,
    aligned_bytes,
    arrays_in,
    fill,
    packed_layout,
    packed_size,
)
from biobert_onnx.kernels.plan import (
    ATTENTION_BIAS,
    FORMAT,
    MATRICES,
    NORMALIZED_KINDS,
    POSITIONS,
    TOKEN_TYPES,
    UNIT_LENGTH,
    WORDS,
    KernelPlan,
    SiteKind,
    SiteRecord,
    TensorRecord,
    Tensors,
    layer_name,
)
from biobert_onnx.kernels.session import _model

LANES = 16
GUARD = 64
"""Bytes behind each buffer that C writes to; they must stay as they are."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes of an encoder and the parts that it has. Sites are named as in the plan."""

    hidden: int = 128
    head_size: int = 32
    inner: int = 256
    layers: int = 2
    words: int = 40
    positions: int = 64
    activation: str = "gelu"
    pooling: str = "mean"
    unit_length: bool = False
    per_token: frozenset[str] = frozenset()
    smoothing: frozenset[str] = frozenset()
    outlier_units: tuple[int, ...] = ()  # of each layer
    has_attention_bias: bool = False
    has_token_types: bool = True
    padding_id: int | None = None
    pairs: bool = False

    @property
    def site_names(self) -> list[str]:
        """The names of all sites."""
        return [f"{layer_name(layer)}.{kind}" for layer in range(self.layers) for kind in SiteKind]

    @property
    def normalized_sites(self) -> list[str]:
        """The names of the sites behind a LayerNorm, which may have smoothing."""
        return [f"{layer_name(layer)}.{kind}" for layer in range(self.layers) for kind in NORMALIZED_KINDS]


class Draws:
    """Integers of SplitMix64 (Steele et al. 2014): the n-th depends on seed and n alone, not on numpy's version."""

    def __init__(self, seed: int) -> None:
        self._next = np.uint64(seed) << np.uint64(32)

    def integers(self, shape: tuple[int, ...], least: int, most: int) -> NDArray[np.int64]:
        """Draw integers from `least` to `most`, both included."""
        count = math.prod(shape)
        with np.errstate(over="ignore"):
            z = (self._next + np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            self._next += np.uint64(count)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
        return (least + ((z >> np.uint64(32)) * np.uint64(most - least + 1) >> np.uint64(32)).astype(np.int64)).reshape(
            shape
        )

    def floats(self, shape: tuple[int, ...], least: float, most: float) -> FloatArray:
        """Draw multiples of 1/1024."""
        return self.integers(shape, round(least * 1024), round(most * 1024)).astype(np.float32) / np.float32(1024)

    def weights(self, inputs: int, outputs: int) -> NDArray[np.int8]:
        """Draw int8 weights; those of two neighbouring inputs reach the bound, and both ends of int8 occur."""
        first = self.integers((inputs // 2, outputs), -PAIR_BOUND, PAIR_BOUND - 1)
        room = PAIR_BOUND - np.abs(first)
        least = np.where(first < 0, -room, -PAIR_BOUND)
        most = np.where(first < 0, PAIR_BOUND - 1, np.minimum(room, PAIR_BOUND - 1))
        second = least + self.integers(first.shape, 0, 2**20) * (most - least + 1) // (2**20 + 1)
        return np.stack([first, second], axis=1).reshape(inputs, outputs).astype(np.int8)


@dataclass(frozen=True)
class DrawnModel:
    """A plan and its tensors."""

    plan: KernelPlan
    tensors: Mapping[str, NDArray[Any]]

    def write(self, folder: Path) -> KernelPlan:
        """Write the plan and the weights into `folder`, as export does."""
        (folder / PLAN).write_text(json.dumps({"format": FORMAT, **asdict(self.plan)}), encoding="utf-8")
        with (folder / WEIGHTS).open("wb") as file:
            for name, record in self.plan.tensors.items():
                file.seek(record["offset"])
                file.write(self.tensors[name].tobytes())
        return self.plan

    def pack(self) -> Arrays:
        """Return the packed arrays."""
        layout = packed_layout(self.plan, with_words=True)
        arrays = arrays_in(aligned_bytes(packed_size(layout)), layout)
        fill(arrays, self.plan, cast(Tensors, self.tensors))
        arrays["words"][:] = self.tensors[f"{WORDS}.weight_int8"]
        return arrays


@dataclass(frozen=True)
class PackedModel:
    """What C takes, and the arrays that it points into."""

    model: Model
    arrays: Arrays

    @classmethod
    def of(cls, drawn: DrawnModel) -> "PackedModel":
        """Pack a drawn model."""
        arrays = drawn.pack()
        return cls(_model(drawn.plan, arrays), arrays)

    def encode(
        self,
        library: ctypes.CDLL,
        kernel: int,
        ids: NDArray[np.int64],
        threads: int = 1,
        token_types: NDArray[np.int64] | None = None,
        *,
        output: int = 0,
    ) -> FloatArray:
        """Encode `ids` (batch, tokens), in a workspace that holds NaN and is not a byte longer than it must be.

        `output` 0 gives the vectors of texts, the others rows of tokens, (batch * tokens, hidden).
        """
        batch, tokens = ids.shape
        rows = batch if output == 0 else batch * tokens
        ids = np.ascontiguousarray(ids)
        hidden = int(self.model.hidden)
        size = library.workspace_bytes(self.model, batch, tokens, threads)
        space, out = _guarded(size), _guarded(rows * hidden * 4)
        types = None if token_types is None else np.ascontiguousarray(token_types)
        inputs = (ids.ctypes.data, None if types is None else types.ctypes.data, batch, tokens, output)
        result = library.encode(self.model, kernel, *inputs, out.ctypes.data, space.ctypes.data, size, threads)
        assert result == 0, f"encode returned {result}"
        assert (space[size:] == 255).all() and (out[-GUARD:] == 255).all(), "it wrote behind a buffer"
        return out[:-GUARD].view(np.float32).reshape(rows, hidden).copy()


def _guarded(size: int) -> NDArray[np.uint8]:
    buffer = aligned_bytes(size + GUARD)
    buffer[:] = 255  # read as float32: NaN
    return buffer


def draw_model(shape: Shape, seed: int) -> DrawnModel:
    """Draw the tensors of an encoder whose values are neither tiny nor all cut to 0 or 255."""
    draws = Draws(seed)
    tensors = _embeddings(draws, shape)
    sites: dict[str, SiteRecord] = {}
    units = dict(enumerate(shape.outlier_units))
    for layer in range(shape.layers):
        name = layer_name(layer)
        for kind in SiteKind:
            site = f"{name}.{kind}"
            sites[site] = _site(draws, site in shape.per_token, site in shape.smoothing, kind)
            tensors |= _matrices(draws, shape, name, kind)
            if site in shape.smoothing:
                inputs = shape.inner if kind == SiteKind.OUTPUT else shape.hidden
                tensors[f"{site}.inverse_smoothing"] = draws.floats((inputs,), 0.5, 2)
        for norm in ("attention.output", "output"):
            tensors |= _norm(draws, f"{name}.{norm}", shape.hidden)
        if units.get(layer):
            tensors |= _outliers(draws, shape, f"{name}.outliers", units[layer])
    if shape.pooling == "pooler":
        tensors["pooler.dense.weight"] = draws.floats((shape.hidden, shape.hidden), -0.25, 0.25)
        tensors["pooler.dense.bias"] = draws.floats((shape.hidden,), -0.5, 0.5)
    if shape.has_attention_bias:
        tensors[ATTENTION_BIAS] = draws.floats((shape.hidden // shape.head_size, 2 * shape.positions - 1), -2, 2)
    plan = KernelPlan(
        geometry={
            "hidden_size": shape.hidden,
            "embedding_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.hidden // shape.head_size,
            "intermediate_size": shape.inner,
            "vocab_size": shape.words,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": 2 * shape.has_token_types,
            "layer_norm_eps": 1e-12,
        },
        padding_id=shape.padding_id,
        attention_bias=shape.has_attention_bias,
        activation=shape.activation,
        pooling=shape.pooling,
        after_pooling=[UNIT_LENGTH] * shape.unit_length,
        sites=sites,
        outlier_units={layer_name(layer): count for layer, count in units.items() if count},
        tensors=_records(tensors),
        pairs=shape.pairs,
    )
    return DrawnModel(plan, tensors)


def draw_ids(shape: Shape, seed: int, batch: int, tokens: int) -> NDArray[np.int64]:
    """Draw token ids."""
    return Draws(seed).integers((batch, tokens), 0, shape.words - 1)


def draw_token_types(seed: int, batch: int, tokens: int) -> NDArray[np.int64]:
    """Draw token types as pairs have them, each with a second text that begins somewhere else."""
    starts = Draws(seed).integers((batch, 1), 0, tokens)
    return (np.arange(tokens) >= starts).astype(np.int64)


def _embeddings(draws: Draws, shape: Shape) -> dict[str, NDArray[Any]]:
    return {
        f"{WORDS}.weight_int8": draws.integers((shape.words, shape.hidden), -127, 127).astype(np.int8),
        f"{WORDS}.weight_scale": draws.floats((shape.words, 1), 0.01, 0.03),
        POSITIONS: draws.floats((shape.positions + (shape.padding_id is not None), shape.hidden), -1, 1),
        **({TOKEN_TYPES: draws.floats((2, shape.hidden), -1, 1)} if shape.has_token_types else {}),
        **_norm(draws, "embeddings", shape.hidden),
    }


def _norm(draws: Draws, name: str, hidden: int) -> dict[str, NDArray[Any]]:
    return {
        f"{name}.LayerNorm.weight": draws.floats((hidden,), 0.5, 1.5),
        f"{name}.LayerNorm.bias": draws.floats((hidden,), -0.5, 0.5),
    }


def _site(draws: Draws, per_token: bool, smoothing: bool, kind: SiteKind) -> SiteRecord:
    if per_token:
        return {"products": "per_token", "smoothing": smoothing}
    least, most = (8, 24) if kind == SiteKind.OUTPUT else (100, 156)
    return {
        "products": "static",
        "scale": float(draws.floats((), 0.014, 0.024)),
        "zero_point": int(draws.integers((), least, most)),
        "smoothing": smoothing,
    }


def _matrices(draws: Draws, shape: Shape, layer: str, kind: SiteKind) -> dict[str, NDArray[Any]]:
    inputs, outputs = {
        SiteKind.INTERMEDIATE: (shape.hidden, shape.inner),
        SiteKind.OUTPUT: (shape.inner, shape.hidden),
    }.get(kind, (shape.hidden, shape.hidden))
    tensors: dict[str, NDArray[Any]] = {}
    for matrix in MATRICES[kind]:
        tensors[f"{layer}.{matrix}.weight_int8"] = draws.weights(inputs, outputs)
        usual = 1 / (64 * math.sqrt(inputs))  # products of inputs of about 1 are about 1
        tensors[f"{layer}.{matrix}.weight_scale"] = draws.floats((outputs,), 0.75, 1.5) * np.float32(usual)
        tensors[f"{layer}.{matrix}.bias"] = draws.floats((outputs,), -1, 1)
    return tensors


def _outliers(draws: Draws, shape: Shape, name: str, units: int) -> dict[str, NDArray[Any]]:
    return {
        f"{name}.into.weight": draws.floats((shape.hidden, units), -0.25, 0.25),
        f"{name}.bias": draws.floats((units,), -0.5, 0.5),
        f"{name}.out.weight": draws.floats((units, shape.hidden), -0.25, 0.25),
    }


def _records(tensors: Mapping[str, NDArray[Any]]) -> dict[str, TensorRecord]:
    records: dict[str, TensorRecord] = {}
    end = 0
    for name, tensor in tensors.items():
        offset = -(-end // 64) * 64
        records[name] = {
            "dtype": "int8" if tensor.dtype == np.int8 else "float32",
            "shape": list(tensor.shape),
            "offset": offset,
        }
        end = offset + tensor.nbytes
    return records
