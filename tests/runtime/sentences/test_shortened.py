"""Long runs made short for nupunkt: its sentences stay the same, and offsets are those of the text."""

import random

from nupunkt import load_default_model

from biobert_onnx.sentences import split
from biobert_onnx.sentences.shortened import shorten

WORDS = (
    "Fig. 2",
    "Dr. Lee",
    "It",
    "rose.",
    "fell!",
    '"Yes.',
    'No."',
    "(cf.)",
    "1.",
    "a.",
    "12)",
    "...",
    "Page 12",
    "of",
)
SPACES = (" ", " ", " ", "\n", "\n\n", " " * 30, " " * 25 + "\n" + " " * 25, "\t" * 9 + "\n" * 15, " \n" * 20 + "  ")


def test_long_white_space_does_not_move_a_bound() -> None:
    chance = random.Random(1)
    tokenizer = load_default_model()
    tokenizer.remove_abbreviation("cancer")
    for _ in range(500):
        text = "".join(chance.choice(WORDS) + chance.choice(SPACES) for _ in range(12))
        found = [(sentence.begin, sentence.end) for sentence in split(text, lists=False)]
        assert found == list(tokenizer.iter_spans(text)), text


def test_a_long_word_keeps_its_ends_and_all_of_it_is_in_a_sentence() -> None:
    word = "x" * 499 + "." + '"' * 3_000 + "y" * 500
    assert [sentence.text for sentence in split(f"It rose. {word}. It fell.")] == ["It rose.", f"{word}.", "It fell."]


def test_ordinary_text_is_not_shortened() -> None:
    text = "a" * 999 + "." + " " * 20 + "It rose.\n\n    It fell."
    assert shorten(text).text == text
