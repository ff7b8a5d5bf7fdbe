"""Micro-batches of equal length, one a worker thread: no padding, so a text's vector is the same in any company."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.encoding.workers import results_on_threads

TOKEN_BUDGET = 256
"""Tokens in one micro-batch. With VNNI 256 to 1,024 were equally fast, 128 took 4 % longer: the least of the best keeps
memory small and leaves the most batches to share among workers."""

Run = Callable[[NDArray[np.int64], int], FloatArray]
"""input_ids (batch, tokens) int64 and the threads to take -> embeddings (batch, dim) float32."""


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
        indices, size = by_length[length], max(1, token_budget // length)
        batches += [indices[start : start + size] for start in range(0, len(indices), size)]
    return batches


Keep = Callable[[list[int], FloatArray], None]
"""Takes the indices of a micro-batch's texts and what was computed of them, (batch, ...); called on any thread."""


def run_micro_batches(run: Run, token_ids: TokenIds, *, out: FloatArray, threads: int) -> Iterator[int]:
    """Fill `out` (texts, dim), row i from `token_ids[i]`; yield the number of tokens of each finished micro-batch.

    It goes about it as `kept_micro_batches` does.
    """
    return kept_micro_batches(run, token_ids, keep=out.__setitem__, threads=threads)


def kept_micro_batches(run: Run, token_ids: TokenIds, *, keep: Keep, threads: int) -> Iterator[int]:
    """Give what `run` computes of `token_ids` to `keep`; yield the number of tokens of each finished micro-batch.

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
        keep(indices, run(input_ids, threads))
        return input_ids.size

    if len(batches) > 1 and threads > 1:
        yield from results_on_threads(run_next, threads=threads)
        return
    while (tokens := run_next(threads)) is not None:
        yield tokens
