"""The tokens of a text with their places in it, put together from the pieces that a long text is read in."""

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding


@dataclass(frozen=True, kw_only=True)
class TokenEncoding:
    """The tokens of one text, [CLS] and [SEP] included.

    `ids`: token ids. `offsets`: where each token begins and ends in the text, (tokens, 2) int64, in characters; (0, 0)
    for [CLS] and [SEP]. `word_ids`: the number of each token's word, (tokens,) int64, -1 for [CLS] and [SEP]. They are
    those of transformers' fast tokenizer.
    """

    ids: Sequence[int]
    offsets: NDArray[np.int64]
    word_ids: NDArray[np.int64]

    def cut(self, max_length: int) -> "TokenEncoding":
        """Return the first tokens and [SEP], `max_length` in all at most."""
        if len(self.ids) <= max_length:
            return self
        kept = [*range(max_length - 1), len(self.ids) - 1]
        return TokenEncoding(
            ids=[*self.ids[: max_length - 1], self.ids[-1]], offsets=self.offsets[kept], word_ids=self.word_ids[kept]
        )


@dataclass(frozen=True, kw_only=True)
class EndlessWords:
    """Words of so many letters that a tokenizer may read their first and last `kept` letters in place of them."""

    pattern: re.Pattern[str]
    kept: int

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each of them begins and ends in `text`."""
        return [match.span() for match in self.pattern.finditer(text)]


class EncodingBuilder:
    """Puts the tokens of a text's pieces together, which come in order and hold the whole text.

    From some piece on, all of the `endless` words in the text may be shortened: the places of tokens are those in the
    text itself nevertheless.
    """

    def __init__(self, text: str, endless: EndlessWords | None, *, trims_later_blanks: bool = False) -> None:
        """Start with no tokens of `text`; `endless` is None if no word is ever shortened.

        `trims_later_blanks`: whether the tokenizer's offsets leave out the blank before a token, except at the start of
        a text. The first token of a later piece then loses it here.
        """
        self._text = text
        self._endless = endless
        self._trims_later_blanks = trims_later_blanks
        self._words: list[tuple[int, int]] | None = None
        self._read = 0  # characters of the pieces so far
        self._places: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        self._ids = array("i")
        self._offsets: list[NDArray[np.int64]] = []
        self._word_ids: list[NDArray[np.int64]] = []
        self._word_count = 0

    def __len__(self) -> int:
        """The number of tokens so far, [CLS] and [SEP] included."""
        return len(self._ids)

    def add(self, piece: str, encoding: Encoding) -> None:
        """Add the tokens of the next `piece`."""
        if self._places is None and self._endless is not None and len(piece) < len(self._text):
            self._notice_shortening(piece, self._endless)
        ids, words = encoding.ids, encoding.word_ids[1:-1]
        self._ids[-1:] = array("i", ids[1:] if self._ids else ids)
        offsets = np.array(encoding.offsets[1:-1], dtype=np.int64).reshape(-1, 2)
        if self._trims_later_blanks and self._read and piece.startswith(" ") and offsets[0, 0] == 0:
            offsets[0] = 1, max(1, offsets[0, 1])
        self._offsets.append(self._in_text(offsets + self._read))
        word_ids = np.array([-1 if word is None else word + self._word_count for word in words], dtype=np.int64)
        self._word_ids.append(word_ids)
        self._word_count = max(self._word_count, int(word_ids.max(initial=-1)) + 1)
        self._read += len(piece)

    def finish(self) -> TokenEncoding:
        """Return what was put together."""
        offsets, word_ids = np.concatenate(self._offsets), np.concatenate(self._word_ids)
        return TokenEncoding(
            ids=self._ids, offsets=np.pad(offsets, ((1, 1), (0, 0))), word_ids=np.pad(word_ids, 1, constant_values=-1)
        )

    def _notice_shortening(self, piece: str, endless: EndlessWords) -> None:
        """Find out whether endless words are shortened in `piece`, and so from here on.

        A piece ends where a word ends. So one that goes on behind the start of an endless word, but not to its end, or
        differs from the text, has it shortened.
        """
        if self._words is None:
            self._words = endless.spans(self._text)
        ahead = [(start, end) for start, end in self._words if start >= self._read]
        if not ahead or self._read + len(piece) <= ahead[0][0]:
            return
        if self._read + len(piece) >= ahead[0][1] and self._text.startswith(piece, self._read):
            return
        middles, losses, lost = [-1], [0], 0
        for start, end in ahead:
            lost += end - start - 2 * endless.kept
            middles.append(end - endless.kept - lost)
            losses.append(lost)
        self._places = np.array(middles, dtype=np.int64), np.array(losses, dtype=np.int64)

    def _in_text(self, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places in the text of `offsets` in the pieces' text, where the middles of words may be left out.

        A place in the second half of a shortened word counts from its end, one in the first half from its start.
        """
        if self._places is None:
            return offsets
        middles, losses = self._places
        moved: NDArray[np.int64] = offsets + losses[np.searchsorted(middles, offsets, side="left") - 1]
        return moved


def words_of(word_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first token of each word and the number of its tokens, (words,) int64 each.

    A word's tokens follow each other; tokens of -1 are in no word.

    >>> words_of(np.array([-1, 0, 0, 1, -1]))
    (array([1, 3]), array([2, 1]))
    """
    inside = np.flatnonzero(word_ids >= 0)
    starts = inside[np.flatnonzero(np.diff(word_ids[inside], prepend=-1))]
    ends = np.append(starts[1:], inside[-1] + 1 if len(inside) else 0)
    return starts, (ends[: len(starts)] - starts).astype(np.int64)
