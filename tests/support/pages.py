"""The code blocks of README.md and of the pages of docs/, in order, as a reader would run them."""

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

PROJECT = Path(__file__).parents[2]
README = PROJECT / "README.md"
DOCS = PROJECT / "docs"

RUN = ("python", "console")
"""Languages of blocks that are run as they stand; the others show what comes out, or other files."""

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
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
