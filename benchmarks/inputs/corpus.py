"""The project's own text, and any amount of different texts of PubMed's lengths made from it."""

import random
import re
from importlib.resources import files

import numpy as np

TOKEN_PERCENTILES = ((0, 8), (10, 16), (25, 22), (50, 31), (75, 43), (90, 55), (99, 85), (100, 150))
"""Percentile and length in tokens of PubMed sentences, special tokens included. Source: NCBI disease corpus, 5,538
sentences of titles and abstracts, WordPiece vocabulary of all-MiniLM-L6-v2 (the greatest, 271, is cut to 150)."""

TOKENS_PER_PIECE = 1.28
"""WordPiece tokens per word or punctuation mark of the bundled text."""

PIECE = re.compile(r"\w+|[^\w\s]")
"""A word or a punctuation mark."""


def bundled_texts() -> list[str]:
    """Return the bundled biomedical texts, in file order."""
    return (
        files("biobert_onnx_export.reference")
        .joinpath("data", "biomedical.txt")
        .read_text(encoding="utf-8")
        .splitlines()
    )


def pubmed_like_texts(count: int, *, seed: int = 1) -> list[str]:
    """Make `count` different texts from runs of words of the bundled text, as long as PubMed sentences are."""
    words = " ".join(bundled_texts()).split()
    chance = random.Random(seed)
    percentiles, tokens = zip(*TOKEN_PERCENTILES, strict=True)
    texts: dict[str, None] = {}
    while len(texts) < count:
        pieces = (float(np.interp(100 * chance.random(), percentiles, tokens)) - 2) / TOKENS_PER_PIECE
        texts[_words_from(words, chance.randrange(len(words) - 200), round(pieces))] = None
    return list(texts)


def _words_from(words: list[str], start: int, pieces: int) -> str:
    end = start
    while pieces > 0:
        pieces -= len(PIECE.findall(words[end]))
        end += 1
    return " ".join(words[start:end])
