"""One contender in a process of its own: it encodes the texts of a file each time it reads a line, and says how long.

    python -m benchmarks.worker NAME CHECKPOINT ARTIFACT THREADS TEXTS

Answers one JSON object a line: the seconds of one pass over the texts.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from benchmarks.contenders import CONTENDERS


class Worker:
    """The process of one contender; use it as a context manager."""

    def __init__(self, name: str, *, checkpoint: Path, artifact: Path, threads: int, texts: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", name, str(checkpoint), str(artifact), str(threads)]
        self._process = subprocess.Popen(
            [*command, str(texts)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()

    def seconds(self) -> float:
        """Encode the texts once; returns the seconds it took.

        Raises RuntimeError if the contender failed; what it said is on stderr.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._process.args!r} ended with exit code {self._process.wait()}")
        return float(json.loads(answer)["seconds"])


def main(name: str, checkpoint: str, artifact: str, threads: str, texts: str) -> None:
    """Serve passes over the file `texts` until standard input ends."""
    lines = Path(texts).read_text(encoding="utf-8").splitlines()
    encode = CONTENDERS[name](Path(checkpoint), Path(artifact), int(threads))
    for _ in sys.stdin:
        start = time.perf_counter()
        encode(lines)
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
