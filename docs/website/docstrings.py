"""Docstrings, which are plain text with backticks, as Markdown."""

import re
from typing import Any

from griffe import Extension, Object

DOCTESTS = re.compile(r"(?:^ *>>> .*\n?(?:^ *\S.*\n?)*\n?)+", re.MULTILINE)
"""Examples, each up to an empty line."""

ARGUMENT = re.compile(r"(?:^|(?<=\. ))(?=`\w+`(?:(?:, | and )`\w+`)*: )", re.MULTILINE)
"""Where the description of an argument, or of several, begins: with a line or after a sentence."""

TAG = re.compile(r"(?P<code>^```[^`]*^```|^    .*|`[^`]*`)|<(?=[\w/])", re.MULTILINE)
"""What Markdown takes for a tag of HTML, and code, where it does not."""


def as_markdown(docstring: str) -> str:
    """Return `docstring` with doctests in fences, an item for each argument, and no tags of HTML."""
    fenced = DOCTESTS.sub(lambda match: f"```pycon\n{match[0].rstrip()}\n```\n\n", docstring)
    escaped = TAG.sub(lambda match: match["code"] or "&lt;", fenced)
    return ARGUMENT.sub("\n\n- ", escaped).strip()


class Docstrings(Extension):
    """Rewrites the docstring of every object that is documented."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of `obj`, once it is read."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
