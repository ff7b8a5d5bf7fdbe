"""Micro-batches of equal length, one a worker thread: no padding, so a text's vector is the same in any company."""

from _thread import start_new_thread
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray

TOKEN_BUDGET = 256
"""Tokens in one micro-batch. With VNNI 256 to 1,024 were equally fast, 128 took 4 % longer: the least of the best keeps
memory small and leaves the most batches to share among workers."""

Run = Callable[[NDArray[np.int64], int], FloatArray]
"""input_ids (batch, tokens) int64 and the threads to take -> embeddings (batch, dim) float32."""


def micro_batches(lengths: Sequence[int], *, token_budget: int = TOKEN_BUDGET) -> list[list[int]]:
    """Indices of `lengths` in groups of one length, at most `token_budget` tokens (but one text) each, longest first.

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


def run_micro_batches(run: Run, token_ids: Sequence[Sequence[int]], *, out: FloatArray, threads: int) -> Iterator[int]:
    """Fill `out` (texts, dim), row i from `token_ids[i]`; yields the number of texts of each finished micro-batch.

    Each of `threads` workers computes one micro-batch; one that is alone takes all threads. An error in a worker is
    raised here; after it, or when the iterator is closed, micro-batches not yet begun are dropped.
    """

    def work(indices: list[int], threads: int = 1) -> int:
        out[indices] = run(np.array([token_ids[index] for index in indices], dtype=np.int64), threads)
        return len(indices)

    batches = micro_batches([len(ids) for ids in token_ids])
    if len(batches) == 1:
        yield work(batches[0], threads)
    elif threads == 1:
        yield from map(work, batches)
    else:
        yield from _shared_out(work, batches, workers=threads)


def _shared_out(work: Callable[[list[int]], int], batches: Sequence[list[int]], *, workers: int) -> Iterator[int]:
    """The results of `work` for each of `batches`, as they come; each of `workers` threads takes the next one itself.

    Ctrl-C may fall between any two steps of the thread that iterates. So all that it shares with the workers is a deque
    and a queue written in C, whose steps are whole: the locks of `threading` and of its thread pools have steps in
    Python, and one that an interrupt leaves closed is waited for without end.
    """
    ends = [None] * workers
    pending: deque[list[int] | None] = deque([*batches, *ends])
    results: SimpleQueue[int | BaseException] = SimpleQueue()
    started, ended = 0, list[None]()

    def worker() -> None:
        try:
            for batch in iter(pending.popleft, None):
                results.put(work(batch))
        except BaseException as error:
            results.put(error)
        ended.append(None)
        results.put(0)  # wakes the thread that iterates

    try:
        for _ in ends:
            start_new_thread(worker, ())
            started += 1
        while len(ended) < started or not results.empty():
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        pending.extendleft(ends)
        while len(ended) < started:
            results.get()
