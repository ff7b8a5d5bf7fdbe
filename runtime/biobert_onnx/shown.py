"""Values as error messages show them: in a few characters, however large they are and however deep."""

import reprlib

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 40

LONGEST = 60


def shown(value: object) -> str:
    """At most 60 characters of the value's repr.

    >>> shown("a" * 100)
    "'aaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaa'"
    """
    return _SHORT.repr(value)[:LONGEST]
