r"""Regular expressions in Java's spelling, which Spark NLP's params hold, compiled as Python's.

Taken are, beside what both spell alike: the general categories of Unicode, as `\p{L}`, `\p{IsAlphabetic}` and a few
more properties, the ASCII classes `\p{Alpha}`, `\p{Punct}`, ...; `\z`, `\Z`, `\h`, `\v`, `\R`, `\e`; `\Q...\E`; a
class in a class, which adds to it; named groups; and flags at the start, `(?i)`. As in Java, `\w`, `\d`, `\s` and
`(?i)` know ASCII alone. Not taken: scripts and blocks (`\p{IsGreek}`), `&&` and `[^...]` in a class, `\G`, `\X`, octal
and control escapes, and look-behind of several lengths.
"""

import re
import sys
import unicodedata
from functools import cache

ITEM = re.compile(
    r"""\\Q(?P<quoted>.*?)(?:\\E|\Z)
    | \\(?P<case>[pP])(?:\{(?P<property>\w+)\}|(?P<letter>[A-Z]))
    | \\k<(?P<back>\w+)>
    | \\(?P<escape>.)
    | \(\?<(?P<group>[A-Za-z]\w*)>
    | (?P<class>\[\^?)
    | (?P<other>[^\\])""",
    re.DOTALL | re.VERBOSE,
)
"""One item of a pattern."""

ESCAPES = {
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "e": r"\x1b",
    "h": r"[ \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]",
    "v": r"[\n\x0b\f\r\x85\u2028\u2029]",
    "R": r"(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
}
"""Java's escapes that Python spells otherwise."""

SHARED_ESCAPES = frozenset("AbBdDsSwWtnrfaxu123456789")
"""Escapes of a letter or digit that mean the same in both; Python itself refuses in a class those that Java does."""

ASCII_CLASSES = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r" \t\n\x0b\f\r",
}
"""The POSIX classes of java.util.regex.Pattern."""

PROPERTIES = {
    "IsAlphabetic": "L",
    "IsLetter": "L",
    "IsDigit": "Nd",
    "IsLowercase": "Ll",
    "IsUppercase": "Lu",
    "IsPunctuation": "P",
}
"""The general category that stands for each of these properties; Alphabetic has some marks and numerals more."""

CATEGORIES = re.compile("L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfson]?")
"""Unicode's general categories, and their first letters, which stand for all of a kind."""


def compile_java(
    pattern: object, *, param: str, within: tuple[str, str] = ("", ""), ignore_case: bool = False
) -> re.Pattern[str]:
    """Return `pattern`, between the two of `within`, compiled; all are in Java's spelling, `param` names it in errors.

    Raises TypeError for what is no string, ValueError for what is no regular expression, or none that is taken here.

    >>> compile_java(r"[[a-z]\\p{Lu}]+\\z", param="targetPattern").search("1aÄÖ")[0]
    'aÄÖ'
    """
    if not isinstance(pattern, str):
        raise TypeError(f"{param} is {pattern!r}, expected a regular expression, a string")
    before, after = within
    flags = re.ASCII | (re.IGNORECASE if ignore_case else 0)
    try:
        return re.compile(_translated(f"{before}{pattern}{after}"), flags)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        raise ValueError(
            f"{param} is {pattern!r}, expected a regular expression of Java, as far as it is taken here: {error}"
        ) from error


def compile_java_class(items: object, *, param: str, within: tuple[str, str]) -> re.Pattern[str]:
    """Return the class that is spelled by `items` between the two of `within`; errors are those of `compile_java`."""
    compiled = compile_java(items, param=param, within=within)
    whole = str(items).join(within)
    if _class(whole, 0)[1] != len(whole):
        raise ValueError(f"{param} is {items!r}, expected what a character class holds: write a ']' in it as '\\]'")
    return compiled


def _translated(pattern: str) -> str:
    """Return Python's spelling of Java's `pattern`."""
    place = 0
    parts = []
    while place < len(pattern):
        part, place = _item(pattern, place)
        parts.append(part)
    return "".join(parts)


def _item(pattern: str, place: int) -> tuple[str, int]:
    """Return Python's spelling of the item at `place`, and where the next one begins."""
    item = ITEM.match(pattern, place)
    if item is None:
        raise ValueError("it ends with a backslash")
    if item["class"]:
        return _class(pattern, place)
    if item["quoted"] is not None:
        return re.escape(item["quoted"]), item.end()
    if item["case"]:
        return f"[{_property(item)}]", item.end()
    if item["back"]:
        return f"(?P={item['back']})", item.end()
    if item["group"]:
        return f"(?P<{item['group']}>", item.end()
    if item["escape"]:
        return ESCAPES.get(item["escape"]) or _escape(item["escape"]), item.end()
    return item["other"], item.end()


def _class(pattern: str, place: int) -> tuple[str, int]:
    """Return Python's spelling of the character class at `place`, and where it ends."""
    opening = "[^" if pattern.startswith("[^", place) else "["
    items, place = _class_items(pattern, place + len(opening))
    return f"{opening}{items}]", place


def _class_items(pattern: str, place: int) -> tuple[str, int]:
    """Return the items of a class from `place` on, those of classes in it among them, and where it ends."""
    parts: list[str] = []
    start = place
    while place < len(pattern) and (pattern[place] != "]" or place == start):
        if pattern.startswith("&&", place):
            raise ValueError("classes have no '&&' here: write out what the class has")
        item = ITEM.match(pattern, place)
        if item is None:
            break
        place = item.end()
        if item["class"] == "[^":
            raise ValueError("a class holds no '[^...]' here: write out what it has")
        if item["class"]:
            inner, place = _class_items(pattern, place)
            parts.append(inner)
        else:
            part = _class_item(item)
            parts.append(r"\-" if part == "-" and parts[-1:] == ["-"] else part)
    if place >= len(pattern):
        raise ValueError("a '[' has no ']'")
    return "".join(parts), place + 1


def _class_item(item: re.Match[str]) -> str:
    if item["quoted"] is not None:
        return re.escape(item["quoted"])
    if item["case"]:
        return _property(item)
    if item["escape"] in ("h", "v"):
        return ESCAPES[item["escape"]][1:-1]
    if item["escape"]:
        return _escape(item["escape"])
    return item[0] if item[0] == "-" else re.escape(item[0])


def _escape(character: str) -> str:
    if character.isascii() and character.isalnum() and character not in SHARED_ESCAPES:
        raise ValueError(f"the escape \\{character} is not taken")
    return "\\" + character


def _property(item: re.Match[str]) -> str:
    r"""Return the ranges of `\p{...}` or `\P{...}`, as a class holds them."""
    name = item["property"] or item["letter"]
    if name in ASCII_CLASSES and item["case"] == "p":
        return ASCII_CLASSES[name]
    category = PROPERTIES.get(name, name.removeprefix("Is"))
    if name not in ASCII_CLASSES and not CATEGORIES.fullmatch(category):
        raise ValueError(f"the property {item[0]} is not taken")
    return _ranges(name if name in ASCII_CLASSES else category, negated=item["case"] == "P")


@cache
def _ranges(name: str, *, negated: bool) -> str:
    """Return the code points of an ASCII class or a category, or those outside it, as ranges: 0.2 s for the first."""
    codes = range(sys.maxunicode + 1)
    if name in ASCII_CLASSES:
        ascii_class = re.compile(f"[{ASCII_CLASSES[name]}]")
        inside = [ascii_class.match(chr(code)) is not None for code in codes]
    else:
        inside = [unicodedata.category(chr(code)).startswith(name) for code in codes]
    edges = [code for code in codes if (inside[code] != negated) != (code > 0 and inside[code - 1] != negated)]
    starts, ends = edges[::2], [*edges[1::2], *([sys.maxunicode + 1] if len(edges) % 2 else [])]
    return "".join(f"\\U{start:08x}-\\U{end - 1:08x}" for start, end in zip(starts, ends, strict=True))
