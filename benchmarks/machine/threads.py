"""The threads of a process, from the kernel's own accounting (proc(5))."""

from contextlib import suppress
from pathlib import Path

ENDED = (FileNotFoundError, ProcessLookupError)
"""What the kernel says of a thread or a process that has ended."""


def read_of_threads(process: int | str, file: str) -> list[str]:
    """Return what /proc/`process`/task/THREAD/`file` holds for every thread; what ends meanwhile is left out."""
    found: list[str] = []
    with suppress(*ENDED):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with suppress(*ENDED):
                found.append((thread / file).read_text(encoding="utf-8"))
    return found
