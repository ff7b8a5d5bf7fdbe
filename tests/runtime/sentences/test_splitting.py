"""What both sets of rules have: options, and offsets that are true."""

import random
import time
from itertools import pairwise

import pytest

from biobert_onnx.sentences import split
from biobert_onnx.sentences.splitting import RULE_SETS
from tests.support.texts import TEXTS


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"custom_bounds_only": True}, "needs custom_bounds"),
        ({"custom_bounds": ["("]}, r"'\(' is not a regular expression .*: escape it"),
        ({"custom_bounds": ["x*"]}, r"'x\*' matches the empty text"),
        ({"custom_bounds": ["[a-z&&[^b]]"]}, r"is not a regular expression .*: escape it"),
        ({"custom_bounds": [r"\p{Lu}"]}, r"'\\\\p\{Lu\}' is not a regular expression .*: escape it"),
        (
            {"custom_bounds_strategy": "before"},
            "custom_bounds_strategy is 'before', expected one of none, prepend, app",
        ),
        ({"rules": "punkt"}, "rules is 'punkt', expected one of biomedical, spark-nlp"),
        ({"rules": ["punkt"]}, r"rules is \['punkt'\], expected one of biomedical, spark-nlp"),
        ({"split_length": 0}, "split_length is 0, expected at least 1"),
        ({"split_length": 1.5}, "split_length is 1.5, expected a whole number, at least 1"),
        ({"min_length": -1}, "min_length is -1, expected at least 0"),
        ({"min_length": "10"}, "min_length is '10', expected a whole number, at least 0"),
        ({"max_length": float("nan")}, "max_length is nan, expected a whole number, at least 0"),
        ({"min_length": 5, "max_length": 4}, "max_length is 4, less than min_length, 5"),
    ],
)
@pytest.mark.parametrize("rules", RULE_SETS)
def test_options_that_cannot_be_are_refused(options: dict[str, object], reason: str, rules: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split("x", **{"rules": rules, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"custom_bounds": ";"}, "custom_bounds is the text ';', expected a list of regular expressions"),
        ({"custom_bounds": None}, "custom_bounds is None, expected a list of regular expressions, each a str"),
        ({"custom_bounds": [b";"]}, r"custom_bounds is \[b';'\], expected a list of regular expressions, each a str"),
        ({"custom_bounds": iter(";")}, "custom_bounds is <str_.*, expected a list of regular expressions, each a str"),
        ({"abbreviations": "no"}, "abbreviations is 'no', expected True or False"),
        ({"lists": None}, "lists is None, expected True or False"),
        ({"text": None}, "text is None, of type NoneType, expected a str"),
        ({"text": b"x"}, "text is b'x', of type bytes, expected a str"),
    ],
)
@pytest.mark.parametrize("rules", RULE_SETS)
def test_options_of_another_type_are_refused(options: dict[str, object], reason: str, rules: str) -> None:
    with pytest.raises(TypeError, match=reason):
        split(**{"text": "x", "rules": rules, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_blank_text_has_no_sentences(text: str, rules: str) -> None:
    assert split(text, rules=rules) == []


@pytest.mark.parametrize("rules", RULE_SETS)
def test_offsets_slice_the_text_back_whatever_it_holds(rules: str) -> None:
    chance = random.Random(1)
    pieces = [*TEXTS, "𝛽-catenin rose.", "😀 Good.", "\n\n", "\n- item", "\r\n", " ", "\u2028", "e.g.", "(a) b", "1. x"]
    for _ in range(300):
        text = " ".join(chance.choices(pieces, k=6))
        sentences = split(text, rules=rules, split_length=chance.choice([None, 1, 20]))
        assert all(text[s.begin : s.end] == s.text != "" for s in sentences)
        assert all(a.end <= b.begin for a, b in pairwise(sentences))
        assert "".join("".join(s.text.split()) for s in sentences) == "".join(text.split())


HOSTILE = {
    "stops, brackets and hyphens without a blank": "-1.)" * 15_000,
    "exclamation marks": "!" * 60_000,
    "one word": "a" * 60_000 + ". Ab",
    "blank lines": "a." + "\n" * 60_000 + "b",
    "a line with white space in it": "1" + " " * 3_000 + "x\n\nb",
    "quotes": "\"'" * 30_000,
    "parentheses": "(" * 60_000,
    "spaced full stops": ". " * 30_000,
    "lone surrogates": "\ud800. \ud801" * 15_000,
}
"""Each took seconds to minutes with some splitter, or was feared to."""


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("rules", RULE_SETS)
def test_time_is_in_proportion_to_the_length_of_hostile_texts(rules: str, text: str) -> None:
    begin = time.process_time()
    sentences = split(text, rules=rules)
    assert time.process_time() - begin < 2.0
    assert "".join("".join(s.text.split()) for s in sentences) == "".join(text.split())


def test_each_set_of_rules_has_its_own_sentences() -> None:
    text = "It was read in J. Biol. Chem. by all; it helped."
    assert [s.text for s in split(text)] == [text]
    assert [s.text for s in split(text, rules="spark-nlp")] == [
        "It was read in J. Biol.",
        "Chem.",
        "by all;",
        "it helped.",
    ]
