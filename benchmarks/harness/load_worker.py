"""One process of `benchmarks.load`: threads share an encoder, others are opened, closed and forked, until SIGTERM.

    python -m benchmarks.harness.load_worker ARTIFACT TEXTS VECTORS OPENED ENGINE THREADS

Only benchmarks.load starts it. Every vector is compared bit by bit with that of VECTORS. The process appends a byte to
OPENED for each encoder that it has opened and closed. It prints a line when the work begins, and at the end its report
in JSON. It exits with 143, which is what shells report for SIGTERM.
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

from benchmarks.harness.program import TERMINATED
from benchmarks.machine.threads import read_of_threads
from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray

FORK_INTERVAL_S = 15.0
"""Seconds from one fork to the next."""

FORK_TIMEOUT_S = 60
"""Seconds after which a forked process that has not ended is killed, and counted as hung."""

SETTLE_S = 0.5
"""Seconds after which the system's list has no more entries of threads that were joined."""

CALL_SIZES = (1, 1, 2, 40)
"""Texts in one call: a single text takes all threads, 40 texts are more than one micro-batch."""

Call = Callable[[SentenceEncoder, list[str]], FloatArray]


def encode_async(encoder: SentenceEncoder, texts: list[str]) -> FloatArray:
    """Encode `texts` by `aencode` on an event loop of its own."""
    return asyncio.run(encoder.aencode(texts))


def encode_streamed(encoder: SentenceEncoder, texts: list[str]) -> FloatArray:
    """Encode `texts` by `encode_stream` in arrays of 16."""
    return np.concatenate(list(encoder.encode_stream(texts, chunk_size=16)))


CALLS: tuple[Call, ...] = (SentenceEncoder.encode, SentenceEncoder.encode, encode_async, encode_streamed)
"""The ways to encode, from which a thread chooses at random."""


@dataclass(kw_only=True)
class Tally:
    """Counts of what one thread did."""

    calls: int = 0
    rows: int = 0
    wrong_rows: int = 0
    opened: int = 0
    forks: int = 0
    wrong_forks: int = 0
    hung_forks: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Add the counts."""
        return Tally(**{name: count + getattr(other, name) for name, count in asdict(self).items()})


class Work:
    """The texts, their right vectors, and the ways to try an encoder on them."""

    def __init__(self, texts: list[str], vectors: FloatArray) -> None:
        self._texts, self._vectors = texts, vectors

    def call(self, encoder: SentenceEncoder, chance: random.Random, tally: Tally) -> None:
        """Encode some texts in some way, and count the rows that differ in any bit."""
        chosen = chance.sample(range(len(self._texts)), chance.choice(CALL_SIZES))
        found = chance.choice(CALLS)(encoder, [self._texts[index] for index in chosen])
        tally.calls += 1
        tally.rows += len(chosen)
        tally.wrong_rows += int((found.view(np.uint32) != self._vectors[chosen].view(np.uint32)).any(axis=1).sum())

    def fork(self, encoder: SentenceEncoder, chance: random.Random, tally: Tally) -> None:
        """Call `encoder` in a process forked from this one while its other threads go on."""
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.alarm(FORK_TIMEOUT_S)  # the kernel ends the process even if it hangs
            in_child = Tally()
            self.call(encoder, chance, in_child)
            os._exit(in_child.wrong_rows > 0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        tally.forks += 1
        tally.hung_forks += code == -signal.SIGALRM
        tally.wrong_forks += code not in (0, -signal.SIGALRM)


def call_until(stop: Event, work: Work, encoder: SentenceEncoder, seed: int) -> Tally:
    """Call `encoder` until `stop` is set; returns what was done."""
    tally, chance = Tally(), random.Random(seed)
    while not stop.is_set():
        work.call(encoder, chance, tally)
    return tally


def open_and_fork(stop: Event, work: Work, artifact: Path, opened: Path, shared: SentenceEncoder) -> Tally:
    """Open, use and close encoders, and fork at intervals, until `stop` is set; returns what was done.

    It also ends when the process that started this one has ended.
    """
    tally, chance = Tally(), random.Random(os.getpid())
    parent, next_fork = os.getppid(), time.monotonic() + FORK_INTERVAL_S
    while not stop.is_set() and os.getppid() == parent:
        with SentenceEncoder(artifact, engine=shared.engine) as encoder:
            work.call(encoder, chance, tally)
        tally.opened += 1
        with opened.open("ab") as file:
            file.write(b".")
        if time.monotonic() >= next_fork:
            next_fork += FORK_INTERVAL_S
            work.fork(shared, chance, tally)
    return tally


KERNEL_THREADS = "biobert-kernels"
"""The name of threads of the kernels' pool: they sleep between calls and live as long as the process."""


def open_handles() -> dict[str, int]:
    """Count the threads and the file descriptors of this process, without the threads that the kernels keep for it."""
    time.sleep(SETTLE_S)
    names = [name.strip() for name in read_of_threads("self", "comm")]
    files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return {"threads": sum(name != KERNEL_THREADS for name in names), "files": files}


def main() -> int:
    """Work until SIGTERM, then print the report."""
    artifact, texts, vectors = Path(sys.argv[1]), Path(sys.argv[2]), np.load(sys.argv[3])
    opened, engine, threads = Path(sys.argv[4]), sys.argv[5], int(sys.argv[6])
    work, stop = Work(json.loads(texts.read_text(encoding="utf-8")), vectors), Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())  # an exception could be lost where Python ignores it
    with SentenceEncoder(artifact, engine=engine) as encoder:  # starts what a process starts once: threads
        for call in CALLS:
            call(encoder, ["Warm up.", "All ways."])
    before = open_handles()
    print("at work", flush=True)
    with SentenceEncoder(artifact, engine=engine) as shared, ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(call_until, stop, work, shared, seed) for seed in range(threads)]
        try:
            own = open_and_fork(stop, work, artifact, opened, shared)
        finally:
            stop.set()
        done = sum((future.result() for future in futures), own)
    print(json.dumps({"before": before, "after": open_handles(), **asdict(done)}))
    return TERMINATED


if __name__ == "__main__":
    sys.exit(main())
