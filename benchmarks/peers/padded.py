"""Sorted, padded batches and mean pooling, written as users write them, for libraries that have neither."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.subjects import Subject

Ints = NDArray[np.int64]
FloatArray = NDArray[np.float32]
"""As in biobert_onnx, which no module of this folder may import for other contenders: it would add to their starts."""
Hidden = Callable[[Ints, Ints], FloatArray]
"""input_ids and attention_mask (batch, tokens) int64 -> last hidden state (batch, tokens, dim) float32."""
Encode = Callable[[Sequence[str], int], FloatArray]
"""Texts and batch size -> vectors (texts, dim) float32."""


def padded_encode(subject: Subject, hidden: Hidden, *, streams: int) -> Encode:
    """Return a function that mean-pools what `hidden` gives for padded batches, `streams` batches at a time.

    Texts are sorted by their number of tokens, longest first.
    """
    tokenizer = subject.tokenizer()

    def encode(texts: Sequence[str], batch: int) -> FloatArray:
        token_ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]
        order = sorted(range(len(texts)), key=lambda index: -len(token_ids[index]))
        vectors = np.empty((len(texts), subject.dim), dtype=np.float32)

        def encode_batch(chosen: list[int]) -> None:
            vectors[chosen] = _pooled(hidden, [token_ids[index] for index in chosen], subject.pad_id)

        batches = [order[start : start + batch] for start in range(0, len(order), batch)]
        if streams == 1:
            list(map(encode_batch, batches))
        else:
            with ThreadPoolExecutor(streams) as pool:
                list(pool.map(encode_batch, batches))
        if subject.normalized:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    return encode


def inputs_of(names: Collection[str], input_ids: Ints, mask: Ints) -> dict[str, Ints]:
    """Return the inputs called `names` of a graph: not every encoder has token types; those of a single text are 0."""
    inputs = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
    return {name: value for name, value in inputs.items() if name in names}


def _pooled(hidden: Hidden, token_ids: Sequence[Sequence[int]], pad_id: int) -> FloatArray:
    longest = max(map(len, token_ids))
    input_ids = np.array([[*ids, *[pad_id] * (longest - len(ids))] for ids in token_ids], dtype=np.int64)
    mask = np.array([[1] * len(ids) + [0] * (longest - len(ids)) for ids in token_ids], dtype=np.int64)
    weights = mask[:, :, None].astype(np.float32)
    pooled: FloatArray = (hidden(input_ids, mask) * weights).sum(axis=1) / weights.sum(axis=1)
    return pooled
