"""The functions of tests/programs/kernel_operators.c, on numpy arrays."""

import ctypes
from ctypes import byref, c_float, c_int64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.library import Matrix, Norm, Site
from biobert_onnx.kernels.packed import aligned_bytes

LANES, TILE_INPUTS, QUERIES, MOST_HEAD_SIZE, ROWS_READ_BEYOND = 16, 64, 32, 64, 32
GELU, GELU_NEW, RELU = range(3)


class TokenScale(ctypes.Structure):
    """`token_scale` of model.h."""

    _fields_ = (("scale", c_float), ("least", c_float))


@dataclass(frozen=True)
class Rounded:
    """A row as uint8, and the scale and the least value that bring it back."""

    values: NDArray[np.uint8]
    scale: float
    least: float

    @property
    def restored(self) -> NDArray[np.float64]:
        """What the uint8 values stand for."""
        return self.values.astype(np.float64) * self.scale + self.least


class Operators:
    """One build of the operators. Counts of numbers are multiples of 16."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def exp(self, x: FloatArray) -> FloatArray:
        """e^x for x <= 0."""
        return self._map("exps", x)

    def tanh(self, x: FloatArray) -> FloatArray:
        """tanh of each number."""
        return self._map("tanhs", x)

    def activation(self, activation: int, x: FloatArray) -> FloatArray:
        """The activation of each number."""
        out = np.empty_like(x)
        self._library.activations(c_int64(activation), _address(x), c_int64(x.size), _address(out))
        return out

    def rounded(self, x: FloatArray) -> NDArray[np.uint8]:
        """Each number as uint8."""
        out = np.empty(x.shape, np.uint8)
        self._library.round_to_uint8(_address(x), c_int64(x.size), _address(out))
        return out

    def largest_and_least(self, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The larger of each two numbers, and the smaller."""
        largest, least = np.empty_like(a), np.empty_like(a)
        self._library.largest_and_least(_address(a), _address(b), c_int64(a.size), _address(largest), _address(least))
        return largest, least

    def sums_of_sixteen(self, x: FloatArray) -> FloatArray:
        """The sums of rows of 16 numbers."""
        out = np.empty(x.size // LANES, np.float32)
        self._library.sums_of_sixteen(_address(x), c_int64(x.size), _address(out))
        return out

    def ends_of_sixteen(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The least and the largest of rows of 16 numbers."""
        least, largest = np.empty(x.size // LANES, np.float32), np.empty(x.size // LANES, np.float32)
        self._library.ends_of_sixteen(_address(x), c_int64(x.size), _address(least), _address(largest))
        return least, largest

    def normalize(
        self, x: FloatArray, norm: tuple[FloatArray, ...], epsilon: float, site: Site
    ) -> tuple[FloatArray, Rounded]:
        """LayerNorm of a row, and its values for the site behind it, whose scale is 0 if the site is static.

        `norm`: gain and shift, then those of the site.
        """
        x, (out, values), own = x.copy(), (_row_of_tiles(x.size), np.empty_like(x)), TokenScale()
        record = Norm(*(part.ctypes.data for part in norm))
        self._library.normalize(
            _address(x), c_int64(x.size), byref(record), c_float(epsilon), byref(site), _address(out), _address(values),
            byref(own),
        )  # fmt: skip
        return x, Rounded(_untiled_row(out), own.scale, own.least)

    def quantize(self, values: FloatArray) -> Rounded:
        """A row as uint8 by a scale of its own."""
        out, own = _row_of_tiles(values.size), TokenScale()
        self._library.quantize(_address(values), c_int64(values.size), _address(out), byref(own))
        return Rounded(_untiled_row(out), own.scale, own.least)

    def attend(self, query: FloatArray, key: FloatArray, value: FloatArray, bias: FloatArray | None) -> FloatArray:
        """Attention of one head, all (tokens, size); `bias`: (2 * positions - 1,) by query - key + positions - 1."""
        (queries, size), keys = query.shape, len(key)
        buffers = aligned_bytes(4 * QUERIES * (2 * MOST_HEAD_SIZE + keys))
        out = np.empty((queries, size), np.float32)
        filled_up = np.pad(query, ((0, ROWS_READ_BEYOND), (0, 0)), constant_values=np.nan)
        start = None
        if bias is not None:
            bias = np.pad(bias, (0, LANES))
            start = _address(bias, (len(bias) - LANES) // 2)
        self._library.attend(
            c_int64(size), _address(filled_up), c_int64(queries), _address(np.ascontiguousarray(key)),
            _address(np.ascontiguousarray(value)), c_int64(keys), start, _address(buffers), _address(out),
        )  # fmt: skip
        return out

    def multiply(
        self,
        matrix: Matrix,
        tiles: NDArray[np.uint8],
        residual: FloatArray,
        scales: FloatArray | None = None,
    ) -> FloatArray:
        """The scaled products of all rows, added to `residual` (16 * tiles, outputs).

        `scales` (16 * tiles, 2): scale and least value of each token; None: the site is static.
        """
        residual = residual.copy()
        count = len(residual) // LANES
        own = None if scales is None else _address(scales)
        self._library.multiply(byref(matrix), _address(tiles), c_int64(count), own, _address(residual))
        return residual

    def _map(self, name: str, x: FloatArray) -> FloatArray:
        out = np.empty_like(x)
        getattr(self._library, name)(_address(x), c_int64(x.size), _address(out))
        return out


def tiled_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Activations (tokens, channels) in tiles of 16 tokens x 64 channels (model.h)."""
    tokens, channels = rows.shape
    tiles = rows.reshape(tokens // LANES, LANES, channels // TILE_INPUTS, TILE_INPUTS).swapaxes(1, 2)
    return np.ascontiguousarray(tiles)


def _row_of_tiles(channels: int) -> NDArray[np.uint8]:
    """Room for one row; other tokens lie between its pieces of 64 channels."""
    return np.full((channels // TILE_INPUTS, LANES, TILE_INPUTS), 99, np.uint8)


def _untiled_row(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    assert (tiles[:, 1:] == 99).all(), "it wrote into another token's row"
    return tiles[:, 0].ravel()


def _address(array: NDArray[Any], first: int = 0) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data + first * array.itemsize)
