"""The errors of an export, which are ValueErrors, and how their messages list names."""

from collections.abc import Iterable

from biobert_onnx.errors import short_repr

MAX_NAMES = 5
"""Names that one message lists."""

MAX_NAME_CHARACTERS = 120
"""Characters of a name that a message shows whole."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be found or read, or whose architecture this project does not export."""


class CheckpointNotFoundError(CheckpointError):
    """A checkpoint that is not there: no folder, no archive, and no name of one on the Hub."""


class FidelityError(ValueError):
    """A graph whose vectors are not close enough to the float32 reference."""


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) <= MAX_NAME_CHARACTERS else short_repr(name)


def listed(names: Iterable[str]) -> str:
    """Return the first of the sorted `names`, and how many more there are.

    >>> listed({"b", "a"}), listed("abcdefg")
    ('a; b', 'a; b; c; d; e and 2 more')
    """
    ordered = [_shown(name) for name in sorted(names)]
    more = f" and {len(ordered) - MAX_NAMES} more" if len(ordered) > MAX_NAMES else ""
    return "; ".join(ordered[:MAX_NAMES]) + more
