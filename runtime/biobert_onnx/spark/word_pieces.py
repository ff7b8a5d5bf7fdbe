"""What the network reads of a sentence that is given in tokens, and which of its pieces is each token's first.

Spark NLP's BertEmbeddings cuts every token into words, as BERT's tokenizer does, and gives the network the first of
them alone: of `TNF-α/IL-2` it reads `TNF`, of `aren't` `aren`. The vectors of all tokens change with that, so whoever
wants Spark NLP's must leave out the same. Whole texts are the other way: the network reads all of the sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.token_encodings import TokenEncoding
from biobert_onnx.encoding.token_vectors import TokenEmbeddings
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.spark.token_rules import Span


@dataclass(frozen=True, kw_only=True)
class FirstPiece:
    """The first piece of a token: the token's number in its sentence, the piece's place in the text, and its id."""

    token: int
    place: int
    piece_id: int


@dataclass(frozen=True, kw_only=True)
class NetworkText:
    """What the network reads of one sentence, and the first piece of each token that has one, in order."""

    text: str
    pieces: list[FirstPiece]


def first_words(sentences: Sequence[Sequence[str]], tokenizer: TextTokenizer) -> list[NetworkText]:
    """Return, for the tokens of each sentence, a text of their first words, a blank between each two.

    A token without a letter that the tokenizer keeps, such as a zero-width space, has none.
    """
    joined = [" ".join(tokens) for tokens in sentences]
    encodings = tokenizer.encodings(joined)
    return [
        _first_words(text, _joined_spans(tokens), encoding)
        for text, tokens, encoding in zip(joined, sentences, encodings, strict=True)
    ]


def whole_texts(texts: Sequence[str], spans: Sequence[Sequence[Span]], tokenizer: TextTokenizer) -> list[NetworkText]:
    """Return each of `texts` with the first piece of each token, which begins inside the token's span."""
    encodings = tokenizer.encodings(texts)
    return [
        NetworkText(
            text=text,
            pieces=[
                FirstPiece(token=token, place=int(encoding.offsets[row, 0]), piece_id=encoding.ids[row])
                for token, row in _first_rows(encoding.offsets, tokens)
            ],
        )
        for text, tokens, encoding in zip(texts, spans, encodings, strict=True)
    ]


def piece_vectors(text: NetworkText, tokens: TokenEmbeddings) -> tuple[list[FirstPiece], FloatArray]:
    """Return the first pieces that `tokens`, the vectors of a text's tokens, has, and their vectors (pieces, dim).

    Those behind the length to which texts are cut have none.
    """
    rows = _first_rows(tokens.offsets, [(piece.place, piece.place + 1) for piece in text.pieces])
    return [text.pieces[piece] for piece, _ in rows], tokens.embeddings[[row for _, row in rows]]


def _joined_spans(tokens: Sequence[str]) -> list[Span]:
    """Return where each of `tokens` lies in their text with a blank between each two."""
    starts = accumulate((len(token) + 1 for token in tokens), initial=0)
    return [(start, start + len(token)) for start, token in zip(starts, tokens, strict=False)]


def _first_words(text: str, spans: Sequence[Span], encoding: TokenEncoding) -> NetworkText:
    """Return the first words of the tokens at `spans` of `text`."""
    firsts = _first_rows(encoding.offsets, spans)
    ends = np.searchsorted(encoding.word_ids[1:-1], encoding.word_ids[[row for _, row in firsts]], side="right")
    words = [
        text[encoding.offsets[row, 0] : encoding.offsets[last, 1]]
        for (_, row), last in zip(firsts, ends.tolist(), strict=True)
    ]
    places = [start for start, _ in _joined_spans(words)]
    return NetworkText(
        text=" ".join(words),
        pieces=[
            FirstPiece(token=token, place=place, piece_id=encoding.ids[row])
            for (token, row), place in zip(firsts, places, strict=True)
        ],
    )


def _first_rows(offsets: NDArray[np.int64], spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Return the number of each of `spans` in which a piece begins, and the row of its first in `offsets`.

    `offsets`: where the pieces of a text begin and end, [CLS] first and [SEP] last.
    """
    begins = offsets[1:-1, 0]
    rows = np.searchsorted(begins, [start for start, _ in spans]).tolist()
    return [
        (number, row + 1)
        for number, ((_, stop), row) in enumerate(zip(spans, rows, strict=True))
        if row < len(begins) and begins[row] < stop
    ]
