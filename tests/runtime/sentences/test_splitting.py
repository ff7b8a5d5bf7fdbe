"""Sentences: where texts are split, that offsets are true, and the vector of each sentence."""

import random
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.sentences import split, split_and_encode
from tests.support.texts import TEXTS


def texts_of(text: str, **options: object) -> list[str]:
    return [sentence.text for sentence in split(text, **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Patients received heparin, e.g. 5000 IU daily.", "Outcome was good."],
        ["See Fig. 2 for details.", "Results follow."],
        ["Methotrexate was given i.v. for 3 days.", "It was stopped."],
        ["Smith et al. reported this.", "Jones et al. did not."],
        ["It was stored at approx. 4 °C.", "Then it was thawed."],
        ["E. coli and S. aureus grew.", "C. albicans did not."],
        ["The p value was 0.05.", "N = 20."],
        ["Was it BRCA1?", "Yes!", "It was."],
        ["I hate cancer.", "Antibiotics aren't painkiller."],
    ],
    ids=lambda sentences: sentences[0],
)
def test_biomedical_abbreviations_do_not_end_a_sentence(sentences: list[str]) -> None:
    assert texts_of(" ".join(sentences)) == sentences


def test_a_blank_line_ends_a_sentence() -> None:
    assert texts_of("METHODS\n\nWe measured\nit.") == ["METHODS", "We measured\nit."]


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_blank_text_has_no_sentences(text: str) -> None:
    assert split(text) == []


def test_offsets_slice_the_text_back_whatever_it_holds() -> None:
    chance = random.Random(1)
    pieces = [*TEXTS, "𝛽-catenin rose.", "😀 Good.", "\n\n", "\n- item", "\r\n", " ", "\u2028", "e.g.", "(a) b", "1. x"]
    for _ in range(300):
        text = " ".join(chance.choices(pieces, k=6))
        sentences = split(text, split_length=chance.choice([None, 1, 20]))
        assert all(text[s.begin : s.end] == s.text == s.text.strip() != "" for s in sentences)
        assert all(a.end <= b.begin for a, b in pairwise(sentences))
        assert "".join("".join(s.text.split()) for s in sentences) == "".join(text.split())


def test_without_abbreviations_every_full_stop_ends_a_sentence() -> None:
    assert texts_of("Given by Dr. Smith today.", abbreviations=False) == ["Given by Dr.", "Smith today."]
    assert texts_of("Given by Dr. Smith today.") == ["Given by Dr. Smith today."]


def test_list_items_on_lines_of_their_own_are_sentences() -> None:
    text = "Findings\n1. fever\n(b) cough\n- rash by\nE. coli"
    assert texts_of(text) == ["Findings", "1. fever", "(b) cough", "- rash by\nE. coli"]
    assert texts_of(text, lists=False) == [text]


def test_a_custom_bound_ends_a_sentence_and_belongs_to_none() -> None:
    assert texts_of("one two; three. Four", custom_bounds=[";"]) == ["one two", "three.", "Four"]


def test_custom_bounds_only_split_nowhere_else() -> None:
    assert texts_of("One. Two | Three", custom_bounds=[r"\|"], custom_bounds_only=True) == ["One. Two", "Three"]


def test_long_sentences_are_cut_between_words() -> None:
    assert texts_of("aa bb  cc dddddddd ee", split_length=5) == ["aa bb", "cc", "dddddddd", "ee"]


def test_sentences_outside_the_lengths_are_left_out() -> None:
    assert texts_of("No. It was long indeed. Yes it was.", min_length=4, max_length=12) == ["Yes it was."]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"custom_bounds_only": True}, "needs custom_bounds"),
        ({"custom_bounds": ["("]}, r"'\(' is not a regular expression .*: escape it"),
        ({"custom_bounds": ["x*"]}, r"'x\*' matches the empty text"),
        ({"split_length": 0}, "split_length is 0, expected at least 1"),
        ({"min_length": -1}, "min_length is -1, expected at least 0"),
        ({"min_length": 5, "max_length": 4}, "max_length is 4, less than min_length, 5"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split("x", **options)  # type: ignore[arg-type]


def test_each_sentence_gets_the_vector_of_its_text(encoder: SentenceEncoder) -> None:
    texts = ["I hate cancer. Antibiotics aren't painkiller.", "", "One sentence"]
    entries = split_and_encode(encoder, texts)
    assert [(entry.document, entry.text) for entry in entries] == [
        (0, "I hate cancer."),
        (0, "Antibiotics aren't painkiller."),
        (2, "One sentence"),
    ]
    assert all(texts[entry.document][entry.begin : entry.end] == entry.text for entry in entries)
    expected = encoder.encode([entry.text for entry in entries])
    assert np.stack([entry.vector for entry in entries]).tobytes() == expected.tobytes()


def test_texts_can_be_split_in_another_way(encoder: SentenceEncoder) -> None:
    entries = split_and_encode(encoder, ["a|b"], split=partial(split, custom_bounds=[r"\|"]))
    assert [entry.text for entry in entries] == ["a", "b"]


def test_no_texts_give_no_entries(encoder: SentenceEncoder) -> None:
    assert split_and_encode(encoder, []) == []
