"""Long runs of a text made short, so that the time of nupunkt, which grows with their square, stays in proportion."""

import re
from bisect import bisect_left
from dataclasses import dataclass

LONG = re.compile(r"\s{21,}|(?<!\S)\S{1001,}")
"""A run of white space, or of other characters, that is made short. No word is as long, no indented line as deep."""

BLANK_LINE = re.compile(r"\n[ \t\r\f\v]*\n")
"""What nupunkt takes for the end of a paragraph."""

INDENT = 12
"""The characters before a full stop in which nupunkt looks for the begin of its line."""

END = 500
"""The characters that stay at each end of a run without white space."""


@dataclass(frozen=True, kw_only=True)
class Shortened:
    """`text`, and where it was cut: what stands after `places[i]` stands `lost[i]` further on in the original."""

    text: str
    places: list[int]
    lost: list[int]

    def original(self, bound: int) -> int:
        """Return where `bound`, the begin or the end of a sentence of `text`, is in the original."""
        cut = bisect_left(self.places, bound)
        return bound + (self.lost[cut - 1] if cut else 0)


def shorten(text: str) -> Shortened:
    """Return `text` with its long runs made short: bounds of sentences in the rest stay the same.

    Of white space there stay its first character, a blank line or a line feed, if it has one, and the indent. Of other
    characters both ends stay: no sentence ends between them.
    """
    pieces: list[str] = []
    places: list[int] = []
    lost: list[int] = []
    used = length = 0
    for run in LONG.finditer(text):
        head, tail = ("", _white(run[0])) if run[0].isspace() else (run[0][:END], run[0][-END:])
        pieces += (text[used : run.start()], head, tail)
        length += run.start() - used + len(head)
        places.append(length)
        length += len(tail)
        lost.append(run.end() - length)
        used = run.end()
    return Shortened(text="".join((*pieces, text[used:])), places=places, lost=lost)


def _white(run: str) -> str:
    """Return what stays of a run of white space: what nupunkt looks at."""
    line = "\n\n" if BLANK_LINE.search(run) else "\n" if "\n" in run else ""
    return run[0].replace("\n", "") + line + run[run.rfind("\n") + 1 :][-INDENT:]
