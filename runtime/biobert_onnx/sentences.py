"""Sentences of texts, with their character offsets, and one vector a sentence."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._extras import requires_extra
from biobert_onnx.encoder import SentenceEncoder

if TYPE_CHECKING:
    from nupunkt import PunktSentenceTokenizer

LIST_ITEM_START = r"\n(?=[ \t]*(?:[-*•]|\d{1,2}[.)]|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})\))[ \t])"
"""The line feed before a line that begins with a list marker. A letter needs a parenthesis: "E. coli" is no item."""

WORD = re.compile(r"\S+")

FALSE_ABBREVIATIONS = ("cancer",)
"""Words that nupunkt takes for abbreviations, but that end biomedical sentences. They were a third of the bounds that
it missed in 6,186 PubMed sentences of the NCBI disease corpus, joined by sixes (F1 0.991; sentencex 0.971, pysbd
0.945)."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence and its place: `text` is `document[begin:end]`, without white space around it."""

    begin: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class EncodedSentence:
    """A sentence, the index of its text (`document`), and its vector (dim,) float32."""

    document: int
    begin: int
    end: int
    text: str
    vector: NDArray[np.float32]


def split(
    text: str,
    *,
    abbreviations: bool = True,
    lists: bool = True,
    custom_bounds: Sequence[str] = (),
    custom_bounds_only: bool = False,
    split_length: int | None = None,
    min_length: int = 0,
    max_length: int | None = None,
) -> list[Sentence]:
    """Split `text` into sentences, in order; a blank text has none. Offsets and lengths count code points.

    A blank line ends a sentence. The options are those of Spark NLP's SentenceDetector:
    `abbreviations`: a known abbreviation (nupunkt has 5,865) does not end a sentence.
    `lists`: a line that begins with a list marker begins a sentence.
    `custom_bounds`: regular expressions; the text that they match ends a sentence and belongs to none.
    `custom_bounds_only`: split at `custom_bounds` only.
    `split_length`: cut longer sentences between words; a longer word stays whole.
    `min_length`, `max_length`: leave shorter and longer sentences out.

    Raises ValueError for options that contradict each other and for a bound that is not a regular expression or matches
    the empty text, ModuleNotFoundError without the extra `sentences`.
    """
    if custom_bounds_only and not custom_bounds:
        raise ValueError("custom_bounds_only needs custom_bounds, and there are none: give some, or leave it out")
    _check_lengths(split_length=split_length, min_length=min_length, max_length=max_length)
    bounds = _pattern((*custom_bounds, LIST_ITEM_START) if lists and not custom_bounds_only else tuple(custom_bounds))
    spans: Iterator[tuple[int, int]] = _between(bounds, text)
    if not custom_bounds_only:
        spans = _punkt_spans(_tokenizer(abbreviations), text, spans)
    if split_length is not None:
        spans = _cut(text, spans, split_length)
    longest = len(text) if max_length is None else max_length
    return [
        Sentence(begin=begin, end=end, text=text[begin:end])
        for begin, end in spans
        if min_length <= end - begin <= longest
    ]


def split_and_encode(
    encoder: SentenceEncoder,
    texts: Sequence[str],
    *,
    split: Callable[[str], list[Sentence]] = split,
    show_progress_bar: bool | None = None,
) -> list[EncodedSentence]:
    """Split and encode `texts`: return one entry a sentence, in order; a blank text has none.

    `split`: splits one text, for example `functools.partial(split, split_length=1000)`.
    `show_progress_bar`: as in `SentenceEncoder.encode`, whose errors this raises too.
    """
    found = [(index, sentence) for index, text in enumerate(texts) for sentence in split(text)]
    vectors = encoder.encode([sentence.text for _, sentence in found], show_progress_bar=show_progress_bar)
    return [
        EncodedSentence(document=index, begin=sentence.begin, end=sentence.end, text=sentence.text, vector=vector)
        for (index, sentence), vector in zip(found, vectors, strict=True)
    ]


def _check_lengths(*, split_length: int | None, min_length: int, max_length: int | None) -> None:
    if split_length is not None and split_length < 1:
        raise ValueError(f"split_length is {split_length}, expected at least 1; leave it out to cut nothing")
    if min_length < 0:
        raise ValueError(f"min_length is {min_length}, expected at least 0")
    if max_length is not None and max_length < min_length:
        raise ValueError(f"max_length is {max_length}, less than min_length, {min_length}: no sentence can be both")


@cache
def _pattern(bounds: tuple[str, ...]) -> re.Pattern[str] | None:
    for bound in bounds:
        try:
            empty = re.compile(bound).match("")
        except re.error as error:
            raise ValueError(f"the custom bound {bound!r} is not a regular expression ({error}): escape it") from error
        if empty:
            raise ValueError(f"the custom bound {bound!r} matches the empty text: it would cut everywhere")
    return re.compile("|".join(f"(?:{bound})" for bound in bounds)) if bounds else None


def _between(bounds: re.Pattern[str] | None, text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans between the matches of `bounds`, without white space around them; blank ones are left out."""
    start = 0
    for match in bounds.finditer(text) if bounds else ():
        yield from _stripped(text, start, match.start())
        start = match.end()
    yield from _stripped(text, start, len(text))


def _stripped(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[begin:end]
    if not piece or piece.isspace():
        return
    yield begin + len(piece) - len(piece.lstrip()), begin + len(piece.rstrip())


def _punkt_spans(
    tokenizer: "PunktSentenceTokenizer", text: str, spans: Iterator[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    for begin, end in spans:
        for start, stop in tokenizer.iter_spans(text[begin:end]):
            yield begin + start, begin + stop


def _cut(text: str, spans: Iterator[tuple[int, int]], length: int) -> Iterator[tuple[int, int]]:
    for begin, end in spans:
        first = last = begin
        for word in WORD.finditer(text, begin, end):
            if word.end() - first > length and last > first:
                yield first, last
                first = word.start()
            last = word.end()
        yield first, last


@cache
def _tokenizer(abbreviations: bool) -> "PunktSentenceTokenizer":
    with requires_extra("sentences", by="splitting into sentences"):
        from nupunkt import load_default_model
    tokenizer = load_default_model()
    for abbreviation in FALSE_ABBREVIATIONS if abbreviations else tokenizer.abbreviations:
        tokenizer.remove_abbreviation(abbreviation)
    return tokenizer
