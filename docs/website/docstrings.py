"""Docstrings, which are plain text with backticks, as Markdown: doctests become code, lines of arguments a list."""

import re
from typing import Any

from griffe import Extension, Object

DOCTEST = re.compile(r"(?:^ *>>> .*\n?(?:^ *\S.*\n?)*\n?)+", re.MULTILINE)
"""Examples, each up to an empty line."""

ARGUMENT = re.compile(r"^(?=`\w+`(?:, `\w+`)*: )", re.MULTILINE)


def as_markdown(docstring: str) -> str:
    """Return `docstring` with its doctests in fences and an item for each line that begins with "`name`: "."""
    fenced = DOCTEST.sub(lambda match: f"```pycon\n{match[0].rstrip()}\n```\n\n", docstring)
    return ARGUMENT.sub("\n- ", fenced).rstrip()


class Docstrings(Extension):
    """Rewrites the docstring of every object that is documented."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of `obj`, once it is read."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
