"""What both sets of rules have: options, and offsets that are true."""

import random
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
        ({"custom_bounds": ["[a-z&&[^b]]"]}, r"is not a regular expression \(Possible set intersection"),
        ({"custom_bounds": [r"\p{Lu}"]}, r"'\\\\p\{Lu\}' is not a regular expression \(bad escape"),
        (
            {"custom_bounds_strategy": "before"},
            "custom_bounds_strategy is 'before', expected one of none, prepend, app",
        ),
        ({"rules": "punkt"}, "rules is 'punkt', expected one of biomedical, spark-nlp"),
        ({"split_length": 0}, "split_length is 0, expected at least 1"),
        ({"min_length": -1}, "min_length is -1, expected at least 0"),
        ({"min_length": 5, "max_length": 4}, "max_length is 4, less than min_length, 5"),
    ],
)
@pytest.mark.parametrize("rules", RULE_SETS)
def test_options_that_cannot_be_are_refused(options: dict[str, object], reason: str, rules: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split("x", **{"rules": rules, **options})  # type: ignore[arg-type]


def test_one_bound_that_is_not_in_a_list_is_refused() -> None:
    with pytest.raises(TypeError, match="custom_bounds is the text ';', expected a list of regular expressions"):
        split("x", custom_bounds=";")


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


def test_each_set_of_rules_has_its_own_sentences() -> None:
    text = "It was read in J. Biol. Chem. by all; it helped."
    assert [s.text for s in split(text)] == [text]
    assert [s.text for s in split(text, rules="spark-nlp")] == [
        "It was read in J. Biol.",
        "Chem.",
        "by all;",
        "it helped.",
    ]
