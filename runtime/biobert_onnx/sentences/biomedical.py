"""This project's rules: nupunkt's model of abbreviations, lines of lists, and blank lines."""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from biobert_onnx._extras import requires_extra
from biobert_onnx.sentences.custom_bounds import compile_bound, matches
from biobert_onnx.sentences.options import Options
from biobert_onnx.sentences.shortened import shorten

if TYPE_CHECKING:
    from nupunkt import PunktSentenceTokenizer

LIST_ITEM_START = re.compile(r"\n(?=[ \t]*(?:[-*•]|\d{1,2}[.)]|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})\))[ \t])")
"""The line feed before a line that begins with a list marker. A letter needs a parenthesis: "E. coli" is no item."""

WORD = re.compile(r"\S+")

FALSE_ABBREVIATIONS = ("cancer",)
"""Words that nupunkt takes for abbreviations, but that end biomedical sentences. They were a third of the bounds that
it missed in PubMed sentences of the NCBI disease corpus (`python -m benchmarks.sentences` counts the bounds)."""


def spans(text: str, options: Options) -> Iterator[tuple[int, int]]:
    """Yield the sentences of `text`, begin and end, without white space around them."""
    found = _between(text, options)
    if not options.custom_bounds_only:
        found = _punkt_spans(_tokenizer(options.abbreviations), text, found)
    return found if options.split_length is None else _cut(text, found, options.split_length)


def _between(text: str, options: Options) -> Iterator[tuple[int, int]]:
    """Yield the spans that the bounds leave, without white space around them and without blank ones."""
    bounds = [compile_bound(bound) for bound in options.custom_bounds]
    if options.lists and not options.custom_bounds_only:
        bounds.append(LIST_ITEM_START)
    start = 0
    for match in matches(bounds, text):
        yield from _stripped(text, start, match.end() if options.custom_bounds_strategy == "append" else match.start())
        start = match.start() if options.custom_bounds_strategy == "prepend" else match.end()
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
        short = shorten(text[begin:end])
        for start, stop in tokenizer.iter_spans(short.text):
            yield begin + short.original(start), begin + short.original(stop)


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
