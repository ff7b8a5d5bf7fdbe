"""This project's rules: where texts are split."""

import pytest

from biobert_onnx.sentences import split


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


def test_without_abbreviations_every_full_stop_ends_a_sentence() -> None:
    assert texts_of("Given by Dr. Smith today.", abbreviations=False) == ["Given by Dr.", "Smith today."]
    assert texts_of("Given by Dr. Smith today.") == ["Given by Dr. Smith today."]


def test_list_items_on_lines_of_their_own_are_sentences() -> None:
    text = "Findings\n1. fever\n(b) cough\n- rash by\nE. coli"
    assert texts_of(text) == ["Findings", "1. fever", "(b) cough", "- rash by\nE. coli"]
    assert texts_of(text, lists=False) == [text]


def test_a_custom_bound_ends_a_sentence_and_belongs_to_none() -> None:
    assert texts_of("one two; three. Four", custom_bounds=[";"]) == ["one two", "three.", "Four"]


@pytest.mark.parametrize(
    ("strategy", "found"),
    [
        ("none", ["one", "two.", "Three", "1) four"]),
        ("prepend", ["one", "; two.", "Three", "1) four"]),
        ("append", ["one;", "two.", "Three", "1) four"]),
    ],
)
def test_the_text_of_a_custom_bound_goes_where_the_strategy_says(strategy: str, found: list[str]) -> None:
    text = "one; two. Three\n1) four"
    assert texts_of(text, custom_bounds=[";"], custom_bounds_strategy=strategy) == found


def test_custom_bounds_only_split_nowhere_else() -> None:
    assert texts_of("One. Two | Three", custom_bounds=[r"\|"], custom_bounds_only=True) == ["One. Two", "Three"]


def test_long_sentences_are_cut_between_words() -> None:
    assert texts_of("aa bb  cc dddddddd ee", split_length=5) == ["aa bb", "cc", "dddddddd", "ee"]


def test_sentences_outside_the_lengths_are_left_out() -> None:
    assert texts_of("No. It was long indeed. Yes it was.", min_length=4, max_length=12) == ["Yes it was."]
