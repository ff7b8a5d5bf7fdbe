"""Custom bounds: regular expressions of the user, of which every match bounds a sentence."""

import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache


def matches(bounds: Sequence[re.Pattern[str]], text: str) -> Iterator[re.Match[str]]:
    """Yield the matches of all `bounds` in `text`, the leftmost first, no two of them on one character.

    Where two begin together, that of the bound which was named first counts.
    """
    upcoming = [bound.search(text) for bound in bounds]
    while found := min((match for match in upcoming if match), key=lambda match: match.start(), default=None):
        yield found
        upcoming = [
            _next(bound, match, found) if match and (match is found or match.start() < found.end()) else match
            for bound, match in zip(bounds, upcoming, strict=True)
        ]


def _next(bound: re.Pattern[str], match: re.Match[str], found: re.Match[str]) -> re.Match[str] | None:
    """Search `bound` after `found`; an empty match is not found again."""
    start = found.end() + (match is found and not found[0])
    return bound.search(found.string, start) if start <= len(found.string) else None


@lru_cache(maxsize=1024)
def compile_bound(bound: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Compile `bound`; raise ValueError if it is no regular expression of Python's or matches the empty text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of "[a&&b]" and "[[a]", which Java reads in another way
            compiled = re.compile(bound, flags)
    except (re.error, ValueError, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"the custom bound {bound!r} is not a regular expression ({error}): escape it") from error
    if compiled.match(""):
        raise ValueError(f"the custom bound {bound!r} matches the empty text: it would cut everywhere")
    return compiled
