"""What has to begin anew in a forked process, before any thread of it can use what the parent's threads had.

A fork copies locks as they are, held or not, but none of the threads that hold them.
"""

import os
from typing import Protocol
from weakref import WeakSet


class _Forked(Protocol):
    def begin_anew(self) -> None:
        """Forget what belongs to the parent; called in the forked process, which has one thread then."""


_living: "WeakSet[_Forked]" = WeakSet()


def begin_anew_after_forks(item: _Forked) -> None:
    """Call `item.begin_anew` in every process forked from this one, as long as `item` lives."""
    _living.add(item)


def _in_child() -> None:
    for item in list(_living):
        item.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
