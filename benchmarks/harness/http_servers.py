"""An HTTP server in a process of its own, which serves within a block and ends with it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 60.0

ADDRESS = re.compile(r"http://127\.0\.0\.1:([1-9]\d*)")
"""What uvicorn and `biobert-onnx serve` print once they listen."""


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """Where a server listens, its process, and the file of what it prints."""

    port: int
    process: int
    log: Path


@contextmanager
def running_server(
    command: Sequence[str], log: Path, *, environ: Mapping[str, str] | None = None
) -> Iterator[RunningServer]:
    """Run `command`, a server on a free port (`--port 0` is added); SIGTERM ends it after the block.

    `environ`: variables beside those of this process. Raises ValueError with its log if the server does not start
    within START_TIMEOUT_S, or does not end as it must.
    """
    variables = {**os.environ, **(environ or {})}
    words = [*command, "--port", "0"]
    with log.open("wb") as output, subprocess.Popen(words, stdout=output, stderr=output, env=variables) as process:
        try:
            yield RunningServer(port=_port(process, log), process=process.pid, log=log)
            process.send_signal(signal.SIGTERM)
            code = process.wait(END_TIMEOUT_S)
            if code not in (0, -signal.SIGTERM):
                raise ValueError(f"the server ended with {code}: {_read(log)[-2000:]}")
        finally:
            process.kill()


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    until = time.monotonic() + START_TIMEOUT_S
    while (found := ADDRESS.search(_read(log))) is None:
        if process.poll() is not None or time.monotonic() > until:
            raise ValueError(f"the server did not start: {_read(log)}")
        time.sleep(0.05)
    return int(found[1])


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8")
