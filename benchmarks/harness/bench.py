"""The contenders of one subject, each with its record and its processes, taking turns in random order."""

import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.harness.subjects import Subject
from benchmarks.harness.worker import Worker, WorkerError
from benchmarks.peers.bounds import BOUNDS
from benchmarks.peers.contender import Contender
from benchmarks.peers.contenders import CONTENDERS

SEED = 3
"""Seeds the order of turns."""

SETTLE_S = 0.05
"""Seconds of rest before each turn, in which the threads of the contender before it stop spinning."""

ALL_ENTRIES = {**CONTENDERS, **BOUNDS}
"""Contenders and bounds, by name."""

Record = dict[str, Any]
Step = Callable[[str, Record], None]
"""Name and record of a contender -> nothing: measures it once and adds the samples to its record."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """The amount of work of a measurement.

    `corpus` and `fidelity` are numbers of texts, `length_tokens` the tokens that are encoded in texts of each length,
    `rounds` those of each measure, `starts` process starts, `corpus_sizes` the numbers of texts that this project's
    encoder gets in one call.
    """

    corpus: int
    fidelity: int
    length_tokens: int
    rounds: int
    starts: int
    corpus_sizes: tuple[int, ...]


class Bench:
    """Steps over contenders, in rounds; a contender that failed or was refused takes part in no further step.

    Use it as a context manager: leaving it ends every process.
    """

    def __init__(self, subject: Subject, names: Iterable[str], *, threads: int) -> None:
        """Make a bench on which nothing runs yet; `names` are keys of ALL_ENTRIES."""
        self.subject = subject
        self.threads = threads
        self.records: dict[str, Record] = {
            name: {"precision": ALL_ENTRIES[name].precision, "lacks": ALL_ENTRIES[name].lacks} for name in names
        }
        self._chance = random.Random(SEED)
        self._workers: dict[tuple[str, int, int], Worker] = {}

    def __enter__(self) -> Self:
        """Return the bench itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End every process."""
        for worker in self._workers.values():
            worker.end_input()
        for worker in self._workers.values():
            worker.close()

    def each(self, step: Step, names: Iterable[str], *, rounds: int = 1, title: str) -> None:
        """Take `step` with each of `names` in random order, `rounds` times."""
        chosen = [name for name in names if name in self.records]
        for number in range(rounds):
            for place, name in enumerate(self._chance.sample(chosen, len(chosen))):
                print_progress(
                    f"{self.subject.name}: {title}, round {number + 1}/{rounds}, {place + 1}/{len(chosen)}: {name}"
                )
                self._attempt(step, name)

    def _attempt(self, step: Step, name: str) -> None:
        record = self.records[name]
        if is_excluded(record):
            return
        time.sleep(SETTLE_S)
        try:
            step(name, record)
        except WorkerError as error:
            record["failure"] = str(error)[:300]

    def worker(self, name: str, *, streams: int = 1, threads: int | None = None) -> Worker:
        """Return the running process of contender `name` with these settings; the first call starts it."""
        key = (name, threads or self.threads, streams)
        if key not in self._workers:
            self._workers[key] = self.new_worker(name, streams=streams, threads=threads)
        return self._workers[key]

    def new_worker(self, name: str, *, streams: int = 1, threads: int | None = None) -> Worker:
        """Start a new process of contender `name`; the caller closes it."""
        python = ALL_ENTRIES[name].python or sys.executable
        return Worker(name, Path(self.subject.work), threads=threads or self.threads, streams=streams, python=python)


def is_excluded(record: Record) -> bool:
    """Tell whether the contender failed or was refused."""
    return "failure" in record or "refusal" in record


def stream_counts(contender: Contender, threads: int) -> tuple[int, ...]:
    """Return the numbers of streams to choose from."""
    return tuple(dict.fromkeys((1, threads))) if contender.streams else (1,)


def print_progress(message: str) -> None:
    """Print progress on stderr: one line that is written over on a terminal, else a line for each message."""
    line = f"{time.strftime('%H:%M:%S')} {message}"
    sys.stderr.write(f"\r\033[K{line}" if sys.stderr.isatty() else f"{line}\n")
    sys.stderr.flush()
