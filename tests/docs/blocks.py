"""The code blocks of a page of docs/, in order, as a reader would run them."""

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs"

RUN = ("python", "console")
"""Languages of blocks that are run; the others show what comes out, or other files."""

BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """`output` is what the page shows under the block, None if nothing; `reason` why it is not run, None if it is."""

    place: str
    language: str
    code: str
    output: str | None
    reason: str | None

    @property
    def commands(self) -> list[list[str]]:
        """The words of each line of a console block, without comments."""
        return [words for line in self.code.splitlines() if (words := shlex.split(line, comments=True))]


def blocks(page: str) -> list[Block]:
    """The blocks of docs/`page` that are run or say why not."""
    text = (FOLDER / page).read_text(encoding="utf-8")
    found = BLOCK.finditer(text)
    return [
        Block(
            place=f"{page}:{text.count(chr(10), 0, match.start('code'))}",
            language=match["language"],
            code=match["code"],
            output=after["code"] if after and after["language"] == "text" else None,
            reason=match["reason"],
        )
        for match, after in pairwise([*found, None])
        if match and match["language"] in RUN
    ]
