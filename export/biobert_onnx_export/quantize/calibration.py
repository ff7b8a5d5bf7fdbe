"""Calibration: the range of every channel of every site's input, over the calibration texts, in float32."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.micro_batches import micro_batches
from biobert_onnx.encoding.sessions import open_session
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.artifact_graphs import write_calibration_graph
from biobert_onnx_export.graph.bert import checkpoint_sites, site_input
from biobert_onnx_export.graph.plan import Site


@dataclass(frozen=True, kw_only=True)
class ChannelRanges:
    """The least, greatest, mean and mean squared value of each channel of a site's input: (channels,) float32 each."""

    least: FloatArray
    greatest: FloatArray
    mean: FloatArray
    mean_square: FloatArray

    @property
    def magnitude(self) -> FloatArray:
        """The largest absolute value of each channel, (channels,)."""
        return np.maximum(self.greatest, -self.least)

    def multiplied(self, factors: FloatArray) -> Self:
        """Return the ranges after each channel is multiplied by its factor, (channels,), none of them negative."""
        return type(self)(
            least=self.least * factors,
            greatest=self.greatest * factors,
            mean=self.mean * factors,
            mean_square=self.mean_square * factors**2,
        )


def calibrate(checkpoint: Checkpoint, token_ids: TokenIds, folder: Path) -> dict[Site, ChannelRanges]:
    """Measure the ranges of every site over the texts `token_ids`; writes the graph that it runs into `folder`.

    Micro-batches run on every CPU that this process may use. Sums are float64 and are added in the order of the
    micro-batches, so the number of CPUs does not change the result.
    """
    inputs = {site: site_input(site) for site in checkpoint_sites(checkpoint)}
    names = list(inputs.values())
    session = open_session(write_calibration_graph(checkpoint, folder))

    def summarize(indices: list[int]) -> list[ChannelSums]:
        input_ids = np.array([token_ids[index] for index in indices], dtype=np.int64)
        return [ChannelSums.of(values) for values in session.run(names, {"input_ids": input_ids})]

    with ThreadPoolExecutor(usable_cpus()) as workers:
        batches = micro_batches([len(ids) for ids in token_ids])
        sums = reduce(lambda left, right: list(map(ChannelSums.plus, left, right)), workers.map(summarize, batches))
    by_name = dict(zip(names, sums, strict=True))
    return {site: by_name[name].ranges() for site, name in inputs.items()}


@dataclass(frozen=True, kw_only=True)
class ChannelSums:
    """The least and greatest value, the sum and the sum of squares of each channel over a number of `tokens`."""

    least: FloatArray
    greatest: FloatArray
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    tokens: int

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Summarize `values` (texts, tokens, channels)."""
        flat = values.reshape(-1, values.shape[-1])
        return cls(
            least=flat.min(axis=0),
            greatest=flat.max(axis=0),
            total=flat.sum(axis=0, dtype=np.float64),
            squares=np.square(flat).sum(axis=0, dtype=np.float64),
            tokens=len(flat),
        )

    def plus(self, other: Self) -> Self:
        """Return the summary of the tokens of both."""
        return type(self)(
            least=np.minimum(self.least, other.least),
            greatest=np.maximum(self.greatest, other.greatest),
            total=self.total + other.total,
            squares=self.squares + other.squares,
            tokens=self.tokens + other.tokens,
        )

    def ranges(self) -> ChannelRanges:
        """Return the ranges, with means in place of sums."""
        mean, mean_square = ((each / self.tokens).astype(np.float32) for each in (self.total, self.squares))
        return ChannelRanges(least=self.least, greatest=self.greatest, mean=mean, mean_square=mean_square)
