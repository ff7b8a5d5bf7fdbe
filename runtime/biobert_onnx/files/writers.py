"""Vectors into .npy and .jsonl files as they come."""

import json
from typing import IO

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.files.rows import EMBEDDING, Reader, Rows


class NpyWriter:
    """Writes the vectors as one array (rows, dim) float32 into `file`, byte for byte as np.save would."""

    def __init__(self, file: IO[bytes], reader: Reader, dim: int) -> None:
        self._file = file
        self._dim = dim
        self._rows = 0
        self._write_header()

    def write(self, rows: Rows, embeddings: NDArray[np.float32]) -> None:
        """Add vectors (rows, dim)."""
        self._file.write(embeddings.data)
        self._rows += len(embeddings)

    def close(self) -> None:
        """Put the number of rows into the header."""
        self._file.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        """The header has one length for any number of rows: numpy pads it so that the first axis can grow."""
        descr = np.lib.format.dtype_to_descr(np.dtype(np.float32))
        header = {"descr": descr, "fortran_order": False, "shape": (self._rows, self._dim)}
        np.lib.format.write_array_header_1_0(self._file, header)


class JsonlWriter:
    """Writes a JSON object a row into `file`: the row's own values, and its vector as "embedding"."""

    def __init__(self, file: IO[bytes], reader: Reader, dim: int) -> None:
        self._file = file
        self._name = reader.name
        self._to_records = reader.to_records()

    def write(self, rows: Rows, embeddings: NDArray[np.float32]) -> None:
        """Add `rows` with their vectors (rows, dim); raises ValueError if a value is nested too deep to be written."""
        try:
            for record, vector in zip(self._to_records(rows.content), embeddings, strict=True):
                line = json.dumps({**record, EMBEDDING: vector.tolist()}, ensure_ascii=False)
                self._file.write(line.encode("utf-8") + b"\n")
        except RecursionError as error:
            raise ValueError(f"{self._name} has a row that is nested too deep for JSON: write .npy instead") from error

    def close(self) -> None:
        """Nothing: the last line is written."""
