"""Custom bounds: which matches count, and what is refused."""

import re

import pytest

from biobert_onnx.sentences import split
from biobert_onnx.sentences.custom_bounds import compile_bound, matches


def found(bounds: list[str], text: str) -> list[str]:
    return [match[0] for match in matches([re.compile(bound) for bound in bounds], text)]


def test_matches_come_from_left_to_right_and_never_overlap() -> None:
    assert found(["bc", "a", "cd"], "abcd ad cd") == ["a", "bc", "a", "cd"]


def test_of_matches_that_begin_together_the_bound_named_first_counts() -> None:
    assert found(["a", "ab"], "ab") == ["a"]
    assert found(["ab", "a"], "ab") == ["ab"]


def test_a_match_of_no_characters_is_found_once() -> None:
    assert found(["(?=b)", "b+"], "abb") == ["", "bb"]
    assert found(["(?<=b)"], "ab") == [""]


def test_a_bound_may_have_flags_and_groups_of_its_own() -> None:
    assert found(["(?i)then", r"(.)\1"], "THEN xx") == ["THEN", "xx"]


@pytest.mark.parametrize("rules", ["biomedical", "spark-nlp"])
def test_a_bound_before_a_word_cuts_and_takes_nothing_away(rules: str) -> None:
    sentences = split("it rose Then fell", rules=rules, custom_bounds=["(?=Then)"], custom_bounds_only=True)
    assert [sentence.text for sentence in sentences] == ["it rose", "Then fell"]


@pytest.mark.parametrize("bound", ["(", r"\p{Lu}", r"\Qa\E", "[a&&b]", "[[a]", "a{99999999999}", "(" * 9999, "(?u)a"])
def test_what_is_no_regular_expression_is_refused(bound: str) -> None:
    with pytest.raises(ValueError, match=r"is not a regular expression \(.*\): escape it"):
        compile_bound(bound, re.ASCII)
