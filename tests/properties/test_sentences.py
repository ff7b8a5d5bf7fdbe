"""`split` on any text: true offsets, in order, and nothing but white space left between the sentences."""

import re

from hypothesis import given
from hypothesis import strategies as st

from biobert_onnx.sentences import split
from tests.properties.strategies import PIECES, texts

ENDS = st.sampled_from((". ", "? ", "! ", ".\n", "\n\n", "\n- ", "\n2) ", " Dr. ", " e.g. ", '." ', "... "))
documents = st.lists(st.one_of(PIECES, ENDS), max_size=20).map("".join)


@given(text=documents, abbreviations=st.booleans(), lists=st.booleans())
def test_sentences_stand_where_they_say_and_leave_out_white_space_only(
    text: str, abbreviations: bool, lists: bool
) -> None:
    end = 0
    for sentence in split(text, abbreviations=abbreviations, lists=lists):
        assert end <= sentence.begin < sentence.end
        assert sentence.text == text[sentence.begin : sentence.end] == sentence.text.strip()
        assert not text[end : sentence.begin].strip()
        end = sentence.end
    assert not text[end:].strip()


@given(text=documents, length=st.integers(1, 30))
def test_pieces_of_a_length_are_no_longer_unless_they_are_one_word_and_lose_no_word(text: str, length: int) -> None:
    pieces = split(text, split_length=length)
    assert all(len(piece.text) <= length or not re.search(r"\s", piece.text) for piece in pieces)
    assert "".join(piece.text for piece in pieces).split() == "".join(text.split()).split() or (
        re.sub(r"\s", "", "".join(piece.text for piece in pieces)) == re.sub(r"\s", "", text)
    )


@given(text=documents, bound=texts.filter(bool))
def test_what_a_bound_matches_belongs_to_no_sentence(text: str, bound: str) -> None:
    found = split(text, custom_bounds=[re.escape(bound)], custom_bounds_only=True)
    assert not any(bound in sentence.text for sentence in found)
    assert [sentence.text for sentence in found] == [part.strip() for part in text.split(bound) if part.strip()]
