r"""Spark NLP's rules: the sentences of its SentenceDetector (5.5.3), character for character, in linear time.

Every full stop and semicolon ends a sentence unless a rule says otherwise. The rules are the tables below, each with an
example in which " | " shows the cuts. They work on a copy of the text, one after the other, and leave marks in it:

- `HELD` stands for a full stop that ends nothing. Later rules no longer see a stop there.
- `BREAK` is a place where a sentence ends; `BOUND` is a character that a custom bound takes out.
- `OPEN` and `CLOSE` stand around a shielded part. A place is shielded if the next of these two marks after it is a
  CLOSE: so a part that is shielded within another one ends the shield of what stands before it.

Rules see the marks of the rules before them as characters: neither white space nor letters. So their order counts.

Not followed is what loses offsets. Spark NLP's own marks are characters that texts may have (U+F050 to U+F057, ╔ ╞ ╟ ╤
╥ ╦). It looks for a sentence from the end of the one before on, and may find an equal text in what a custom bound took
out. Where a sentence's first word is longer than `split_length`, its offsets are off by one.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from biobert_onnx.sentences.custom_bounds import compile_bound
from biobert_onnx.sentences.options import Options

BREAK, OPEN, CLOSE, HELD, BOUND = "\ud800", "\ud801", "\ud802", "\ud803", "\ud804"
"""The marks: lone surrogates, which no text has that was ever encoded. BREAK, OPEN and CLOSE are put between the
characters of the text, HELD and BOUND take the place of one."""

IN_TEXT = re.compile(f"[{BREAK}-{BOUND}]")
PLACES = re.compile(f"[{BREAK}{OPEN}{CLOSE}{BOUND}]")
BLANKS = "".join(map(chr, range(0x21)))
"""What the JVM's `trim` takes off: space and everything below."""

Effect = str | Callable[[re.Match[str]], str]
"""What takes the place of a match, for `re.sub`."""


def _shield(match: re.Match[str]) -> str:
    return match[0] if match.lastgroup == "unclosed" else f"{OPEN}{match[0]}{CLOSE}"


HOLD: Effect = HELD
SHIELD: Effect = _shield
BEGIN_AND_SHIELD: Effect = rf"{BREAK}{OPEN}\g<0>{CLOSE}"
HOLD_THREE_AND_END: Effect = HELD * 3 + BREAK

TITLES = ("dr", "mr", "ms", "mt", "prof", "st")
NUMBER_WORDS = ("no", "p", "px")
ABBREVIATED = (
    *("adj", "aug", "bros", "btw", "co", "col", "corp", "cpl", "dec", "del", "dept", "dist", "dr", "e.g", "etc", "exp"),
    *("feb", "fy", "hr", "i.e", "id", "inc", "jan", "jr", "jul", "jun", "lt", "ltd", "mar", "may", "min", "mr", "mrs"),
    *("ms", "no", "nov", "oct", "ok", "p", "plz", "prof", "px", "rep", "sec", "sep", "sept", "sr", "st", "u.s", "ver"),
    "vs",
)
"""The abbreviations that Spark NLP knows, in small letters and capitals. A stop in them stands for any character."""

START_OF_WORD = r"(?u:(?<![^\W²³¹¼-¾⁰⁴-⁹₀-₉⅐-ↂↅ-↉①-⒛⓪-⓿❶-➓〇])(?<![\u0300-\u036f]))"
"""Java's `\\b` before a letter: unlike its `\\w`, it knows the letters and digits of all scripts (until Java 18)."""


def _after(words: Sequence[str], *, starts: Sequence[str] = (r"\s", r"\A")) -> str:
    """Return a pattern of a full stop after one of `words` that white space, or the start of the text, is before."""
    lengths = sorted({len(word) for word in words})
    alternatives = [
        "|".join(word.replace(".", r"[^\n\r\x85\u2028\u2029]") for word in words if len(word) == length)
        for length in lengths
    ]
    behind = "|".join(rf"(?<={start}(?:{group})\.)" for start in starts for group in alternatives)
    return rf"\.(?i:{behind})"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a rule finds, what it does there, and a text that would be cut elsewhere without it.

    A pattern begins with a character that is rare in texts (`\\.(?<=a\\.)` for `(?<=a)\\.`), or else `sign` does: a
    pattern without which the rule finds nothing. This is for speed: a rare character is found quickly.
    """

    name: str
    pattern: re.Pattern[str]
    effect: Effect
    sign: re.Pattern[str] | None
    example: str
    lists: bool
    """That option of `split` for the example."""

    def apply(self, marked: str) -> str:
        """Return `marked` with the marks of this rule."""
        if self.sign and not self.sign.search(marked):
            return marked
        return self.pattern.sub(self.effect, marked)


def _rule(
    name: str, pattern: str, effect: Effect, example: str, *, sign: str | None = None, lists: bool = True
) -> Rule:
    return Rule(
        name=name,
        pattern=re.compile(pattern, re.ASCII),
        effect=effect,
        sign=re.compile(sign, re.ASCII) if sign else None,
        example=example,
        lists=lists,
    )


LISTS = (
    _rule("letters in parentheses", r"\([a-z]+\)", BEGIN_AND_SHIELD, "We saw | (a) fever and | (b) cough."),
    _rule(
        "a number with a stop",
        r"(?:\s|\A)-?\d{1,2}\.\s",
        BEGIN_AND_SHIELD,
        "We saw | 1. Fever, | 2. Cough.",
        sign=r"\.(?:(?<=[\s-]\d\.)|(?<=[\s-]\d\d\.)|(?<=\A\d\.)|(?<=\A\d\d\.))\s",
    ),
    _rule(
        "a number with a stop and a parenthesis",
        r"(?:\s|\A)\d{1,2}\.\)",
        BEGIN_AND_SHIELD,
        "We saw | 1.) Fever | 2.) Cough",
        sign=r"\.(?<=\d\.)\)",
    ),
    _rule(
        "a number after s and a hyphen",
        r"s-\d{1,2}\.\)",
        BEGIN_AND_SHIELD,
        "Vitamin | s-2.) fell",
        sign=r"\.(?<=\d\.)\)",
    ),
    _rule("a number after a hyphen that begins the text", r"\A-\d{1,2}.\)", BEGIN_AND_SHIELD, "-1;) Fever"),
)
"""List items begin a sentence, and their own stop does not end it."""

NUMBERS = (
    _rule("a stop before a digit", r"\.(?=\d)", HOLD, "Take .5 mg. | Then rest."),
    _rule("a stop after a digit, before no white space", r"\.(?<=\d\.)(?=\S)", HOLD, "It cost 5.- a day."),
    _rule(
        "a stop after the number that begins the text",
        r"\.(?:(?<=\A\d\.)|(?<=\A\d\d\.))(?=\s\S)",
        HOLD,
        "12. Fever. | 13. | Cough.",
        lists=False,
    ),
)

NAMES = (
    _rule(
        "letters with stops between them, and the last stop unless a capital follows",
        START_OF_WORD + r"[a-zA-Z](?:\.[a-zA-Z])++(?:\.(?!\s[A-Z]))*+",
        SHIELD,
        "Given i.v. for days, then p.o. | The patient left.",
        sign=r"\.(?<=[a-zA-Z]\.)[a-zA-Z]",
    ),
    _rule("a.m. and p.m.", r"[aApP]\.[mM]\.*+", SHIELD, "Seen at 5p.m. He left.", sign=r"\.(?<=[aApP]\.)[mM]"),
    _rule("a stop before a possessive", r"\.(?='s(?:\s|\$|\Z))", HOLD, "Lee jr.'s plan worked."),
    _rule("Co. KG", r"\.(?<=Co\.)(?=\sKG)", HOLD, "It is made by Meyer Co. KG now."),
    _rule(
        "a stop after a single capital",
        r"\.(?:(?<=\s[A-Z]\.)|(?<=\A[A-Z]\.))(?=\s)",
        HOLD,
        "E. coli and S. aureus grew.",
    ),
)

ABBREVIATIONS = (
    _rule("a title", _after(TITLES) + r"(?=\s)", HOLD, "Dr. Lee left. | He came."),
    _rule("a title before a number in a tag", _after(TITLES) + r"(?=:\d)", HOLD, "See Mt.:5 there."),
    _rule("a number word before a parenthesis", _after(NUMBER_WORDS) + r"(?=\s+\()", HOLD, "See p. (5) there."),
    _rule(
        "an abbreviation in a sentence",
        _after(ABBREVIATED) + r"(?=[.:?,]|\s(?:[a-z\d]|I\s|I'm|I'll))",
        HOLD,
        "Use insulin vs. placebo. | Use saline etc. | Then rest.",
    ),
    _rule(
        "an abbreviation before a hyphen",
        _after(ABBREVIATED, starts=(r"\s",)) + r"(?=-)",
        HOLD,
        "Every min.-dose was given.",
    ),
)
"""The rules that `abbreviations=False` leaves out."""

ENDS = (
    _rule("! before white space", r"!(?<=\S!)(?=\s|\$|\Z)", "!" + BREAK, "Fever?! | It was A!B."),
    _rule("? before white space", r"\?(?<=\S\?)(?=\s|\$|\Z)", "?" + BREAK, "Fever? | It was A?B."),
    _rule("a stop between letters", r"\.(?<=\w\.)(?=\w)", HOLD, "See nature.com there. | Then rest."),
    _rule("a stop after a degree sign", r"\.(?<=[A-z]°\.)(?=\s*+\d)", HOLD, "At N°. 5 it was."),
    _rule("three stops before a capital", r"\.\.\.(?=\s+[A-Z])", HOLD_THREE_AND_END, "It rose... | Then it fell."),
    _rule(
        "single quotes that open after white space",
        r"'(?<!\S')(?:[\w\s?!.,|']+'\W|(?P<unclosed>[\w\s?!.,|']++))",
        SHIELD,
        "He said 'Yes. No.' and left.",
    ),
    _rule("double quotes", r'"[\w\s?!.,]++"', SHIELD, 'He said "Yes. No." and left.'),
    _rule("brackets", r"\[[\w\s?!.,]++\]", SHIELD, "It [see Fig. two] rose."),
    _rule("parentheses", r"\([\w\s?!.,]++\)", SHIELD, "It rose (cf. Fig. 2) and fell."),
    _rule("a full stop", r"\.", "." + BREAK, "It rose. | It fell."),
    _rule("a semicolon", ";", ";" + BREAK, "It rose; | it fell."),
)


def spans(text: str, options: Options) -> Iterator[tuple[int, int]]:
    """Yield the sentences of `text`, begin and end, without the JVM's white space around them."""
    marked = IN_TEXT.sub("\ufffd", text)
    for bound in options.custom_bounds:
        marked = compile_bound(bound, re.ASCII).sub(BOUND_EFFECTS[options.custom_bounds_strategy], marked)
    for rule in rules(options):
        marked = rule.apply(marked)
    found = _between(_cuts(marked), text)
    return found if options.split_length is None else _cut(text, found, options.split_length)


def rules(options: Options) -> Iterator[Rule]:
    """Yield the rules in their order. With custom bounds, numbers come after names and abbreviations."""
    if options.custom_bounds_only:
        return
    names = (*NAMES, *(ABBREVIATIONS if options.abbreviations else ()))
    yield from LISTS if options.lists else ()
    yield from (*names, *NUMBERS) if options.custom_bounds else (*NUMBERS, *names)
    yield from ENDS


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 units, as the JVM counts it."""
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


def _bound(match: re.Match[str]) -> str:
    """Return a BOUND for each character of the text in `match`, or a BREAK if there is none."""
    return BOUND * (len(match[0]) - match[0].count(BREAK)) or BREAK


BOUND_EFFECTS: dict[str, Effect] = {"none": _bound, "prepend": rf"{BREAK}\g<0>", "append": rf"\g<0>{BREAK}"}
"""By `custom_bounds_strategy`: what becomes of a match of a custom bound."""


def _cuts(marked: str) -> Iterator[tuple[int, int]]:
    """Yield the places in the text, begin and end, that belong to no sentence: empty ones, and custom bounds."""
    between = 0
    waiting: list[tuple[int, int]] = []
    for match in PLACES.finditer(marked):
        mark, place = match[0], match.start() - between
        between += mark != BOUND
        if mark in (BREAK, BOUND):
            waiting.append((place, place + (mark == BOUND)))
            continue
        if mark == OPEN:
            yield from waiting
        waiting.clear()
    yield from waiting


def _between(cuts: Iterator[tuple[int, int]], text: str) -> Iterator[tuple[int, int]]:
    """Yield what `cuts` leave of `text`, without blanks around it; blank pieces are left out."""
    start = 0
    for stop, following in (*cuts, (len(text), len(text))):
        piece = text[start:stop].lstrip(BLANKS)
        if piece:
            yield stop - len(piece), stop - len(piece) + len(piece.rstrip(BLANKS))
        start = following


def _cut(text: str, spans: Iterator[tuple[int, int]], length: int) -> Iterator[tuple[int, int]]:
    """Cut spans that are longer than `length` at spaces, each of which is a word's end: two enclose an empty word."""
    for begin, end in spans:
        first = place = begin
        used = 0
        for word in text[begin:end].split(" "):
            units = utf16_length(word)
            if used and used + units > length:
                if place - 1 > first:
                    yield first, place - 1
                first, used = place, 0
            used += units + 1
            place += len(word) + 1
        if end > first:
            yield first, end
