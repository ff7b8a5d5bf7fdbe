"""Vectors as one numpy array."""

from typing import IO

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.files.rows import Reader, Rows


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
