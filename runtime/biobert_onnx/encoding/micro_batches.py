"""Micro-batches of equal length, one a worker thread: no padding, so a text's vector is the same in any company."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.encoding.pairs import token_types
from biobert_onnx.encoding.workers import results_on_threads

TOKEN_BUDGET = 256
"""Tokens in one micro-batch. With VNNI 256 to 1,024 were equally fast, 128 took 4 % longer: the least of the best keeps
memory small and leaves the most batches to share among workers."""

NO_PAIRS: Mapping[int, int] = MappingProxyType({})

Run = Callable[[NDArray[np.int64], int, NDArray[np.int64] | None], FloatArray]
"""input_ids (batch, tokens) int64, the threads to take, and token types (batch, tokens), None if all are 0 ->
embeddings (batch, dim) float32."""


def texts_in_micro_batch(length: int, *, token_budget: int = TOKEN_BUDGET) -> int:
    """Return how many texts of `length` tokens a micro-batch has at most: `token_budget` tokens, or one text."""
    return max(1, token_budget // length)


def micro_batches(lengths: Sequence[int], *, token_budget: int = TOKEN_BUDGET) -> list[list[int]]:
    """Return indices of `lengths` in groups of one length, longest first.

    A group has at most `token_budget` tokens, or one text.

    >>> micro_batches([3, 5, 3, 3], token_budget=6)
    [[1], [0, 2], [3]]
    """
    by_length: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        by_length.setdefault(length, []).append(index)
    batches = []
    for length in sorted(by_length, reverse=True):
        indices, size = by_length[length], texts_in_micro_batch(length, token_budget=token_budget)
        batches += [indices[start : start + size] for start in range(0, len(indices), size)]
    return batches


Compute = Callable[[list[int], NDArray[np.int64], int], None]
"""Computes a micro-batch, on any thread: the indices of its texts, their input_ids (batch, tokens), threads to take."""


def run_micro_batches(
    run: Run, token_ids: TokenIds, *, out: FloatArray, threads: int, splits: Mapping[int, int] = NO_PAIRS
) -> Iterator[int]:
    """Fill `out` (texts, dim), row i from `token_ids[i]`; yield the number of tokens of each finished micro-batch.

    `splits`: where the second text begins in each of `token_ids` that is a pair. Threads and errors are those of
    `compute_micro_batches`.
    """

    def compute(indices: list[int], input_ids: NDArray[np.int64], threads: int) -> None:
        out[indices] = run(input_ids, threads, token_types(splits, indices, input_ids.shape[1]))

    return compute_micro_batches(compute, token_ids, threads=threads)


def compute_micro_batches(compute: Compute, token_ids: TokenIds, *, threads: int) -> Iterator[int]:
    """Let `compute` take `token_ids` in micro-batches; yield the number of tokens of each finished one.

    Each of `threads` workers computes one micro-batch at a time; one that is alone takes all threads. An error in a
    worker is raised here; after it, or when the iterator is closed, micro-batches not yet begun are dropped.
    """
    batches = deque(micro_batches([len(ids) for ids in token_ids]))

    def run_next(threads: int = 1) -> int | None:
        try:
            indices = batches.popleft()
        except IndexError:
            return None
        input_ids = np.array([token_ids[index] for index in indices], dtype=np.int64)
        compute(indices, input_ids, threads)
        return input_ids.size

    if len(batches) > 1 and threads > 1:
        yield from results_on_threads(run_next, threads=threads)
        return
    while (tokens := run_next(threads)) is not None:
        yield tokens
