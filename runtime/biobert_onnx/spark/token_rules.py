r"""The tokens of a text, as Spark NLP 5.5.3's Tokenizer finds them, by these rules:

| rule | what it does | example | tokens |
|---|---|---|---|
| break | a character outside `targetPattern`, a blank, ends a candidate | `in vivo` | `in` `vivo` |
| lead | context characters before a word are one token | `("EGFR` | `("` `EGFR` |
| trail | context characters behind a word are one token | `mice).` | `mice` `).` |
| inside | what lies between the first and the last other character is the word | `e.g.` `IL-2` | `e.g` `.` `IL-2` |
| no word | a candidate of context characters alone is one token | `...` | `...` |
| infix | with `infixPatterns`, each group of the first that matches is a token | `l'un` | `l'` `un` |
| exception | a candidate in which an exception is found is one token | `(e.g.,` | `(e.g.,` |
| blanks | an exception with blanks goes on to the end of its last candidate | `New York, NY` | `New York,` `NY` |
| cut | `splitPattern`, or else `splitChars`, cut tokens and are dropped | `a#b` | `a` `b` |
| length | tokens shorter than `minLength` or longer than `maxLength` are left out | `a bc` | `bc` |

Blanks are those of ASCII. The default rules take time in proportion to the text, whatever it holds; the user's own
regular expressions take the time that they take.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from biobert_onnx.spark.java_patterns import compile_java, compile_java_class

Span = tuple[int, int]
"""Where a token begins and ends in its text, in characters."""

TARGET_PATTERN = r"\S+"
CONTEXT_CHARS = (".", ",", ";", ":", "!", "?", "*", "-", "(", ")", '"', "'")
MAX_LENGTH = 99999

BREAK = "\u2187"
"""Spark NLP writes this character into the text where a candidate ends: one in the text ends candidates, too."""

PROTECTED = "\u2188"
"""Spark NLP writes this character in place of the blanks of an exception."""


CANDIDATE = re.compile(f"[^{BREAK}]+")
SPLIT_CHAR = re.compile(r"\\?[\W_]|.", re.ASCII | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class TokenRules:
    """The params of Spark NLP's Tokenizer, in Python's spelling; None where one without a default is not set.

    Patterns are regular expressions of Java, as `java_patterns` takes them.
    """

    target_pattern: str = TARGET_PATTERN
    context_chars: tuple[str, ...] = CONTEXT_CHARS
    prefix_pattern: str | None = None
    suffix_pattern: str | None = None
    infix_patterns: tuple[str, ...] | None = None
    exceptions: tuple[str, ...] = ()
    case_sensitive_exceptions: bool = True
    split_pattern: str | None = None
    split_chars: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int = MAX_LENGTH


class TokenFinder:
    r"""Finds the tokens of texts by one set of rules.

    >>> finder = TokenFinder(TokenRules())
    >>> [text[start:stop] for text in ["I hate cancer (e.g. PD-L1)."] for start, stop in finder.find(text)]
    ['I', 'hate', 'cancer', '(', 'e.g', '.', 'PD-L1', ').']
    """

    def __init__(self, rules: TokenRules) -> None:
        """Compile `rules`; raise TypeError or ValueError, which names the param, for a wrong one."""
        _check_characters("contextChars", rules.context_chars, re.compile(".", re.DOTALL), "one character each")
        _check_characters(
            "splitChars", rules.split_chars, SPLIT_CHAR, "one character each, or a backslash before a mark"
        )
        _check_lengths(rules)
        outside = "[^(?:", f"){PROTECTED}]"  # Spark NLP puts the pattern into a class, so its signs are characters
        self._breaks = compile_java_class(rules.target_pattern, param="targetPattern", within=outside)
        self._exceptions = [
            compile_java(_not_empty(each), param="exceptions", ignore_case=not rules.case_sensitive_exceptions)
            for each in rules.exceptions
        ]
        self._context = "".join(rules.context_chars)
        self._infixes = _infixes(rules)
        self._split = None if rules.split_pattern is None else compile_java(rules.split_pattern, param="splitPattern")
        characters = "|".join(re.escape(each[-1]) for each in rules.split_chars)
        self._split_chars = re.compile(characters) if characters else None
        self._lengths = range(max(1, rules.min_length), rules.max_length + 1)

    def find(self, text: str) -> list[Span]:
        """Return where each token of `text` begins and ends, in characters, in order."""
        marked = self._marked(text)
        return [
            (start, stop)
            for candidate in CANDIDATE.finditer(marked)
            for start, stop in self._tokens(candidate[0], candidate.start())
            if utf16_length(text[start:stop]) in self._lengths
        ]

    def _marked(self, text: str) -> str:
        """Return `text` with each blank replaced: by PROTECTED inside an exception, by BREAK elsewhere."""
        for exception in reversed(self._exceptions):
            text = exception.sub(lambda match: self._breaks.sub(PROTECTED, match[0]), text)
        return self._breaks.sub(BREAK, text)

    def _tokens(self, candidate: str, place: int) -> Iterator[Span]:
        """Yield the tokens of `candidate`, which stands at `place` of the text, empty ones among them."""
        parts = None if self._is_exception(candidate) else self._parts(candidate)
        if parts is None:
            yield place, place + len(candidate)
            return
        for start, stop in parts:
            for first, last in self._pieces(candidate[start:stop]):
                yield place + start + first, place + start + last

    def _is_exception(self, candidate: str) -> bool:
        if not self._exceptions:
            return False
        return PROTECTED in candidate or any(exception.search(candidate) for exception in self._exceptions)

    def _parts(self, candidate: str) -> list[Span] | None:
        """Return what leads the word, the word, and what trails it; None if no rule finds a word."""
        if self._infixes is None:
            lead = len(candidate) - len(candidate.lstrip(self._context))
            trail = len(candidate.rstrip(self._context))
            return [(0, lead), (lead, trail), (trail, len(candidate))] if lead < trail else None
        for infix in self._infixes:
            if match := infix.search(candidate):
                return [match.span(group) for group in range(1, infix.groups + 1)]
        return None

    def _pieces(self, token: str) -> list[Span]:
        """Return what is left of `token` where splitPattern cuts it or, if that cuts nothing, splitChars do.

        Empty pieces at the end do not count: splitPattern leaves a token whole that ends with its only match.
        """
        if self._split is not None and len(pieces := between(token, self._split)) > 1:
            return pieces
        return [(0, len(token))] if self._split_chars is None else between(token, self._split_chars)


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 units, which Spark NLP counts.

    >>> utf16_length("a😀")
    3
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _infixes(rules: TokenRules) -> list[re.Pattern[str]] | None:
    """Return the patterns of whole candidates, one for each infix pattern; None if the context characters suffice."""
    if rules.prefix_pattern is None and rules.suffix_pattern is None and rules.infix_patterns is None:
        return None
    context = "".join(f"\\{each}" if not each.isalnum() else each for each in rules.context_chars)
    prefix, suffix = rules.prefix_pattern, rules.suffix_pattern
    if prefix is None:
        prefix = rf"\A([{context}]*)" if context else r"\A()"
    elif not (isinstance(prefix, str) and prefix.startswith(r"\A")):
        raise ValueError(f"prefixPattern is {prefix!r}, expected a regular expression that begins with \\A")
    if suffix is None:
        suffix = rf"([{context}]*)\z" if context else r"()\z"
    elif not (isinstance(suffix, str) and suffix.endswith(r"\z")):
        raise ValueError(f"suffixPattern is {suffix!r}, expected a regular expression that ends with \\z")
    word = rf"([^{context}](?:(?s:.*)[^{context}])?)" if context else "((?s:.+))"
    for infix in rules.infix_patterns or ():
        if not isinstance(infix, str) or "(" not in infix or ")" not in infix:
            raise ValueError(f"infixPatterns has {infix!r}, expected groups: each '(...)' in it becomes a token")
    infixes = [word] if rules.infix_patterns is None else rules.infix_patterns
    compile_java(prefix, param="prefixPattern")
    compile_java(suffix, param="suffixPattern")
    return [compile_java(infix, param="infixPatterns", within=(prefix, suffix)) for infix in infixes]


def between(token: str, cutter: re.Pattern[str]) -> list[Span]:
    """Return what lies between the matches of `cutter`, as Java's `split` does: without empty pieces at the end."""
    pieces, start = [], 0
    for match in cutter.finditer(token):
        if match.end() > 0:
            pieces.append((start, match.start()))
            start = match.end()
    if start == 0:
        return [(0, len(token))]
    pieces.append((start, len(token)))
    while pieces and pieces[-1][0] == pieces[-1][1]:
        pieces.pop()
    return pieces


def _check_characters(param: str, values: Sequence[str], allowed: re.Pattern[str], expected: str) -> None:
    wrong = [value for value in values if not isinstance(value, str) or not allowed.fullmatch(value)]
    if wrong:
        raise ValueError(f"{param} has {wrong[0]!r}, expected {expected}")


def _check_lengths(rules: TokenRules) -> None:
    if rules.min_length < 0:
        raise ValueError(f"minLength is {rules.min_length}, expected 0 or more")
    if rules.max_length < rules.min_length:
        raise ValueError(f"maxLength is {rules.max_length}, expected minLength, {rules.min_length}, or more")


def _not_empty(exception: str) -> str:
    if exception == "":
        raise ValueError("exceptions has '', which is in every word: leave it out")
    return exception
