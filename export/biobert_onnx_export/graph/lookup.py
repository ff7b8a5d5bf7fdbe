"""The two ways a graph looks up its word embeddings: float32, or int8 with a scale a row."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from biobert_onnx._types import FloatArray
from biobert_onnx_export.graph.writer import GraphWriter

LARGEST = 127
"""Largest magnitude of an int8 entry."""


@dataclass(frozen=True, kw_only=True)
class FloatTable:
    """`rows` (words, dim) float32."""

    rows: FloatArray

    def write(self, graph: GraphWriter, name: str, ids: str) -> str:
        """Add the rows of `ids` to `graph`; returns their name."""
        return graph.node("Gather", [graph.constant(f"{name}.weight", self.rows), ids], name)


@dataclass(frozen=True, kw_only=True)
class Int8Table:
    """`rows` (words, dim) int8 with one float32 `scale` (words, 1) each: a quarter of the bytes.

    On all-MiniLM-L6-v2 and the stand-in of BioBERT's geometry it costs about 1e-5 of mean cosine.
    """

    rows: NDArray[np.int8]
    scale: FloatArray

    @classmethod
    def of(cls, rows: FloatArray) -> Self:
        """The table nearest to `rows` (words, dim) float32.

        >>> table = Int8Table.of(np.array([[0.5, -1.0], [0.0, 0.0]], dtype=np.float32))
        >>> table.rows.tolist()
        [[64, -127], [0, 0]]
        """
        largest = np.abs(rows).max(axis=1, keepdims=True)
        scale = np.where(largest > 0, largest / LARGEST, 1).astype(np.float32)
        return cls(rows=np.rint(rows / scale).astype(np.int8), scale=scale)

    def write(self, graph: GraphWriter, name: str, ids: str) -> str:
        """Add the rows of `ids`, scaled to float32, to `graph`; returns their name."""
        rows = graph.node("Gather", [graph.constant(f"{name}.weight_int8", self.rows), ids], f"{name}.rows")
        scale = graph.node("Gather", [graph.constant(f"{name}.weight_scale", self.scale), ids], f"{name}.scale")
        return graph.node("Mul", [graph.node("Cast", [rows], f"{name}.float", to=TensorProto.FLOAT), scale], name)
