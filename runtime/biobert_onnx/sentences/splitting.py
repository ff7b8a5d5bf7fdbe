"""Sentences of a text, with their offsets."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from biobert_onnx.errors import short_repr
from biobert_onnx.sentences import biomedical, spark_nlp
from biobert_onnx.sentences.options import Options


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence and its place: `text` is `document[begin:end]`."""

    begin: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """`spans` finds the sentences of a text, not yet filtered; `length` is what its lengths count."""

    spans: Callable[[str, Options], Iterable[tuple[int, int]]]
    length: Callable[[str], int]


RULE_SETS = {
    "biomedical": RuleSet(spans=biomedical.spans, length=len),
    "spark-nlp": RuleSet(spans=spark_nlp.spans, length=spark_nlp.utf16_length),
}


def split(
    text: str,
    *,
    rules: str = "biomedical",
    abbreviations: bool = True,
    lists: bool = True,
    custom_bounds: Sequence[str] = (),
    custom_bounds_only: bool = False,
    custom_bounds_strategy: str = "none",
    split_length: int | None = None,
    min_length: int = 0,
    max_length: int | None = None,
) -> list[Sentence]:
    """Split `text` into sentences, in order; a blank text has none. Offsets count code points.

    `rules`: "biomedical", this project's, are made for reading. "spark-nlp" gives the sentences of Spark NLP's
    SentenceDetector. The options are that one's too:
    `abbreviations`: a known abbreviation does not end a sentence ("biomedical" knows 5,864, "spark-nlp" 52).
    `lists`: a list item begins a sentence.
    `custom_bounds`: regular expressions of Python's `re` whose matches bound sentences.
    `custom_bounds_only`: split at `custom_bounds` only.
    `custom_bounds_strategy`: what a bound matches belongs to no sentence ("none"), begins the next one ("prepend"), or
    ends the one before ("append").
    `split_length`: cut longer sentences between words; a longer word stays whole.
    `min_length`, `max_length`: leave shorter and longer sentences out.

    "biomedical": a blank line ends a sentence, a line that begins with a list marker begins one. Lengths count code
    points, and `\\s`, `\\w`, `\\d` in bounds all of Unicode. Sentences have no white space around them.
    "spark-nlp": lengths count UTF-16 units. `\\s`, `\\w`, `\\d` mean ASCII, as on the JVM. What `str.strip` takes off
    and the JVM's `trim` leaves (a no-break space) stays, and so do further blanks where `split_length` cuts.

    The time is in proportion to the length of the text, whatever it holds, unless custom bounds take more. For that,
    "biomedical" ends no sentence inside a run of more than 1,000 characters without white space, but near its ends.

    Raises TypeError for a text, a flag or bounds of another type; ValueError for lengths that are no whole numbers or
    too small, options that contradict each other, unknown `rules`, and a bound that is not a regular expression or
    matches the empty text; ModuleNotFoundError without the extra `sentences` ("biomedical" only).

    >>> [sentence.text for sentence in split("J. Biol. Chem. was read; all of it.", rules="spark-nlp")]
    ['J. Biol.', 'Chem.', 'was read;', 'all of it.']
    """
    if not isinstance(text, str):
        raise TypeError(f"text is {short_repr(text)}, of type {type(text).__name__}, expected a str")
    if not isinstance(rules, str) or rules not in RULE_SETS:
        raise ValueError(f"rules is {rules!r}, expected one of {', '.join(RULE_SETS)}")
    options = Options(
        abbreviations=abbreviations,
        lists=lists,
        custom_bounds=custom_bounds,
        custom_bounds_only=custom_bounds_only,
        custom_bounds_strategy=custom_bounds_strategy,
        split_length=split_length,
        min_length=min_length,
        max_length=max_length,
    )
    return _sentences(text, RULE_SETS[rules], options)


def _sentences(text: str, rules: RuleSet, options: Options) -> list[Sentence]:
    found = (Sentence(begin=begin, end=end, text=text[begin:end]) for begin, end in rules.spans(text, options))
    if not options.min_length and options.max_length is None:
        return list(found)
    longest = float("inf") if options.max_length is None else options.max_length
    return [sentence for sentence in found if options.min_length <= rules.length(sentence.text) <= longest]
