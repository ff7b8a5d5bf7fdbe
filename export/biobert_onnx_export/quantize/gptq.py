"""GPTQ (Frantar et al. 2022, arXiv 2210.17323): weights are rounded for the inputs that occur.

Plain rounding takes each weight to the nearest integer. But inputs vary together, and so the error of the outputs is
smaller if a later weight makes up for the error of those before it. The integers of a column shall make e' M e small,
where e is the column's rounding error and M holds the mean product of each two inputs.

With an upper triangular R and M = R R', that is the squared length of R' e, whose number i is

    R[0, i] e[0] + R[1, i] e[1] + ... + R[i, i] e[i]

So once the integers of the inputs before i are chosen, the best one for input i is the nearest to

    w[i] + (R[0, i] e[0] + ... + R[i - 1, i] e[i - 1]) / R[i, i]

This is Babai's nearest plane, to which GPTQ is equal (Chen et al. 2025, arXiv 2507.18553); GPTQ's own form has the
inverse of M, which is not needed. The inputs that matter most are rounded first, while all others can still make up
for them (`actorder` in GPTQ's code).
"""

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.kernels.packed import PAIR_BOUND

DAMPING = 0.01
"""What is added to each input's mean square, as a share of their average (GPTQ's own value): without it, inputs that
never vary, or vary only together, would take any error."""

BLOCK = 128
"""Inputs between two products of matrices that bring the sums of all later inputs up to date."""

LARGEST_INTEGER = 127
"""The largest magnitude of an int8 weight, and of the sum of two neighbours of one sign before they are rounded."""


def round_columns(weight: FloatArray, scale: FloatArray, moments: NDArray[np.float64]) -> NDArray[np.int8]:
    """Round `weight` (inputs, outputs), in steps of `scale` (outputs,), to int8 integers of the same shape.

    `moments` (inputs, inputs): the mean product of each two inputs. The integers of inputs 2i and 2i + 1 stay within
    PAIR_BOUND (why: `column_scales`): the one that is rounded later gets what the first one leaves. With the moments of
    independent inputs this is plain rounding.

    >>> weight = np.array([[1.4], [0.0], [1.4], [0.0]], np.float32)
    >>> round_columns(weight, np.ones(1, np.float32), np.ones((4, 4))).ravel().tolist()  # the inputs are always equal
    [1, 0, 2, 0]
    """
    order = np.argsort(-np.diagonal(moments), kind="stable")
    factor = _upper_factor(moments[np.ix_(order, order)])
    steps = (weight / scale)[order].astype(np.float64)
    errors = np.empty_like(steps)
    # 0 until it is rounded; the row behind an odd number of inputs stays 0, the partner of the last one.
    rounded = np.zeros((len(weight) + len(weight) % 2, weight.shape[1]), dtype=np.int8)
    for begin in range(0, len(order), BLOCK):
        end = min(begin + BLOCK, len(order))
        carried = factor[:begin, begin:end].T @ errors[:begin]
        for place in range(begin, end):
            within = factor[begin:place, place] @ errors[begin:place]
            target = steps[place] + (carried[place - begin] + within) / factor[place, place]
            least, greatest = _room_beside(rounded[order[place] ^ 1])
            integers = np.clip(np.rint(target), least, greatest)
            rounded[order[place]] = integers
            errors[place] = steps[place] - integers
    return rounded[: len(weight)]


def _room_beside(partner: NDArray[np.int8]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Return the least and greatest integers that the pair bound allows beside those of the `partner`."""
    wide = partner.astype(np.int16)
    least = np.maximum(-LARGEST_INTEGER, -PAIR_BOUND - np.minimum(wide, 0))
    return least, np.minimum(LARGEST_INTEGER, PAIR_BOUND - np.maximum(wide, 0))


def _upper_factor(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the upper triangular R of the damped moments M = R R'.

    Cholesky's factor is a lower one; that of M with both axes reversed, reversed back, is the upper one.
    """
    damped = moments.copy()
    squares = np.einsum("ii->i", damped)  # a view of the diagonal
    average = squares.mean()
    squares += DAMPING * average if average > 0 else 1
    lower = np.linalg.cholesky(damped[::-1, ::-1])
    return np.asarray(lower[::-1, ::-1], dtype=np.float64)
