"""Texts of more tokens than the encoder takes: cut and counted, refused, or encoded in overlapping windows."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.artifact.manifest import SPECIAL_TOKENS
from biobert_onnx.embeddings import scale_to_unit_length
from biobert_onnx.errors import TruncationWarning

LONG_TEXTS = ("truncate", "error", "window")

OVERLAP = 8
"""A window shares 1/8 of its tokens with the next: 63 of 510, two PubMed sentences of median length, so that hardly a
sentence is torn in both; it costs 1/7 more tokens."""

TokenIds = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Token ids of the windows of some texts, in the order of the texts, and how many windows each text has."""

    token_ids: TokenIds
    counts: Sequence[int]

    def text_vectors(self, vectors: NDArray[np.float32], *, normalized: bool) -> NDArray[np.float32]:
        """One vector a text, (texts, dim) float32, from those of the windows, (windows, dim).

        The vector of a text of one window is that window's. Of several it is their mean, each weighted by its tokens
        without [CLS] and [SEP], so tokens that two windows share count in both; scaled to unit length if the windows'
        vectors are, as `normalized` says.
        """
        starts = [0, *accumulate(self.counts)][:-1]
        rows = vectors[starts]
        for text, (start, count) in enumerate(zip(starts, self.counts, strict=True)):
            if count > 1:
                own = slice(start, start + count)
                weights = [len(ids) - SPECIAL_TOKENS for ids in self.token_ids[own]]
                rows[text] = np.average(vectors[own], axis=0, weights=weights)
                if normalized:
                    scale_to_unit_length(rows[text : text + 1])
        return rows


class LongTexts:
    """What happens to texts of more than `max_length` tokens in one call or stream, and how many there were.

    If only the distinct texts of a call are seen here, `rows` tells which of them each text of the call is.
    """

    def __init__(self, choice: str, *, max_length: int, rows: Sequence[int] | None = None) -> None:
        """`choice`: "truncate", "error" or "window"; raises ValueError for another."""
        if choice not in LONG_TEXTS:
            raise ValueError(f"long_texts is {choice!r}, expected one of {', '.join(LONG_TEXTS)}")
        self._choice = choice
        self._max_length = max_length
        self._rows = rows
        self._repeats: Counter[int] = Counter()
        self._texts = self._cut = self._longest = 0

    def windows(self, token_ids: TokenIds) -> Windows:
        """The windows of the next texts of the call or stream, of at most `max_length` tokens each.

        Raises ValueError for a long text, naming its index in the call or stream, if that was chosen.
        """
        windows = [self._windows_of(ids) for ids in token_ids]
        return Windows(token_ids=list(chain.from_iterable(windows)), counts=[len(own) for own in windows])

    def warn(self, *, stacklevel: int) -> None:
        """Warn once of all texts that were cut, if any, at the caller's line (`stacklevel` 1) or its caller's (2)."""
        if self._cut:
            warnings.warn(
                f"{self._cut:,} of {self._count:,} texts were cut to {self._max_length:,} tokens, the longest had "
                f"{self._longest:,}: encode them whole with long_texts='window' (--long-texts window), or raise "
                "max_length if the checkpoint has more positions",
                TruncationWarning,
                stacklevel=stacklevel + 1,
            )

    @property
    def _count(self) -> int:
        return self._texts if self._rows is None else len(self._rows)

    def _place(self, index: int) -> int:
        return index if self._rows is None else self._rows.index(index)

    def _times(self, index: int) -> int:
        if self._rows is None:
            return 1
        self._repeats = self._repeats or Counter(self._rows)
        return self._repeats[index]

    def _windows_of(self, ids: Sequence[int]) -> TokenIds:
        index = self._texts
        self._texts += 1
        if len(ids) <= self._max_length:
            return [ids]
        if self._choice == "error":
            raise ValueError(
                f"sentences[{self._place(index)}] has {len(ids):,} tokens, expected at most {self._max_length:,}: "
                "split it, or choose long_texts='window' or 'truncate' (--long-texts)"
            )
        if self._choice == "window":
            return overlapping_windows(ids, max_length=self._max_length)
        self._cut += self._times(index)
        self._longest = max(self._longest, len(ids))
        return [[*ids[: self._max_length - 1], ids[-1]]]


def overlapping_windows(ids: Sequence[int], *, max_length: int) -> TokenIds:
    """The tokens of a text in windows of at most `max_length` tokens, each framed by the text's [CLS] and [SEP].

    A window shares 1/8 of its own tokens, rounded down, with the next.

    >>> overlapping_windows([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99], max_length=10)
    [[0, 1, 2, 3, 4, 5, 6, 7, 8, 99], [0, 8, 9, 10, 11, 99]]
    """
    first, *own, last = ids
    size = max_length - SPECIAL_TOKENS
    overlap = size // OVERLAP
    starts = range(0, len(own) - overlap, size - overlap)
    return [[first, *own[start : start + size], last] for start in starts]
