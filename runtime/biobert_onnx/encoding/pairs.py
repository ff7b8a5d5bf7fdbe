"""Pairs: two texts in one frame, [CLS] first [SEP] second [SEP], whose tokens tell them apart by their token type.

A pair of too many tokens is cut as transformers' fast tokenizers do it with the strategy `longest_first`. A pair whose
second text is empty is [CLS] first [SEP] [SEP], as they make it of a list of pairs, [[first, ""]]; called with two
arguments, tokenizer(first, ""), they take it for a single text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import Text
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.errors import TextTooLongError

FRAME_TOKENS = 3
"""[CLS], and a [SEP] after each text."""


@dataclass(frozen=True)
class PairTokens:
    """The token ids of the two texts of a pair, each with [CLS] and [SEP], as the tokenizer frames it alone."""

    first: Sequence[int]
    second: Sequence[int]

    def __len__(self) -> int:
        """The tokens of the pair before it is cut."""
        return len(self.first) + len(self.second) - 1

    def framed(self, max_length: int) -> tuple[list[int], int]:
        """Return the ids of the pair, cut to `max_length` tokens, and the index at which its second text begins."""
        texts = self.first[1:-1], self.second[1:-1]
        kept = longest_first(len(texts[0]), len(texts[1]), room=max_length - FRAME_TOKENS)
        start, end = self.first[0], self.first[-1]
        return [start, *texts[0][: kept[0]], end, *texts[1][: kept[1]], end], kept[0] + 2


def longest_first(first: int, second: int, *, room: int) -> tuple[int, int]:
    """Return how many of the `first` and the `second` tokens of a pair are kept where there is `room` for so many.

    The longer text is cut to what the shorter one leaves. Where half of the room is too small for the shorter one, each
    gets half, and an odd token goes to the longer one, or to the second of equal ones. It is the arithmetic of
    `truncate_encodings` in tokenizers, which transformers' fast tokenizers call.

    >>> longest_first(5, 100, room=20), longest_first(100, 100, room=21), longest_first(101, 100, room=21)
    ((5, 15), (10, 11), (11, 10))
    """
    if first + second <= room:
        return first, second
    shorter = min(first, second, room // 2)
    longer = room - shorter
    return (shorter, longer) if first <= second else (longer, shorter)


def tokens_of(
    tokenizer: TextTokenizer, texts: Sequence[Text], *, limit: int | None = None
) -> list[Sequence[int] | PairTokens]:
    """Return the tokens of each text or pair; `limit` is that of `TextTokenizer.token_ids`, for each text of a pair.

    Raises TextTooLongError for a text that has no word end within WORD_CHARACTERS characters.
    """
    owners = [index for index, text in enumerate(texts) for _ in _parts(text)]
    parts = [part for text in texts for part in _parts(text)]
    try:
        ids = iter(tokenizer.token_ids(parts, limit=limit))
    except TextTooLongError as error:
        raise error.at(owners[error.index], argument="texts") from None
    return [
        next(ids) if isinstance(text, str) else _pair(tokenizer, index, text, (next(ids), next(ids)), limit)
        for index, text in enumerate(texts)
    ]


def token_types(splits: Mapping[int, int], indices: Sequence[int], tokens: int) -> NDArray[np.int64] | None:
    """Return the token types (windows, tokens) of the windows `indices`, 1 in second texts; None if all are 0.

    `splits`: where the second text begins in each window that is a pair.

    >>> token_types({7: 3}, [4, 7], 5)
    array([[0, 0, 0, 0, 0],
           [0, 0, 0, 1, 1]])
    """
    if not any(index in splits for index in indices):
        return None
    starts = np.array([splits.get(index, tokens) for index in indices])
    return (np.arange(tokens) >= starts[:, None]).astype(np.int64)


def _parts(text: Text) -> Iterator[str]:
    return iter((text,) if isinstance(text, str) else text)


def _pair(
    tokenizer: TextTokenizer, index: int, texts: tuple[str, str], ids: tuple[Sequence[int], ...], limit: int | None
) -> PairTokens:
    """Return the pair of `texts`, entry `index`, whose `ids` were read up to `limit`.

    If both have more and the room is odd, both are read whole: the longer one gets the odd token.
    """
    if limit is not None and min(map(len, ids)) > limit and (limit - FRAME_TOKENS) % 2:
        try:
            ids = tuple(tokenizer.token_ids(texts))
        except TextTooLongError as error:
            raise error.at(index, argument="texts") from None
    return PairTokens(*ids)
