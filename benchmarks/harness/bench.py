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

SETTLE_S = 0.05
"""Seconds of rest before each turn, in which the threads of the one before stop spinning."""

ENTRIES = {**CONTENDERS, **BOUNDS}

Record = dict[str, Any]
Step = Callable[[str, Record], None]
"""Measures one contender once and adds what it found to its record."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured: texts of the corpus and of the fidelity check, tokens for each length, rounds of each
    measure, process starts, and the corpus sizes that this project's encoder is taken through."""

    corpus: int
    fidelity: int
    length_tokens: int
    rounds: int
    starts: int
    corpus_sizes: tuple[int, ...]


class Bench:
    """Runs steps over contenders; a contender that failed or was refused takes part in no further step.

    Use it as a context manager: leaving it ends every process.
    """

    def __init__(self, subject: Subject, names: Iterable[str], *, threads: int) -> None:
        """Nothing runs yet; `names` are of ENTRIES."""
        self.subject = subject
        self.threads = threads
        self.records: dict[str, Record] = {
            name: {"precision": ENTRIES[name].precision, "lacks": ENTRIES[name].lacks} for name in names
        }
        self._chance = random.Random(SEED)
        self._workers: dict[tuple[str, int, int], Worker] = {}

    def __enter__(self) -> Self:
        """The bench itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End every process."""
        for worker in self._workers.values():
            worker.dismiss()
        for worker in self._workers.values():
            worker.close()

    def each(self, step: Step, names: Iterable[str], *, rounds: int = 1, title: str) -> None:
        """Take `step` with each of `names` in random order, `rounds` times."""
        chosen = [name for name in names if name in self.records]
        for number in range(rounds):
            for place, name in enumerate(self._chance.sample(chosen, len(chosen))):
                say(f"{self.subject.name}: {title}, round {number + 1}/{rounds}, {place + 1}/{len(chosen)}: {name}")
                self._attempt(step, name)

    def _attempt(self, step: Step, name: str) -> None:
        record = self.records[name]
        if is_out(record):
            return
        time.sleep(SETTLE_S)
        try:
            step(name, record)
        except WorkerError as error:
            record["failure"] = str(error)[:300]

    def worker(self, name: str, *, streams: int = 1, threads: int | None = None) -> Worker:
        """The running process of contender `name` with these settings, started at the first call."""
        key = (name, threads or self.threads, streams)
        if key not in self._workers:
            self._workers[key] = self.new_worker(name, streams=streams, threads=threads)
        return self._workers[key]

    def new_worker(self, name: str, *, streams: int = 1, threads: int | None = None) -> Worker:
        """A new process of contender `name`; the caller closes it."""
        return Worker(name, Path(self.subject.work), threads=threads or self.threads, streams=streams)


def is_out(record: Record) -> bool:
    """Whether the contender failed or was refused."""
    return "failure" in record or "refusal" in record


def stream_counts(contender: Contender, threads: int) -> tuple[int, ...]:
    """The numbers of streams to choose from."""
    return tuple(dict.fromkeys((1, threads))) if contender.streams else (1,)


def say(message: str) -> None:
    """Tell the progress on stderr: one line that is written over on a terminal, else a line each."""
    line = f"{time.strftime('%H:%M:%S')} {message}"
    sys.stderr.write(f"\r\033[K{line}" if sys.stderr.isatty() else f"{line}\n")
    sys.stderr.flush()
