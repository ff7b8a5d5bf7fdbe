"""The code of README.md and of the pages of docs/, in order, as a reader would run it."""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

PROJECT = Path(__file__).parents[2]
README = PROJECT / "README.md"
DOCS = PROJECT / "docs"
PAGES = [*sorted(PROJECT.glob("*.md")), *sorted(DOCS.glob("*.md")), PROJECT / "benchmarks" / "README.md"]
"""Every page of the project."""

RUN = ("python", "console")
"""Languages of blocks that are run as they stand; the others show what comes out, other files, or what to install."""

OTHER_PROGRAMS = {"python": sys.executable, "diff": "diff"}
"""The programs beside `biobert-onnx` that console blocks may call, and where each is."""

NUMBER = re.compile(r"-?\d+\.\d*")
CLOSE = 0.005
"""How far a number of an int8 graph may be from a page's: the half of a last digit, or another CPU's rounding."""

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
ROW = re.compile(r"^\| (?P<name>[^|]+) \| `(?P<code>[^`]+)` \|", re.MULTILINE)
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """`output` is what the page shows under the block, None if nothing; `reason` why it is not run, None if it is."""

    place: str
    heading: str
    language: str
    code: str
    output: str | None
    reason: str | None

    @property
    def commands(self) -> list[list[str]]:
        """The words of each line of a console block, without comments."""
        return [words for line in self.code.splitlines() if (words := shlex.split(line, comments=True))]


def blocks(page: Path) -> list[Block]:
    """The blocks of `page` that have a language."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            place=f"{page.name}:{text.count(chr(10), 0, match.start('code'))}",
            heading=["", *HEADING.findall(text, 0, match.start())][-1],
            language=match["language"],
            code=match["code"],
            output=after["code"] if after and after["language"] == "text" else None,
            reason=match["reason"],
        )
        for match, after in pairwise([*BLOCK.finditer(text), None])
        if match
    ]


def runnable_blocks(page: Path) -> list[Block]:
    """The blocks of `page` that are run or say why not."""
    return [block for block in blocks(page) if block.language in RUN]


def code_of_rows(page: Path) -> dict[str, str]:
    """The code in the second column of the tables of `page`, by the text of the first column."""
    return {row["name"].strip(): row["code"] for row in ROW.finditer(page.read_text(encoding="utf-8"))}


def call_program(words: list[str]) -> str:
    """What another program than `biobert-onnx` prints; it has to succeed."""
    program, *arguments = words
    command = [OTHER_PROGRAMS[program], *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def same_output(printed: str, shown: str) -> bool:
    """Whether two outputs are equal word for word, and close in their numbers with a decimal point."""
    texts = (printed, shown)
    words, other_words = (NUMBER.sub("#", text).split() for text in texts)
    numbers, other_numbers = ([float(number) for number in NUMBER.findall(text)] for text in texts)
    return words == other_words and all(
        abs(number - other) <= CLOSE for number, other in zip(numbers, other_numbers, strict=True)
    )
