"""What the network reads of tokens: their first words, or the whole text, and the piece that each token begins with."""

from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder, TruncationWarning
from biobert_onnx.artifact.paths import TOKENIZER
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.spark.word_pieces import NetworkText, first_words, piece_vectors, whole_texts


@pytest.fixture(scope="module")
def tokenizer(artifact: Path) -> TextTokenizer:
    return TextTokenizer(artifact / TOKENIZER)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ([], ""),
        (["I", "hate", "cancer", "."], "I hate cancer ."),
        (["TNF-α/IL-2", "aren't", "(", "n=12", ").", "--"], "TNF aren ( n ) -"),
        (["\u200b", "a", "\u200bb", "c\u200b-d"], "a b c"),  # a token without letters is not read
        (["two words", "𝛽-😀"], "two 𝛽"),
    ],
)
def test_the_network_reads_the_first_word_of_each_token(tokens: list[str], text: str, tokenizer: TextTokenizer) -> None:
    (read,) = first_words([tokens], tokenizer)
    assert read.text == text
    assert [text[piece.place :].split(" ")[0] for piece in read.pieces] == text.split()
    assert [piece.piece_id for piece in read.pieces] == [
        _first_id(read, piece.place, tokenizer) for piece in read.pieces
    ]


def _first_id(read: NetworkText, place: int, tokenizer: TextTokenizer) -> int:
    (encoding,) = tokenizer.encodings([read.text])
    return int(encoding.ids[1 + encoding.offsets[1:-1, 0].tolist().index(place)])


def test_of_a_whole_text_each_token_has_the_piece_that_begins_it(tokenizer: TextTokenizer) -> None:
    text = "Aren't TNF-α mice?"
    (read,) = whole_texts([text], [[(0, 6), (7, 12), (8, 9), (13, 17), (17, 18)]], tokenizer)
    assert read.text == text
    assert [(piece.token, piece.place) for piece in read.pieces] == [(0, 0), (1, 7), (3, 13), (4, 17)]


def test_a_token_has_the_vector_of_its_first_piece_and_none_where_the_text_is_cut(
    artifact: Path, tokenizer: TextTokenizer
) -> None:
    (read,) = first_words([["mice", "hate", "."] * 20], tokenizer)
    with SentenceEncoder(artifact, max_length=12) as encoder, pytest.warns(TruncationWarning):
        (item,) = encoder.encode_tokens([read.text])
    pieces, vectors = piece_vectors(read, item)
    starts = item.offsets[:, 0].tolist()
    assert 0 < len(pieces) <= 10 and pieces == read.pieces[: len(pieces)]
    np.testing.assert_array_equal(vectors, item.embeddings[[starts.index(piece.place, 1) for piece in pieces]])
