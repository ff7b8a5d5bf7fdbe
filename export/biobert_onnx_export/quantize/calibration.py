"""Calibration: what enters every site over the calibration texts, in float32, layer after layer.

From one layer to the next, the hidden states of all texts stay in memory: 537 MB for the 65,536 tokens of a long file
and 1,024 channels. The sums of a layer take 159 MB for 1,024 x 4,096 channels, and those of each micro-batch at work as
much and 67 MB for a product: at most 1.3 GB with the five that MOST_WORKERS allows.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.micro_batches import micro_batches
from biobert_onnx.encoding.sessions import open_session
from biobert_onnx.kernels.plan import SiteKind
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.artifact_graphs import write_embeddings_graph, write_layer_graph
from biobert_onnx_export.graph.network import layer_input, site_input
from biobert_onnx_export.graph.plan import Site

MOST_WORKERS = 4
"""Micro-batches that are measured at a time, at most; one more waits to be added."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class InputStatistics:
    """What enters a site over the calibration texts, of which each counts the same, however long it is.

    The least, greatest and mean value of each channel, (channels,) float32; `moments`: the mean product of each two
    channels, (channels, channels) float64.
    """

    least: FloatArray
    greatest: FloatArray
    mean: FloatArray
    moments: NDArray[np.float64]

    @property
    def magnitude(self) -> FloatArray:
        """The largest absolute value of each channel, (channels,)."""
        return np.maximum(self.greatest, -self.least)

    def multiplied(self, factors: FloatArray) -> Self:
        """Return the statistics after each channel is multiplied by its factor, (channels,), none of them negative."""
        return type(self)(
            least=self.least * factors,
            greatest=self.greatest * factors,
            mean=self.mean * factors,
            moments=self.moments * factors[:, None] * factors,
        )


LayerStatistics = Mapping[SiteKind, InputStatistics]


def calibrate(checkpoint: Checkpoint, token_ids: TokenIds, folder: Path) -> Iterator[LayerStatistics]:
    """Yield what enters the sites of each layer over the texts `token_ids`; its graphs are written into `folder`.

    Micro-batches run on every CPU that this process may use, up to MOST_WORKERS. Their sums are float64 and are added
    in the order of the micro-batches, and a product of matrices takes one thread: the number of CPUs changes no bit.
    """
    input_ids = [
        np.array([token_ids[index] for index in indices], dtype=np.int64)
        for indices in micro_batches([len(ids) for ids in token_ids])
    ]
    session = open_session(write_embeddings_graph(checkpoint, folder))
    hidden: list[FloatArray] = [session.run([layer_input(0)], {"input_ids": ids})[0] for ids in input_ids]
    del session  # and the embeddings that it holds
    for layer in range(checkpoint.geometry.num_hidden_layers):
        statistics, hidden = _measure_layer(checkpoint, layer, hidden, folder)
        yield statistics


def _measure_layer(
    checkpoint: Checkpoint, layer: int, hidden: Sequence[FloatArray], folder: Path
) -> tuple[LayerStatistics, list[FloatArray]]:
    """Return what enters each site of a layer, and what leaves it; `hidden` and that hold one array a micro-batch."""
    session = open_session(write_layer_graph(checkpoint, layer, folder))
    _, *inside = (site_input(Site(layer, kind)) for kind in SiteKind)

    def measure(x: FloatArray) -> tuple[list[InputSums], FloatArray]:
        *inputs, output = session.run([*inside, layer_input(layer + 1)], {layer_input(layer): x})
        return [InputSums.of(values) for values in (x, *inputs)], output

    total: list[InputSums] = []  # one a site, those of the first micro-batch to begin with
    outputs: list[FloatArray] = []
    workers = min(usable_cpus(), MOST_WORKERS)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as executor:
        for sums, output in _in_order(executor, measure, hidden, ahead=workers):
            outputs.append(output)
            if not total:
                total = sums
                continue
            for whole, part in zip(total, sums, strict=True):
                whole.add(part)
    return {kind: sums.statistics() for kind, sums in zip(SiteKind, total, strict=True)}, outputs


def _in_order(
    executor: Executor, function: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
) -> Iterator[Result]:
    """Yield `function` of each item, in the order of `items`; at most `ahead` results wait, so memory is bounded."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(executor.submit(function, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@dataclass(kw_only=True)
class InputSums:
    """The least and greatest value, the sum and the sums of products of channels over a number of `texts`.

    A text's sums are divided by its number of tokens.
    """

    least: FloatArray
    greatest: FloatArray
    total: NDArray[np.float64]
    products: NDArray[np.float64]
    texts: int

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Summarize `values` (texts, tokens, channels)."""
        texts, tokens, channels = values.shape
        flat = values.reshape(-1, channels)
        shares = flat * np.float32(tokens**-0.5)
        return cls(
            least=flat.min(axis=0),
            greatest=flat.max(axis=0),
            total=flat.sum(axis=0, dtype=np.float64) / tokens,
            products=(shares.T @ shares).astype(np.float64),
            texts=texts,
        )

    def add(self, other: Self) -> None:
        """Add the sums of other texts, in place: the products of a large network take 134 MB."""
        self.least = np.minimum(self.least, other.least)
        self.greatest = np.maximum(self.greatest, other.greatest)
        self.total += other.total
        self.products += other.products
        self.texts += other.texts

    def statistics(self) -> InputStatistics:
        """Return the statistics, with means in place of sums."""
        return InputStatistics(
            least=self.least,
            greatest=self.greatest,
            mean=(self.total / self.texts).astype(np.float32),
            moments=self.products / self.texts,
        )
