"""Spark NLP's rules: each changes its example, their marks do not meet the text's characters, and time is linear."""

import time
from dataclasses import replace

import pytest

from biobert_onnx.sentences import spark_nlp, split
from biobert_onnx.sentences.options import Options
from biobert_onnx.sentences.spark_nlp import ABBREVIATIONS, CLOSE, ENDS, LISTS, NAMES, NUMBERS, OPEN, Rule

RULES = (*LISTS, *NUMBERS, *NAMES, *ABBREVIATIONS, *ENDS)


def texts_of(text: str, **options: object) -> list[str]:
    return [sentence.text for sentence in split(text, rules="spark-nlp", **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_example_of_a_rule_is_cut_where_it_shows(rule: Rule) -> None:
    assert texts_of(rule.example.replace(" | ", " "), lists=rule.lists) == rule.example.split(" | ")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_its_rule_an_example_is_cut_elsewhere(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [other for other in spark_nlp.rules(Options(lists=rule.lists)) if other is not rule]
    monkeypatch.setattr(spark_nlp, "rules", lambda options: kept)
    assert texts_of(rule.example.replace(" | ", " "), lists=rule.lists) != rule.example.split(" | ")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.sign], ids=lambda rule: rule.name)
def test_a_sign_is_in_every_text_in_which_its_rule_finds_something(rule: Rule) -> None:
    texts = [other.example.replace(" | ", " ") for other in RULES]
    texts += ["1. a", "12. a", "-3. a", " 4.) a", "a\n-12. b", "Vitamins-2.) a", "i.v.", "5 P.M.", "1.) a"]
    always = replace(rule, sign=None)
    assert all(rule.apply(text) == always.apply(text) for text in texts)
    assert any(always.apply(text) != text for text in texts)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Feb. 6 and OCT. 5, not Mayo. 7", ["Feb. 6 and OCT. 5, not Mayo.", "7"]),
        ("Feb. 6. It", ["Feb.", "6. It"]),
        ("Dr.Lee left. He, dr. Lee, came.", ["Dr.Lee left.", "He, dr. Lee, came."]),
        ("(It rose. It fell.) It ended.", ["(It rose. It fell.) It ended."]),
        ("(It rose: fast. It fell.) It ended.", ["(It rose: fast.", "It fell.", ") It ended."]),
        ("the cell's 'first. part' ended. It's 'b. c", ["the cell's 'first. part' ended.", "It's 'b.", "c"]),
        ("a “curly. one” ends.", ["a “curly.", "one” ends."]),
        ("Ende。次の文です。 Then.", ["Ende。次の文です。 Then."]),
        ("It was 5\u00a0p.m.\u00a0 Then.", ["It was 5\u00a0p.m.\u00a0 Then."]),
        ("a. \u00a0", ["a.", "\u00a0"]),
        (". ; ...", [".", ";", ".", ".", "."]),
        ("Wait.... Then", ["Wait.", "...", "Then"]),
        ("No? (ok? yes. no) It", ["No?", "(ok?", "yes.", "no) It"]),
        ("see a.p.m. now", ["see a.", "p.m. now"]),
        ("x\r\n1. one\r\n2. two", ["x", "1. one", "2. two"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rules_meet_as_they_do_in_spark_nlp(text: str, found: list[str]) -> None:
    assert texts_of(text) == found


def test_without_abbreviations_only_the_known_ones_end_a_sentence() -> None:
    text = "Dr. Lee gave it i.v. to E. coli."
    assert texts_of(text, abbreviations=False) == ["Dr.", "Lee gave it i.v. to E. coli."]


def test_without_lists_the_numbers_of_items_end_sentences() -> None:
    assert texts_of("Seen:\n1. fever\n2. cough", lists=False) == ["Seen:\n1.", "fever\n2.", "cough"]


def test_with_custom_bounds_abbreviations_come_before_numbers() -> None:
    assert texts_of("etc..5 mg") == ["etc.", ".5 mg"]
    assert texts_of("etc..5 mg", custom_bounds=["never"]) == ["etc..5 mg"]


@pytest.mark.parametrize(
    ("strategy", "found"),
    [
        ("none", ["one", "two.", "Three"]),
        ("prepend", ["one", "| two.", "Three"]),
        ("append", ["one |", "two.", "Three"]),
    ],
)
def test_the_text_of_a_custom_bound_goes_where_the_strategy_says(strategy: str, found: list[str]) -> None:
    options = {"custom_bounds": [r"\|"], "custom_bounds_strategy": strategy}
    assert texts_of("one | two. Three", **options) == found
    joined = [*found[:-2], " ".join(found[-2:])]
    assert texts_of("one | two. Three", custom_bounds_only=True, **options) == joined


def test_bounds_work_one_after_the_other_on_what_the_first_left() -> None:
    assert texts_of("a;b\n;c", custom_bounds=[";", r"[^a-z]"], custom_bounds_only=True) == ["a", "b", "c"]
    options = {"custom_bounds": [";", "b"], "custom_bounds_strategy": "append", "custom_bounds_only": True}
    assert texts_of("a;bc", **options) == ["a;", "b", "c"]


def test_bounds_know_the_white_space_and_letters_of_ascii_only() -> None:
    assert texts_of("a\u00a0b é", custom_bounds=[r"\s"], custom_bounds_only=True) == ["a\u00a0b", "é"]
    assert texts_of("aéb", custom_bounds=[r"\W"], custom_bounds_only=True) == ["a", "b"]


def test_lengths_count_utf16_units() -> None:
    assert texts_of("😀😀. abc.", min_length=5) == ["😀😀."]
    assert texts_of("😀😀. abc.", max_length=4) == ["abc."]
    assert texts_of("😀 😀 😀", split_length=5) == ["😀 😀", "😀"]


def test_long_sentences_are_cut_at_single_spaces() -> None:
    assert texts_of("aa bb  cc dddddddd ee\nff", split_length=5) == ["aa bb", " cc", "dddddddd", "ee\nff"]


def test_offsets_are_true_where_the_first_word_is_longer_than_split_length() -> None:
    (first, second) = split("Penicillin works.", rules="spark-nlp", split_length=5)
    assert (first.begin, first.end, second.begin, second.end) == (0, 10, 11, 17)


def test_a_text_that_holds_the_marks_is_split_as_if_they_were_other_characters() -> None:
    text = f'{OPEN} It rose. {CLOSE}"It fell. Now."'
    assert texts_of(text) == [f"{OPEN} It rose.", f'{CLOSE}"It fell. Now."']


HOSTILE = (
    *(".", "(", "[", '"', "'", "1", " ", "a", "\n", "!", "?!", ";", "é"),
    *(" 'a", "' ", "(a ", "[a", '"a', " 1. ", "s-1.)", "a.", "p.m", "p. ", "dr.", "... ", ".\n ", "A. ", "(a", "°. "),
    "a' ;s-1.)'a ? ",
)
SHORT, LONG = 4_000, 32_000


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_a_text_of_eight_times_the_length_takes_no_more_than_some_eight_times_as_long(piece: str) -> None:
    """Quadratic time would be 64 times as long."""
    short, long = (min(seconds_of((piece * length)[:length]) for _ in range(2)) for length in (SHORT, LONG))
    assert long < 30 * short


def seconds_of(text: str) -> float:
    start = time.process_time()
    split(text, rules="spark-nlp")
    return time.process_time() - start
