"""Outlier units: found where one towers above the rest, and split off without a change of the sum."""

import numpy as np
import pytest

from biobert_onnx_export.graph.matmul import FloatMatrix
from biobert_onnx_export.quantize.outliers import OUTLIER_UNITS, kept_units, outlier_units, split_outliers

RNG = np.random.default_rng(11)


def test_the_loudest_units_are_outliers_if_one_is_far_louder() -> None:
    magnitude = RNG.uniform(1, 3, size=3072).astype(np.float32)
    assert outlier_units(magnitude).size == 0
    magnitude[1234] = 100
    units = outlier_units(magnitude)
    assert 1234 in units
    assert units.size == OUTLIER_UNITS
    assert (magnitude[units].min() >= np.delete(magnitude, units)).all()


def test_both_parts_together_give_the_whole_block() -> None:
    into = FloatMatrix(weight=RNG.normal(size=(12, 40)).astype(np.float32), bias=RNG.normal(size=40).astype(np.float32))
    out = FloatMatrix(weight=RNG.normal(size=(40, 12)).astype(np.float32), bias=RNG.normal(size=12).astype(np.float32))
    x = RNG.normal(size=(30, 12)).astype(np.float32)
    units = np.array([2, 7, 39])
    kept_into, kept_out, outliers = split_outliers(into, out, units)
    whole = np.maximum(x @ into.weight + into.bias, 0) @ out.weight + out.bias
    kept = np.maximum(x @ kept_into.weight + kept_into.bias, 0) @ kept_out.weight + kept_out.bias
    split = np.maximum(x @ outliers.into.weight + outliers.into.bias, 0) @ outliers.out
    assert kept + split == pytest.approx(whole, rel=1e-4, abs=1e-4)
    assert np.abs(split).max() > 0.1


def test_zeros_take_the_place_of_the_units() -> None:
    ones = FloatMatrix(weight=np.ones((4, 4), np.float32), bias=np.ones(4, np.float32))
    kept_into, kept_out, _ = split_outliers(ones, ones, np.array([1]))
    assert kept_into.weight[0].tolist() == kept_into.bias.tolist() == kept_out.weight[:, 0].tolist() == [1, 0, 1, 1]
    assert kept_out.bias.tolist() == [1, 1, 1, 1]
    assert kept_units(4, np.array([1])).tolist() == [1, 0, 1, 1]
