"""Outlier units (mixed-precision decomposition, Dettmers et al. 2022, arXiv 2208.07339) stay in float32.

Trained BERTs have a few feed-forward units that reach a hundred times the others on [SEP] and punctuation (Kovaleva et
al. 2021, arXiv 2105.06990). They would coarsen the whole scale of their tokens, so they leave the int8 matrices.
"""

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx_export.graph.matmul import FloatMatrix, OutlierUnits

OUTLIER_FACTOR = 2.0
"""A layer has outlier units if its loudest unit exceeds this many times the 99th percentile of all its units."""

OUTLIER_UNITS = 16
"""How many of its loudest units such a layer keeps in float32: one AVX-512 register wide, 0.5 % of 3,072."""


def outlier_units(magnitude: FloatArray) -> NDArray[np.intp]:
    """Return the indices, ascending, of the units to keep in float32, from the `magnitude` (units,) that each reaches.

    >>> outlier_units(np.ones(3072, dtype=np.float32)).size
    0
    """
    if magnitude.max() <= OUTLIER_FACTOR * np.quantile(magnitude, 0.99):
        return np.empty(0, dtype=np.intp)
    return np.sort(np.argsort(-magnitude, kind="stable")[:OUTLIER_UNITS])


def split_outliers(
    into: FloatMatrix, out: FloatMatrix, units: NDArray[np.intp]
) -> tuple[FloatMatrix, FloatMatrix, OutlierUnits]:
    """Split `units` off the matrices `into` and `out` of a feed-forward block; zeros take their place there."""
    kept = kept_units(len(into.bias), units)
    outliers = OutlierUnits(
        into=FloatMatrix(weight=into.weight[:, units], bias=into.bias[units]), out=out.weight[units]
    )
    return (
        FloatMatrix(weight=into.weight * kept, bias=into.bias * kept),
        FloatMatrix(weight=out.weight * kept[:, None], bias=out.bias),
        outliers,
    )


def kept_units(count: int, units: NDArray[np.intp]) -> FloatArray:
    """Return 0 for each of `units` and 1 for the others, (count,) float32."""
    kept = np.ones(count, dtype=np.float32)
    kept[units] = 0
    return kept
