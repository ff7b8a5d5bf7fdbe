"""Texts of more tokens than the encoder takes: cut, refused, or encoded in overlapping windows."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

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
    cutter = WindowCutter(max_length)
    return [*cutter.add(ids), cutter.finish()]


class WindowCutter:
    """Cuts the tokens of one text, which come in pieces, into the windows of `overlapping_windows`.

    It holds less than one window and the tokens of one piece.
    """

    def __init__(self, max_length: int) -> None:
        """Start with no tokens; `max_length`: tokens in a window at most."""
        self._size = max_length - SPECIAL_TOKENS
        self._step = self._size - self._size // OVERLAP
        self._ids = array("i")
        self._frame: tuple[int, int] | None = None

    def add(self, ids: Sequence[int]) -> list[list[int]]:
        """Take the next piece's `ids`, [CLS] and [SEP] around them; return the windows that are certain now.

        A window is certain when there is a token behind it. Then the next one has tokens of its own, too.
        """
        self._frame = ids[0], ids[-1]
        self._ids.extend(ids[1:-1])
        starts = range(0, len(self._ids) - self._size, self._step)
        windows = [self._framed(self._ids[start : start + self._size]) for start in starts]
        del self._ids[: len(starts) * self._step]
        return windows

    def finish(self) -> list[int]:
        """Return the last window, once the text has ended."""
        return self._framed(self._ids)

    def _framed(self, ids: Sequence[int]) -> list[int]:
        assert self._frame is not None
        first, last = self._frame
        return [first, *ids, last]


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
            mean = WindowMean(vectors.shape[1])
            for window in range(part.start, part.stop):
                tokens, is_last = len(windows.token_ids[window]), window == part.stop - 1
                mean.add(window - part.start, vectors[window], tokens=tokens, is_last=is_last)
            rows[row] = mean.vector(normalized=normalized)
    return rows


class WindowMean:
    """The vector of a text of several windows, whose vectors may come in any order.

    They are added one after the other in the order of the text, in float64, and divided once: the mean has the same
    bits on every CPU. A vector that comes too early is held until those before it are there.
    """

    def __init__(self, dim: int) -> None:
        """Start with no windows; `dim`: numbers in a vector."""
        self._early: dict[int, tuple[FloatArray, int]] = {}
        self._total = np.zeros(dim, dtype=np.float64)
        self._weight = 0
        self._added = 0
        self._last: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the vectors of all windows are there."""
        return self._added - 1 == self._last

    def add(self, place: int, vector: FloatArray, *, tokens: int, is_last: bool) -> None:
        """Take the vector (dim) of the window number `place`, from 0 on, of `tokens` tokens; no other one `is_last`."""
        self._last = place if is_last else self._last
        self._early[place] = vector, tokens - SPECIAL_TOKENS
        while self._added in self._early:
            vector, weight = self._early.pop(self._added)
            self._total += np.multiply(vector, weight, dtype=np.float64)
            self._weight += weight
            self._added += 1

    def vector(self, *, normalized: bool) -> FloatArray:
        """Return the mean (dim) float32, scaled to unit length if the windows' vectors are `normalized`."""
        row = (self._total / self._weight).astype(np.float32)
        if normalized:
            scale_to_unit_length(row[np.newaxis])
        return row
