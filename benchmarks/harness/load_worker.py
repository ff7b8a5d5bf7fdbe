"""One process of `benchmarks.load`: many threads call one encoder, others are opened, closed and forked, until SIGTERM.

    python -m benchmarks.harness.load_worker ARTIFACT TEXTS VECTORS THREADS

Every vector is compared bit by bit with that of VECTORS. The first line on stdout comes when the work begins, the last
one is what was done, in JSON; the process ends with 143, as shells have it for SIGTERM.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

import numpy as np

from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray

TERMINATED = 128 + signal.SIGTERM

FORK_EVERY_S = 15.0
HUNG_S = 60
"""Seconds after which a forked process that has not ended is ended, and counted as hung."""

SETTLING_S = 0.5

SIZES = (1, 1, 2, 40)
"""Texts in one call: lone ones, which take all threads, and more than one micro-batch."""

Call = Callable[[SentenceEncoder, list[str]], FloatArray]


def awaited(encoder: SentenceEncoder, texts: list[str]) -> FloatArray:
    """The vectors of `texts`, from `aencode` on an event loop of its own."""
    return asyncio.run(encoder.aencode(texts))


def streamed(encoder: SentenceEncoder, texts: list[str]) -> FloatArray:
    """The vectors of `texts`, from `encode_stream` in arrays of 16."""
    return np.concatenate(list(encoder.encode_stream(texts, chunk_size=16)))


CALLS: tuple[Call, ...] = (SentenceEncoder.encode, SentenceEncoder.encode, awaited, streamed)


@dataclass(kw_only=True)
class Tally:
    """What one thread did."""

    calls: int = 0
    rows: int = 0
    wrong_rows: int = 0
    opened: int = 0
    forks: int = 0
    wrong_forks: int = 0
    hung_forks: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(**{name: count + getattr(other, name) for name, count in asdict(self).items()})


class Work:
    """The texts, their vectors, and the ways to try an encoder on them."""

    def __init__(self, texts: list[str], vectors: FloatArray) -> None:
        self._texts, self._vectors = texts, vectors

    def call(self, encoder: SentenceEncoder, chance: random.Random, tally: Tally) -> None:
        """Encode some texts in some way, and count the rows that differ in any bit."""
        chosen = chance.sample(range(len(self._texts)), chance.choice(SIZES))
        found = chance.choice(CALLS)(encoder, [self._texts[index] for index in chosen])
        tally.calls += 1
        tally.rows += len(chosen)
        tally.wrong_rows += int((found.view(np.uint32) != self._vectors[chosen].view(np.uint32)).any(axis=1).sum())

    def fork(self, encoder: SentenceEncoder, chance: random.Random, tally: Tally) -> None:
        """Call `encoder` in a process forked from this one while its other threads go on."""
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.alarm(HUNG_S)  # ends it even where it hangs
            in_child = Tally()
            self.call(encoder, chance, in_child)
            os._exit(in_child.wrong_rows > 0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        tally.forks += 1
        tally.hung_forks += code == -signal.SIGALRM
        tally.wrong_forks += code not in (0, -signal.SIGALRM)


def call_until(stop: Event, work: Work, encoder: SentenceEncoder, seed: int) -> Tally:
    """What a thread did that called `encoder` until `stop` was set."""
    tally, chance = Tally(), random.Random(seed)
    while not stop.is_set():
        work.call(encoder, chance, tally)
    return tally


def open_and_fork(stop: Event, work: Work, artifact: Path, shared: SentenceEncoder) -> Tally:
    """What this thread did that opened, used and closed encoders, and forked at times, until `stop` was set.

    It also ends when the process that started this one has ended.
    """
    tally, chance = Tally(), random.Random(os.getpid())
    parent, next_fork = os.getppid(), time.monotonic() + FORK_EVERY_S
    while not stop.is_set() and os.getppid() == parent:
        with SentenceEncoder(artifact) as encoder:
            work.call(encoder, chance, tally)
        tally.opened += 1
        if time.monotonic() >= next_fork:
            next_fork += FORK_EVERY_S
            work.fork(shared, chance, tally)
    return tally


def held() -> dict[str, int]:
    """Threads and file descriptors of this process, once threads that were joined have left the system's list too."""
    time.sleep(SETTLING_S)
    folders = {"threads": Path("/proc/self/task"), "files": Path("/proc/self/fd")}
    return {name: sum(1 for _ in folder.iterdir()) for name, folder in folders.items()}


def main() -> int:
    """Work until SIGTERM, then print the report."""
    artifact, texts, vectors, threads = Path(sys.argv[1]), Path(sys.argv[2]), np.load(sys.argv[3]), int(sys.argv[4])
    work, stop = Work(json.loads(texts.read_text(encoding="utf-8")), vectors), Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())  # raising there would be lost where Python swallows it
    with SentenceEncoder(artifact) as encoder:  # what a process takes once: the tokenizer's threads
        for call in CALLS:
            call(encoder, ["Warm up.", "All ways."])
    before = held()
    print("at work", flush=True)
    with SentenceEncoder(artifact) as shared, ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(call_until, stop, work, shared, seed) for seed in range(threads)]
        try:
            own = open_and_fork(stop, work, artifact, shared)
        finally:
            stop.set()
        done = sum((future.result() for future in futures), own)
    print(json.dumps({"before": before, "after": held(), **asdict(done)}))
    return TERMINATED


if __name__ == "__main__":
    sys.exit(main())
