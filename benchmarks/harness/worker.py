"""One contender in a process of its own, so that no other contender adds to its times and its memory.

    python -m benchmarks.harness.worker NAME WORK THREADS STREAMS, which only the harness starts

A process with N threads may use the first N CPUs and no others, from the end of its imports on. After its first text it
prints the seconds of importing, loading and the first call. Then it prints one JSON object for each JSON object that it
reads from standard input.
"""

import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine.cpus import hold_to_first_cpus
from benchmarks.machine.memory import proc_numbers

FIRST_TEXT = "The first text is short."
FIRST_BATCH = 8
"""The text of the first call, which is part of the cold start, and its batch size."""


class WorkerError(RuntimeError):
    """A contender's process ended or failed; the message is the last line of its stderr."""


class Worker:
    """The process of one contender; use it as a context manager. `start` holds the seconds of its start by part."""

    def __init__(self, name: str, work: Path, *, threads: int, streams: int, python: str = sys.executable) -> None:
        command = [python, "-m", "benchmarks.harness.worker", name, str(work), str(threads), str(streams)]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by close()
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        try:
            self.start: dict[str, float] = self._answer()
        except WorkerError:
            self.close()
            raise
        self.start["total"] = time.perf_counter() - begin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def end_input(self) -> None:
        """Let the process end, without waiting for it."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def close(self) -> None:
        """End the process."""
        self.end_input()
        self._process.wait()
        for stream in (self._process.stdout, self._errors):
            assert stream is not None
            stream.close()

    def seconds(self, texts: Sequence[str], *, batch: int | None, repeats: int = 1) -> list[float]:
        """Return the seconds of encoding `texts`, one figure for each repeat."""
        return list(self._ask({"texts": list(texts), "batch": batch, "repeats": repeats})["seconds"])

    def vectors(self, texts: Sequence[str], *, batch: int | None) -> NDArray[np.float32]:
        """Return what the contender gives for `texts`: (texts, dim) float32 if it is right."""
        answer = self._ask({"texts": list(texts), "batch": batch, "vectors": True})
        return np.frombuffer(bytes.fromhex(answer["vectors"]), dtype=np.float32).reshape(answer["shape"])

    def memory(self) -> dict[str, int]:
        """Return the bytes of resident memory: now, its anonymous part, and at its peak."""
        return dict(self._ask({"memory": True})["memory"])

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self._last_error_line()) from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise WorkerError(self._last_error_line())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_error_line(self) -> str:
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return lines[-1] if lines else f"ended with exit code {self._process.returncode}"


def main(name: str, work: str, threads: str, streams: str) -> None:
    """Load the contender `name` and answer questions until standard input ends."""
    from benchmarks.harness.subjects import Subject
    from benchmarks.peers.bounds import BOUNDS
    from benchmarks.peers.contenders import CONTENDERS

    answers, sys.stdout = sys.stdout, sys.stderr  # the prints of a library must not mix with the answers
    contender = {**CONTENDERS, **BOUNDS}[name]
    begin = time.perf_counter()
    for module in contender.imports:
        importlib.import_module(module)
    imported = time.perf_counter()
    hold_to_first_cpus(int(threads))
    subject = Subject.read(Path(work))
    folder = contender_folder(subject, contender.files_of or name)
    encode = contender.load(subject, folder, int(threads), int(streams))
    loaded = time.perf_counter()
    encode([FIRST_TEXT], FIRST_BATCH)
    called = time.perf_counter()
    start = {"import": imported - begin, "load": loaded - imported, "first_call": called - loaded}
    print(json.dumps(start), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer_to(encode, json.loads(line))), file=answers, flush=True)


def contender_folder(subject: Any, name: str) -> Path:
    """Return the folder in which the contender `name` keeps what it made of `subject`."""
    return Path(subject.work) / name.replace(" ", "-")


def _answer_to(encode: Any, question: dict[str, Any]) -> dict[str, Any]:
    if "memory" in question:
        return {"memory": _memory()}
    texts, batch = (
        question["texts"],
        question["batch"] or 1,
    )  # contenders that make their own batches get None and ignore the 1
    if "vectors" in question:
        vectors = np.asarray(encode(texts, batch), dtype=np.float32)
        return {"vectors": vectors.tobytes().hex(), "shape": vectors.shape}
    seconds = []
    for _ in range(question["repeats"]):
        begin = time.perf_counter()
        encode(texts, batch)
        seconds.append(time.perf_counter() - begin)
    return {"seconds": seconds}


def _memory() -> dict[str, int]:
    names = {"resident": "VmRSS", "anonymous": "RssAnon", "peak": "VmHWM"}
    return {name: 1024 * kib for name, kib in zip(names, proc_numbers("self", *names.values()), strict=True)}


if __name__ == "__main__":
    main(*sys.argv[1:])
