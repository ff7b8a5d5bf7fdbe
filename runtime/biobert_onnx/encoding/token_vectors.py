"""The one way from texts to vectors of their tokens, beside that of `pipeline.py` to vectors of texts:

group of texts, each after the prompt -> tokens with their places -> windows -> micro-batches -> rows of windows ->
rows of the text, the prompt's left out -> rows of words, if these are asked for
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from operator import index

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.manifest import SPECIAL_TOKENS
from biobert_onnx.encoding.long_texts import OVERLAP, Windows, windows_of
from biobert_onnx.encoding.micro_batches import compute_micro_batches
from biobert_onnx.encoding.pipeline import G, Progress
from biobert_onnx.encoding.texts import single_texts
from biobert_onnx.encoding.token_encodings import TokenEncoding, words_of
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.encoding.workers import read_ahead
from biobert_onnx.errors import TextTooLongError, short_repr

GROUP_TEXTS = 128
"""Texts whose tokens' vectors are held together: of 512 tokens and 768 numbers each they take 200 MB."""

WORD_POOLINGS = ("mean", "first")

RunTokens = Callable[[NDArray[np.int64], int, str], FloatArray]
"""input_ids (batch, tokens) int64, the threads to take, one of TOKEN_LAYERS -> (batch, tokens, dim) float32."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenEmbeddings:
    """The vectors of one text's tokens or, where words were asked for, of its words, in the order of the text.

    `embeddings`: (tokens, dim) float32.
    `offsets`: where each begins and ends in the text, in characters, (tokens, 2) int64; (0, 0) for [CLS] and [SEP].
    `word_ids`: the number of each one's word, (tokens,) int64; -1 for [CLS] and [SEP].
    `special`: whether it is [CLS] or [SEP], which frame the text's own tokens, (tokens,) bool.
    """

    embeddings: FloatArray
    offsets: NDArray[np.int64]
    word_ids: NDArray[np.int64]
    special: NDArray[np.bool_]

    def __len__(self) -> int:
        """The number of tokens, or of words."""
        return len(self.embeddings)

    def copy(self) -> "TokenEmbeddings":
        """Return the same in arrays of their own."""
        return TokenEmbeddings(
            embeddings=self.embeddings.copy(),
            offsets=self.offsets.copy(),
            word_ids=self.word_ids.copy(),
            special=self.special.copy(),
        )

    def words(self, pooling: str) -> "TokenEmbeddings":
        """Return a row for each word: the mean of its tokens' vectors or, by `pooling`, the vector of its "first".

        [CLS] and [SEP] are no words. Vectors are added in the order of the tokens, in float64, and divided once.
        """
        starts, counts = words_of(self.word_ids)
        ends = starts + counts - 1
        return TokenEmbeddings(
            embeddings=self.embeddings[starts] if pooling == "first" else _means(self.embeddings, starts, counts),
            offsets=np.stack([self.offsets[starts, 0], self.offsets[ends, 1]], axis=1),
            word_ids=np.arange(len(starts)),
            special=np.zeros(len(starts), dtype=bool),
        )


@dataclass(frozen=True, kw_only=True)
class TokenOptions:
    """What a call asks for: one of TOKEN_LAYERS, whether long texts are cut, and the prompt before each text.

    `word_pooling`: one of WORD_POOLINGS for a row a word, None for a row a token.
    """

    layers: str
    word_pooling: str | None
    long_texts: str
    prompt: str


@dataclass(frozen=True, kw_only=True)
class EncodedTokens:
    """Of each text of a group: the vectors of its tokens, and whether it was cut."""

    items: list[TokenEmbeddings]
    was_cut: Sequence[bool]


@dataclass(frozen=True, kw_only=True)
class _Tokenized:
    """A group's texts as windows, and the tokens of each text that are in them."""

    encodings: list[TokenEncoding]
    windows: Windows


@dataclass(frozen=True, kw_only=True)
class TokenPipeline:
    """What one encoder computes vectors of tokens with; `max_length`: tokens a window has at most."""

    tokenizer: TextTokenizer
    run: RunTokens
    max_length: int
    threads: int

    def encode(
        self, groups: Iterable[G], options: TokenOptions, *, ahead: bool, progress: Progress[G] | None = None
    ) -> Generator[tuple[G, EncodedTokens], None, None]:
        """Yield each of `groups` with what it encodes to; `ahead`, errors and `progress` are those of `Pipeline`."""
        tokenized = self._tokenized(groups, options)
        with closing(read_ahead(tokenized) if ahead else tokenized) as groups_and_tokens:
            for group, tokens in groups_and_tokens:
                report = None if progress is None else partial(progress, group)
                rows = self._rows(tokens.windows, options, report)
                yield group, self._encoded(tokens, rows, options)

    def _tokenized(self, groups: Iterable[G], options: TokenOptions) -> Generator[tuple[G, _Tokenized], None, None]:
        count = 0
        for group in groups:
            yield group, self._windows(single_texts("texts", group.texts, first=count), options, first=count)
            count += len(group.texts)

    def _windows(self, texts: Sequence[str], options: TokenOptions, *, first: int) -> _Tokenized:
        limit = None if options.long_texts == "window" else self.max_length
        try:
            encodings = self.tokenizer.encodings([options.prompt + text for text in texts], limit=limit)
            ids = [encoding.ids for encoding in encodings]
            windows = windows_of(ids, long_texts=options.long_texts, max_length=self.max_length)
        except TextTooLongError as error:
            raise error.at(first + error.index, argument="texts", has_prompt=bool(options.prompt)) from None
        return _Tokenized(encodings=[each if limit is None else each.cut(limit) for each in encodings], windows=windows)

    def _rows(
        self, windows: Windows, options: TokenOptions, report: Callable[[float], None] | None
    ) -> list[FloatArray]:
        """Return the rows (tokens, dim) of each window; `report` gets the share of the tokens that is done."""
        rows: dict[int, FloatArray] = {}

        def compute(indices: list[int], input_ids: NDArray[np.int64], threads: int) -> None:
            rows.update(zip(indices, self.run(input_ids, threads, options.layers), strict=True))

        done, total = 0, sum(map(len, windows.token_ids))
        for tokens in compute_micro_batches(compute, windows.token_ids, threads=self.threads):
            done += tokens
            if report is not None:
                report(done / total)
        return [rows[window] for window in range(len(windows.token_ids))]

    def _encoded(self, tokens: _Tokenized, rows: Sequence[FloatArray], options: TokenOptions) -> EncodedTokens:
        items = []
        for encoding, part in zip(tokens.encodings, tokens.windows.texts(), strict=True):
            embeddings = joined_windows(rows[part], size=self.max_length - SPECIAL_TOKENS)
            item = _without_prompt(encoding, embeddings, len(options.prompt))
            items.append(item if options.word_pooling is None else item.words(options.word_pooling))
        return EncodedTokens(items=items, was_cut=tokens.windows.was_cut)


def joined_windows(rows: Sequence[FloatArray], *, size: int) -> FloatArray:
    """Return the rows (tokens, dim) of a text from those of its windows, whose own tokens are `size` but in the last.

    Of the tokens that two windows share, the first half is the earlier window's and the others the later one's: each
    vector comes from the window in which its token lies farther from the cut. [CLS] is the first window's, [SEP] the
    last one's.
    """
    shared = size // OVERLAP
    of_later = shared // 2
    starts = [0, *[1 + shared - of_later] * (len(rows) - 1)]
    ends = [*[1 + size - of_later] * (len(rows) - 1), len(rows[-1])]
    return np.concatenate([each[start:end] for each, start, end in zip(rows, starts, ends, strict=True)])


def _without_prompt(encoding: TokenEncoding, embeddings: FloatArray, prompt: int) -> TokenEmbeddings:
    """Return the vectors of a text's tokens, without those of the prompt, whose characters are the first `prompt`.

    A token that holds characters of both is the text's; offsets and words count from the text's start.
    """
    special = np.zeros(len(encoding.ids), dtype=bool)
    special[[0, -1]] = True
    kept = special | (encoding.offsets[:, 1] > prompt)
    word_ids = encoding.word_ids[kept]
    first = word_ids[word_ids >= 0].min(initial=len(encoding.ids))
    return TokenEmbeddings(
        embeddings=embeddings[kept],
        offsets=np.maximum(encoding.offsets[kept] - prompt, 0),
        word_ids=np.where(word_ids < 0, -1, word_ids - first),
        special=special[kept],
    )


def checked_spans(spans: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Return `spans` as pairs of int; raise ValueError unless each is a stretch of a text of `length` characters."""
    if not isinstance(spans, Iterable):
        raise TypeError(
            f"spans is {short_repr(spans)}, expected pairs of where each begins and ends: [(0, 7), (12, 20)]"
        )
    return [_checked_span(row, span, length) for row, span in enumerate(spans)]


def _checked_span(row: int, span: tuple[int, int], length: int) -> tuple[int, int]:
    try:
        start, end = map(index, span)
    except (TypeError, ValueError):
        raise ValueError(
            f"spans[{row}] is {short_repr(span)}, expected two whole numbers: where it begins and ends in the text"
        ) from None
    if not 0 <= start < end <= length:
        raise ValueError(
            f"spans[{row}] is ({start}, {end}), expected a start from 0 on and an end behind it, {length:,} at most: "
            "the text's characters"
        )
    return start, end


def _means(vectors: FloatArray, starts: NDArray[np.int64], counts: NDArray[np.int64]) -> FloatArray:
    """Return the mean of `counts` rows from each of `starts` on, (means, dim) float32."""
    totals = vectors[starts].astype(np.float64)
    for place in range(1, int(counts.max(initial=0))):
        longer = counts > place
        totals[longer] += vectors[starts[longer] + place]
    return (totals / counts[:, np.newaxis]).astype(np.float32)


def span_vectors(tokens: TokenEmbeddings, spans: Sequence[tuple[int, int]]) -> FloatArray:
    """Return the mean of the vectors of the tokens that overlap each of `spans`, (spans, dim) float32.

    They are added in the order of the tokens, in float64, and divided once. Raises ValueError for a span without one.
    """
    vectors = np.empty((len(spans), tokens.embeddings.shape[1]), dtype=np.float32)
    for row, (start, end) in enumerate(spans):
        inside = (tokens.offsets[:, 0] < end) & (tokens.offsets[:, 1] > start) & ~tokens.special
        if not inside.any():
            raise ValueError(
                f"spans[{row}] is ({start}, {end}), where the text has no token: leave it out, or widen it to a word"
            )
        total = np.zeros(vectors.shape[1], dtype=np.float64)
        for vector in tokens.embeddings[inside]:
            total += vector
        vectors[row] = total / np.count_nonzero(inside)
    return vectors
