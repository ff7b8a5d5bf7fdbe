"""The examples of docs/, to be run as they stand there."""

from typing import Any

from tests.support.pages import DOCS, blocks

PLACE = "biobert-v1.1-int8"
"""The artifact's folder in the examples."""

QUERY = "Aspirin prevents heart attacks"
"""What the examples look for."""


def example(page: str, heading: str, language: str) -> str:
    """The first block of `language` under `heading` of docs/`page`; raises ValueError if there is none."""
    for block in blocks(DOCS / page):
        if (block.heading, block.language) == (heading, language):
            return block.code
    raise ValueError(f"docs/{page} has no block of {language} under {heading!r}")


def run(code: str, **names: object) -> dict[str, Any]:
    """All names after the Python `code` ran with `names`."""
    exec(code, names)
    return names
