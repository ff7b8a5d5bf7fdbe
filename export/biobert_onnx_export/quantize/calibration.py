"""Step 4, calibration: the range of every channel at every site, on the calibration texts, in float32."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.micro_batches import micro_batches
from biobert_onnx.encoding.sessions import open_session


@dataclass(frozen=True, kw_only=True)
class SiteStatistics:
    """Least, greatest, mean and mean squared value of each channel over all calibration tokens: (channels,) float32."""

    least: FloatArray
    greatest: FloatArray
    mean: FloatArray
    power: FloatArray

    @property
    def magnitude(self) -> FloatArray:
        """The largest absolute value of each channel, (channels,)."""
        return np.maximum(self.greatest, -self.least)

    def multiplied(self, factors: FloatArray) -> Self:
        """The statistics after each channel is multiplied by its factor of `factors`, (channels,), not negative."""
        return type(self)(
            least=self.least * factors,
            greatest=self.greatest * factors,
            mean=self.mean * factors,
            power=self.power * factors**2,
        )


def calibrate(
    graph: Path, site_outputs: Mapping[str, str], token_ids: Sequence[Sequence[int]], *, threads: int
) -> dict[str, SiteStatistics]:
    """The statistics of every site of `site_outputs` (site -> output of `graph`) over the texts `token_ids`."""
    session = open_session(graph)
    names = list(dict.fromkeys(site_outputs.values()))

    def work(indices: list[int]) -> list[_Summary]:
        input_ids = np.array([token_ids[index] for index in indices], dtype=np.int64)
        return [_Summary.of(values) for values in session.run(names, {"input_ids": input_ids})]

    with ThreadPoolExecutor(threads) as workers:
        batches = micro_batches([len(ids) for ids in token_ids])
        totals = reduce(lambda left, right: list(map(_Summary.merged, left, right)), workers.map(work, batches))
    by_name = dict(zip(names, totals, strict=True))
    return {site: by_name[name].statistics() for site, name in site_outputs.items()}


@dataclass(frozen=True, kw_only=True)
class _Summary:
    least: FloatArray
    greatest: FloatArray
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    rows: int

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        rows = values.reshape(-1, values.shape[-1])
        return cls(
            least=rows.min(axis=0),
            greatest=rows.max(axis=0),
            total=rows.sum(axis=0, dtype=np.float64),
            squares=np.square(rows).sum(axis=0, dtype=np.float64),
            rows=len(rows),
        )

    def merged(self, other: Self) -> Self:
        return type(self)(
            least=np.minimum(self.least, other.least),
            greatest=np.maximum(self.greatest, other.greatest),
            total=self.total + other.total,
            squares=self.squares + other.squares,
            rows=self.rows + other.rows,
        )

    def statistics(self) -> SiteStatistics:
        mean, power = ((each / self.rows).astype(np.float32) for each in (self.total, self.squares))
        return SiteStatistics(least=self.least, greatest=self.greatest, mean=mean, power=power)
