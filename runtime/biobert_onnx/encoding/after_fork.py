"""Everything that a fork resets, before any thread of the forked process can use what the parent's threads had.

A fork copies locks as they are, held or not, but none of the threads that hold them.
"""

import os
import sys
from threading import Lock
from typing import Protocol
from weakref import WeakSet

PARALLELISM = "TOKENIZERS_PARALLELISM"
"""tokenizers' own switch for its threads."""


class _Resettable(Protocol):
    def begin_anew(self) -> None:
        """Forget what belongs to the parent; called in the forked process, which has one thread then."""


_living: "WeakSet[_Resettable]" = WeakSet()


def reset_after_fork(item: _Resettable) -> None:
    """Call `item.begin_anew` in every process forked from this one, as long as `item` lives."""
    _living.add(item)


def _begin_anew() -> None:
    for item in list(_living):
        item.begin_anew()


def _switch_tokenizers_threads_off() -> None:
    """Register hooks that switch tokenizers' threads off in forked processes, which its threads do not reach.

    tokenizers would do so itself there, but with a warning; it looks at its switch while the process is forked. Forks
    take turns: one that ends would else take the switch from another that has just begun.
    """
    one_fork = Lock()
    set_here: list[str] = []

    def before() -> None:
        one_fork.acquire()
        if PARALLELISM not in os.environ:
            os.environ[PARALLELISM] = "false"
            set_here.append(PARALLELISM)

    def in_parent() -> None:
        while set_here:
            os.environ.pop(set_here.pop(), None)
        one_fork.release()

    def in_child() -> None:
        set_here.clear()
        one_fork.release()

    if sys.platform != "win32":  # which has no forks
        os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_begin_anew)
    _switch_tokenizers_threads_off()
