"""Java's regular expressions in Python: what is spelled otherwise means the same, and the rest is refused."""

import pytest

from biobert_onnx.spark.java_patterns import compile_java


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\p{L}+", "1éß_", ["éß"]),
        (r"\pL+", "1éß_", ["éß"]),
        (r"\p{Lu}[\p{Ll}\d]+", "aÄö1é", ["Äö1é"]),
        (r"[^\p{L}]+", "é12é", ["12"]),
        (r"\P{L}+", "é12é", ["12"]),
        (r"\p{IsAlphabetic}+", "éa1", ["éa"]),
        (r"\p{Punct}+|\p{Alpha}+", "é-!ab\\]", ["-!", "ab", "\\]"]),
        (r"\P{Alpha}+", "aé1b", ["é1"]),
        (r"\w+", "aéb", ["a", "b"]),
        (r"(?i)É|a", "éA", ["A"]),
        (r"\d+\z", "1 2", ["2"]),
        (r"\d+\Z", "1 2\n", ["2"]),
        (r"a\h+b", "a\u00a0 b", ["a\u00a0 b"]),
        (r"[\h]+", "a\u00a0b", ["\u00a0"]),
        (r"\v|\R", "a\u2028b", ["\u2028"]),
        (r"\Qa.b\E.", "a.bc axbc", ["a.bc"]),
        (r"[\Q]-\E]+", "a]-b", ["]-"]),
        (r"[a[b-d]]+", "xabcdx", ["abcd"]),
        (r"[+--~|]+", "+,-~|&", ["+,-~|"]),
        (r"(?<x>a)\k<x>", "aab", ["aa"]),
        (r"(?<=a)b|(?<!a)c", "abcac", ["b", "c"]),
        (r"a++b", "aab", ["aab"]),
        (r"\u0041\x42", "AB", ["AB"]),
    ],
)
def test_a_pattern_of_java_matches_as_in_java(pattern: str, text: str, found: list[str]) -> None:
    assert [match[0] for match in compile_java(pattern, param="splitPattern").finditer(text)] == found


BY_PYTHON = "as far as it is taken here: ."
"""The reason is in words of Python's, which may change with its version."""


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", BY_PYTHON),
        ("[a", "a '\\[' has no '\\]'"),
        ("a\\", "ends with a backslash"),
        (r"\p{IsGreek}", r"the property \\p\{IsGreek\} is not taken"),
        (r"\G", r"the escape \\G is not taken"),
        (r"\X", r"the escape \\X is not taken"),
        ("[a&&b]", "classes have no '&&' here"),
        ("[a[^b]]", r"a class holds no '\[\^...\]' here"),
        ("(?<=a+)b", BY_PYTHON),
        ("(?u)a", BY_PYTHON),
        ("a{2,1}", BY_PYTHON),
    ],
)
def test_what_is_no_pattern_here_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"splitPattern is .*{reason}"):
        compile_java(pattern, param="splitPattern")


def test_a_pattern_that_is_no_string_is_refused() -> None:
    with pytest.raises(TypeError, match="targetPattern is 3, expected a regular expression, a string"):
        compile_java(3, param="targetPattern")
