"""The errors of an export, which are ValueErrors, and how their messages list names."""

from collections.abc import Iterable

MAX_NAMES = 5
"""Names that one message lists."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be found or read, or whose architecture this project does not export."""


class CheckpointNotFoundError(CheckpointError):
    """A checkpoint that is not there: no folder, no archive, and no name of one on the Hub."""


class FidelityError(ValueError):
    """A graph whose vectors are not close enough to the float32 reference."""


def listed(names: Iterable[str]) -> str:
    """Return the first of the sorted `names`, and how many more there are.

    >>> listed({"b", "a"}), listed("abcdefg")
    ('a; b', 'a; b; c; d; e and 2 more')
    """
    ordered = sorted(names)
    more = f" and {len(ordered) - MAX_NAMES} more" if len(ordered) > MAX_NAMES else ""
    return "; ".join(ordered[:MAX_NAMES]) + more
