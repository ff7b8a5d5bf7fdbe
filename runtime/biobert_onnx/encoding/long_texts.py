"""Texts of more tokens than the encoder takes: cut, refused, or encoded in overlapping windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.artifact.manifest import SPECIAL_TOKENS
from biobert_onnx.embeddings import scale_to_unit_length
from biobert_onnx.encoding.pairs import PairTokens
from biobert_onnx.errors import TextTooLongError

LONG_TEXTS = ("truncate", "error", "window")

OVERLAP = 8
"""A window shares 1/8 of its tokens with the next: 63 of 510, two PubMed sentences of median length, so that hardly a
sentence is torn in both; it costs 1/7 more tokens."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Some texts as windows, the parts of texts that the graph encodes: most texts are one window each.

    `token_ids`: those of each window, in the order of the texts. `counts`: the windows of each text. `tokens`: the
    encoded tokens of each text. `was_cut`: whether a text has more tokens than that. `splits`: where the second text
    begins in each window that is a pair, by the window's index.
    """

    token_ids: TokenIds
    counts: Sequence[int]
    tokens: Sequence[int]
    was_cut: Sequence[bool]
    splits: Mapping[int, int] = field(default_factory=dict)

    def texts(self) -> list[slice]:
        """Return the windows of each text, as a slice of all windows."""
        ends = list(accumulate(self.counts))
        return [slice(end - count, end) for end, count in zip(ends, self.counts, strict=True)]


def check_long_texts(choice: str) -> None:
    """Raise ValueError unless `choice` is one of LONG_TEXTS."""
    if choice not in LONG_TEXTS:
        raise ValueError(f"long_texts is {choice!r}, expected one of {', '.join(LONG_TEXTS)}")


def windows_of(texts: Sequence[Sequence[int] | PairTokens], *, long_texts: str, max_length: int) -> Windows:
    """Return the windows of `texts`, the token ids of each text or pair, of at most `max_length` tokens each.

    A text of more tokens is cut ("truncate"), is several windows ("window"), or raises TextTooLongError ("error"). A
    pair of more tokens is cut, or raises TextTooLongError: it is never several windows.
    """
    windows: list[Sequence[int]] = []
    counts, tokens, was_cut = [1] * len(texts), [len(ids) for ids in texts], [False] * len(texts)
    splits: dict[int, int] = {}
    for index, ids in enumerate(texts):
        if isinstance(ids, PairTokens):
            if len(ids) > max_length and long_texts != "truncate":
                raise TextTooLongError(index, max_length=max_length, is_pair=True)
            pair, splits[len(windows)] = ids.framed(max_length)
            windows.append(pair)
            tokens[index], was_cut[index] = len(pair), len(ids) > max_length
        elif len(ids) <= max_length:
            windows.append(ids)
        elif long_texts == "truncate":
            windows.append([*ids[: max_length - 1], ids[-1]])
            tokens[index], was_cut[index] = max_length, True
        elif long_texts == "window":
            own = overlapping_windows(ids, max_length=max_length)
            windows += own
            counts[index] = len(own)
        else:
            raise TextTooLongError(index, max_length=max_length)
    return Windows(token_ids=windows, counts=counts, tokens=tokens, was_cut=was_cut, splits=splits)


def overlapping_windows(ids: Sequence[int], *, max_length: int) -> TokenIds:
    """Return the tokens of a text in windows of at most `max_length` tokens, each with the text's [CLS] and [SEP].

    A window shares 1/8 of its own tokens, rounded down, with the next.

    >>> overlapping_windows([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99], max_length=10)
    [[0, 1, 2, 3, 4, 5, 6, 7, 8, 99], [0, 8, 9, 10, 11, 99]]
    """
    first, last, end = ids[0], ids[-1], len(ids) - 1
    size = max_length - SPECIAL_TOKENS
    overlap = size // OVERLAP
    starts = range(1, end - overlap, size - overlap)
    return [[first, *ids[start : min(start + size, end)], last] for start in starts]


def text_vectors(windows: Windows, vectors: FloatArray, *, normalized: bool) -> FloatArray:
    """Return one vector a text, (texts, dim) float32, from `vectors` of its windows, (windows, dim).

    The vector of a text of one window is that window's. Of several it is their mean, each weighted by its tokens
    without [CLS] and [SEP], so tokens that two windows share count in both. It is scaled to unit length if the windows'
    vectors are, as `normalized` says.
    """
    if len(vectors) == len(windows.counts):
        return vectors
    parts = windows.texts()
    rows = vectors[[part.start for part in parts]]
    for row, part in enumerate(parts):
        if part.stop - part.start > 1:
            weights = [len(ids) - SPECIAL_TOKENS for ids in windows.token_ids[part]]
            rows[row] = _mean(vectors[part], weights)
            if normalized:
                scale_to_unit_length(rows[row : row + 1])
    return rows


def _mean(vectors: FloatArray, weights: Sequence[int]) -> NDArray[np.float64]:
    """Return the mean (dim) of `vectors` (windows, dim), each with its weight.

    They are added one after the other in float64 and divided once, so that the mean has the same bits on every CPU.
    """
    total = np.zeros(vectors.shape[1], dtype=np.float64)
    for vector, weight in zip(vectors, weights, strict=True):
        total += np.multiply(vector, weight, dtype=np.float64)
    mean: NDArray[np.float64] = total / sum(weights)
    return mean
