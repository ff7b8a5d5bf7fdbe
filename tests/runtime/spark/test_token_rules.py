"""The Tokenizer's rules: one by one, with every param, in time that grows with the text, and what is refused."""

import time
from typing import Any

import pytest

from biobert_onnx.spark.token_rules import TokenFinder, TokenRules


def tokens(text: str, **params: Any) -> list[str]:
    return [text[start:stop] for start, stop in TokenFinder(TokenRules(**params)).find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n", []),
        ("in vivo", ["in", "vivo"]),
        ('("EGFR', ['("', "EGFR"]),
        ("mice).", ["mice", ")."]),
        ("e.g. IL-2", ["e.g", ".", "IL-2"]),
        ("... --", ["...", "--"]),
        ("aren't painkillers!?", ["aren't", "painkillers", "!?"]),
        ("-80 °C", ["-", "80", "°C"]),
        ("[12] p<0.05;", ["[12]", "p<0.05", ";"]),
        ("'Tis 5'", ["'", "Tis", "5", "'"]),
        ("a\u00a0b \u2028c.\u2028", ["a\u00a0b", "\u2028c.\u2028"]),  # blanks are those of ASCII
        ("“quoted”", ["“quoted”"]),  # marks outside contextChars are letters
        ("😀, 𝛽.", ["😀", ",", "𝛽", "."]),
        ("a\u2187b", ["a", "b"]),  # Spark NLP's own mark
    ],
)
def test_blanks_part_words_and_context_characters_leave_their_ends(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("[a]. [b]", {"context_chars": ("[", "]")}, ["[", "a].", "[", "b", "]"]),
        ("(a).", {"context_chars": ()}, ["(a)."]),
        ("only a-z and 0,7 NOT 89", {"target_pattern": "a-z0-7"}, ["only", "a", "z", "and", "0", "7"]),
        ("ab1CD", {"target_pattern": "[a-z]+"}, ["ab"]),
        ("l'une, d'un", {"infix_patterns": (r"([\p{L}\w]+'{1})([\p{L}\w]+)",)}, ["l'", "une", ",", "d'", "un"]),
        ("l'été (1)", {"infix_patterns": (r"(\w+')([\p{L}]+)",)}, ["l'", "été", "(1)"]),  # no match: whole
        ("can't don't", {"infix_patterns": (r"(ca)(n't)", r"(.+)")}, ["ca", "n't", "don't"]),
        ("$5,000.", {"prefix_pattern": r"\A([^\s\w.]*)"}, ["$", "5,000", "."]),
        ("p=5%.", {"suffix_pattern": r"([^\s\w]?)([^\s\w]*)\z"}, ["p=5%", "."]),
        ("ab-c#d", {"split_chars": ("-", "#")}, ["ab", "c", "d"]),
        ("a.b", {"split_chars": ("\\.",)}, ["a", "b"]),
        ("a.b", {"split_chars": (".",)}, ["a", "b"]),
        ("a# # #b", {"split_chars": ("#",)}, ["a", "b"]),
        ("a--b#c.", {"split_pattern": "-+|#"}, ["a", "b", "c", "."]),
        ("a# # #b", {"split_pattern": "#"}, ["a#", "#", "b"]),  # a match at the end alone cuts nothing
        ("a#b-c", {"split_pattern": "#", "split_chars": ("-",)}, ["a", "b-c"]),  # the pattern comes first
        ("b-c", {"split_pattern": "#", "split_chars": ("-",)}, ["b", "c"]),
        ("abc", {"split_pattern": ""}, ["a", "b", "c"]),
        ("a bc def", {"min_length": 2, "max_length": 2}, ["bc"]),
        ("a 😀", {"min_length": 2}, ["😀"]),  # two UTF-16 units
    ],
)
def test_params_change_the_rules(text: str, params: dict[str, Any], expected: list[str]) -> None:
    assert tokens(text, **params) == expected


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("(e.g., this)", {"exceptions": (r"e\.g\.",)}, ["(e.g.,", "this", ")"]),
        ("in New York, NY.", {"exceptions": ("New York",)}, ["in", "New York,", "NY", "."]),
        ("new york.", {"exceptions": ("New York",)}, ["new", "york", "."]),
        ("new york.", {"exceptions": ("New York",), "case_sensitive_exceptions": False}, ["new york."]),
        ("a b c", {"exceptions": ("a b", "b c")}, ["a b c"]),
        ("a#b c", {"exceptions": ("a#b",), "split_chars": ("#",)}, ["a#b", "c"]),
        ("$5 US$.", {"exceptions": (r"\$5 US\$",)}, ["$5 US$."]),
    ],
)
def test_exceptions_stay_whole(text: str, params: dict[str, Any], expected: list[str]) -> None:
    assert tokens(text, **params) == expected


@pytest.mark.parametrize("params", [{}, {"exceptions": ("e g",), "split_chars": ("#",)}], ids=["default", "exceptions"])
@pytest.mark.parametrize("unit", [".", "(", '"', "-", "'", "a", "a.", "é-", " ", "😀"])
def test_time_grows_no_faster_than_the_text(unit: str, params: dict[str, Any]) -> None:
    finder = TokenFinder(TokenRules(max_length=10**9, **params))
    start = time.perf_counter()
    found = finder.find(unit * 200_000)
    assert time.perf_counter() - start < 3  # a quadratic rule takes minutes
    assert sum(stop - first for first, stop in found) == (0 if unit == " " else len(unit) * 200_000)


def test_a_token_beyond_the_default_max_length_is_left_out() -> None:
    assert tokens("a" * 99_999 + " " + "b" * 100_000) == ["a" * 99_999]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"context_chars": ("ab",)}, "contextChars has 'ab', expected one character each"),
        ({"split_chars": ("--",)}, "splitChars has '--', expected one character each, or a backslash"),
        ({"split_chars": (r"\d",)}, "splitChars has"),
        ({"prefix_pattern": "(x)"}, r"prefixPattern is '\(x\)', expected a regular expression that begins with \\A"),
        ({"suffix_pattern": "(x)"}, r"suffixPattern is '\(x\)', expected a regular expression that ends with \\z"),
        ({"prefix_pattern": r"\A(("}, "prefixPattern is"),
        ({"infix_patterns": ("abc",)}, "infixPatterns has 'abc', expected groups"),
        ({"infix_patterns": ("(a))(",)}, "infixPatterns is"),
        ({"target_pattern": "a]("}, r"targetPattern is 'a\]\(', expected what a character class holds"),
        ({"target_pattern": "z-a"}, "targetPattern is 'z-a', expected a regular expression"),
        ({"split_pattern": "["}, "splitPattern is"),
        ({"exceptions": ("*",)}, "exceptions is"),
        ({"exceptions": ("",)}, "exceptions has '', which is in every word"),
        ({"min_length": -1}, "minLength is -1, expected 0 or more"),
        ({"min_length": 5, "max_length": 4}, "maxLength is 4, expected minLength, 5, or more"),
    ],
)
def test_a_wrong_param_is_refused_by_name(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TokenFinder(TokenRules(**params))
