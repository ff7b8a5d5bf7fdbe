"""The examples of docs/, to be run as they stand there."""

from pathlib import Path
from typing import Any

PAGES = Path(__file__).parents[2] / "docs"

PLACE = "biobert-v1.1-int8"
"""The artifact's folder in the examples."""

QUERY = "Aspirin prevents heart attacks"
"""What the examples look for."""


def example(page: str, heading: str, language: str) -> str:
    """The first block of `language` under `heading` of docs/`page`; raises ValueError if there is none."""
    _, _, section = (PAGES / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    _, fence, block = section.partition("\n## ")[0].partition(f"```{language}\n")
    if not fence:
        raise ValueError(f"docs/{page} has no block of {language} under {heading!r}")
    return block.partition("```")[0]


def run(code: str, **names: object) -> dict[str, Any]:
    """All names after the Python `code` ran with `names`."""
    exec(code, names)
    return names
