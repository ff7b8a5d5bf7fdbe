"""The command in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.systems import NO_TERMINALS

ENVIRONMENT = {**os.environ, "PYTHONUTF8": "1", "TERM": "xterm"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "biobert_onnx", *map(str, arguments)]


def run(*arguments: object, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(*arguments), input=stdin, capture_output=True, env={**ENVIRONMENT, **variables})


def refused(code: int, *arguments: object, stdin: bytes = b"", **variables: str) -> str:
    """The one line on stderr of a call that must end with `code`."""
    done = run(*arguments, stdin=stdin, **variables)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, len(lines)) == (code, 1), done.stderr.decode()
    return lines[0]


def drawn_on_terminal(arguments: Sequence[str], *, columns: int = 0, **environment: str) -> str:
    """What the command draws on stderr, a terminal of that width (0: it does not say), until it ends well."""
    pty = pytest.importorskip("pty", reason=NO_TERMINALS)
    ours, theirs = pty.openpty()
    set_width(theirs, columns)
    variables = {**ENVIRONMENT, **environment}
    process = subprocess.Popen(
        arguments, stderr=theirs, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=variables
    )
    os.close(theirs)
    drawn = b"".join(iter(lambda: read(ours), b"")).decode()
    os.close(ours)
    assert process.wait() == 0, drawn
    return drawn


def read(terminal: int) -> bytes:
    """What comes next from the terminal; nothing when its other end is closed."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def set_width(terminal: int, columns: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def heed_signals() -> None:
    """A process that is started in the background, or by nohup, ignores signals, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@contextmanager
def unfinished_run(artifact: Path, output: Path, *, lines: int) -> Iterator[subprocess.Popen[bytes]]:
    """An encode command that has read `lines` lines; it is computing them or, if there are none, waits for more."""
    reading, writing = os.pipe()
    source = subprocess.Popen(["seq", "-f", "Sepsis again and again. " * 20 + "%.0f", str(lines)], stdout=writing)
    arguments = command("encode", artifact, "-", "-o", output)
    process = subprocess.Popen(
        arguments, stdin=reading, stderr=subprocess.PIPE, env=ENVIRONMENT, preexec_fn=heed_signals
    )
    os.close(reading)
    started = 1000 if lines else 0
    while not any(path.stat().st_size >= started for path in output.parent.glob(f".{output.name}.*")):
        assert process.poll() is None
        time.sleep(0.01)
    try:
        yield process
    finally:
        os.close(writing)
        process.kill()
        process.communicate()
        source.kill()
        source.wait()
