"""`split` on any text: true offsets, in order, and nothing but white space left between the sentences."""

import re

from hypothesis import given
from hypothesis import strategies as st

from biobert_onnx.sentences import split
from biobert_onnx.sentences.spark_nlp import utf16_length
from tests.properties.strategies import PIECES, texts

ENDS = st.sampled_from((". ", "? ", "! ", ".\n", "\n\n", "\n- ", "\n2) ", " Dr. ", " e.g. ", '." ', "... "))
documents = st.lists(st.one_of(PIECES, ENDS), max_size=20).map("".join)


BLANKS = {"biomedical": None, "spark-nlp": "".join(map(chr, range(0x21)))}
"""What each set of rules leaves out around sentences: white space, or space and all that is below it."""


@given(text=documents, rules=st.sampled_from(sorted(BLANKS)), abbreviations=st.booleans(), lists=st.booleans())
def test_sentences_stand_where_they_say_and_leave_out_white_space_only(
    text: str, rules: str, abbreviations: bool, lists: bool
) -> None:
    end = 0
    for sentence in split(text, rules=rules, abbreviations=abbreviations, lists=lists):
        assert end <= sentence.begin < sentence.end
        assert sentence.text == text[sentence.begin : sentence.end] == sentence.text.strip(BLANKS[rules])
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


@given(text=documents, rules=st.sampled_from(sorted(BLANKS)), bound=texts.filter(bool))
def test_what_a_bound_matches_belongs_to_no_sentence(text: str, rules: str, bound: str) -> None:
    found = split(text, rules=rules, custom_bounds=[re.escape(bound)], custom_bounds_only=True)
    assert not any(bound in sentence.text for sentence in found)
    parts = [part.strip(BLANKS[rules]) for part in text.split(bound)]
    assert [sentence.text for sentence in found] == [part for part in parts if part]


@given(text=documents, length=st.integers(1, 30))
def test_spark_nlps_pieces_of_a_length_are_no_longer_unless_they_hold_no_space(text: str, length: int) -> None:
    whole = split(text, rules="spark-nlp")
    pieces = split(text, rules="spark-nlp", split_length=length)
    assert all(utf16_length(piece.text) <= length or " " not in piece.text.rstrip(" ") for piece in pieces)
    assert "".join("".join(s.text.split()) for s in pieces) == "".join("".join(s.text.split()) for s in whole)
