"""The errors and the warning of this package, and how their messages show a value."""

import reprlib

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 40

MAX_CHARACTERS = 60
"""Of a value in a message."""


class ArtifactError(ValueError):
    """An artifact folder is missing, incomplete, damaged or of another format."""


class BundleError(ValueError):
    """The zip could not be made: a dependency could not be had, or all is too large."""


class TruncationWarning(UserWarning):
    """Texts had more tokens than the encoder takes and were cut."""


def short_repr(value: object) -> str:
    """Return at most 60 characters of the value's repr.

    >>> short_repr("a" * 100)
    "'aaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaa'"
    """
    return _SHORT.repr(value)[:MAX_CHARACTERS]
