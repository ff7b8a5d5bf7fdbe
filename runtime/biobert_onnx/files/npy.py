"""Vectors as one numpy array."""

from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.files.rows import InputError, Reader, Rows


def read_vectors(path: Path, *, rows: int, rows_of: str) -> FloatArray:
    """Return the vectors in `path`, a .npy file of floats of any size, (rows, dim) float32.

    There must be a vector for each of the `rows` texts of what `rows_of` names. Shape and type are checked before the
    numbers are read. Raises InputError, which names the file and what is wrong with it.
    """
    try:
        with np.errstate(over="ignore"):  # a shape that overflows is refused all the same
            mapped = np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror or error}): change its permissions") from error
    except (ValueError, TypeError, OverflowError, EOFError, SyntaxError, TokenError, MemoryError) as error:
        raise InputError(f"'{path}' is no .npy file of numbers, or not whole ({error}): write it anew") from error
    if mapped.dtype.kind != "f" or mapped.ndim != 2 or 0 in mapped.shape[1:]:
        raise InputError(
            f"'{path}' holds {mapped.dtype.name} of shape {mapped.shape}, expected floats of shape (texts, dim): write "
            "one vector a text with numpy.save"
        )
    if len(mapped) != rows:
        raise InputError(
            f"'{path}' has {len(mapped):,} vectors, but {rows_of} has {rows:,} texts: give the texts that the vectors "
            "were made from, in their order"
        )
    with np.errstate(over="ignore"):  # what is too large for float32 is found below
        vectors: FloatArray = mapped.astype(np.float32)
    is_finite = np.isfinite(vectors.max(axis=1)) & np.isfinite(vectors.min(axis=1))
    if not is_finite.all():
        first = int(np.argmin(is_finite))
        raise InputError(
            f"'{path}', vector {first + 1:,} holds a number that is not finite in float32 ({(~is_finite).sum():,} such "
            "vectors): write them anew"
        )
    return vectors


class NpyWriter:
    """Writes the vectors as one array (rows, dim) float32 into `file`, byte for byte as np.save would.

    The format has no place for the name of the engine.
    """

    def __init__(self, file: IO[bytes], reader: Reader, dim: int, engine: str) -> None:
        self._file = file
        self._dim = dim
        self._rows = 0
        self._write_header()

    def learn(self, rows: Rows) -> None:
        """Nothing: only the vectors are written."""

    def start(self) -> None:
        """Nothing: the header is written first, and again by `finish`."""

    def write(self, rows: Rows, embeddings: FloatArray) -> None:
        """Add vectors (rows, dim)."""
        self._file.write(embeddings.data)
        self._rows += len(embeddings)

    def finish(self) -> None:
        """Put the number of rows into the header."""
        self._file.seek(0)
        self._write_header()

    def close(self) -> None:
        """Nothing: there is no more than the file."""

    def _write_header(self) -> None:
        """The header has one length for any number of rows: numpy pads it so that the first axis can grow."""
        descr = np.lib.format.dtype_to_descr(np.dtype(np.float32))
        header = {"descr": descr, "fortran_order": False, "shape": (self._rows, self._dim)}
        np.lib.format.write_array_header_1_0(self._file, header)
