"""The command line of a program in benchmarks/: its parser, and its errors as one sentence."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CalledProcessError
from typing import NoReturn

from benchmarks.harness.worker import WorkerError
from biobert_onnx.encoding.engines import ENGINES

INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM
"""The exit codes after Ctrl-C and after SIGTERM, as shells have them."""


def program_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser for the running program, whose help starts with `description`, line breaks kept."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{_name()}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add --engine, of the encoders that the program watches."""
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="default: %(default)s")


def run_program(main: Callable[[], int | None]) -> NoReturn:
    """Run `main` and exit with what it returns; an expected error becomes one sentence on stderr and exit code 1.

    Expected are ValueError, OSError, and a process of a contender or of a command that failed. Ctrl-C gives 130,
    SIGTERM 143: both end the blocks of `main`, and so the processes that it has started.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        sys.exit(main())
    except (ValueError, OSError, WorkerError, CalledProcessError) as error:
        sys.exit(f"{_name()}: error: {error_sentence(error)}")
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{_name()}: interrupted\n")
        sys.exit(INTERRUPTED)


def error_sentence(error: Exception) -> str:
    """Return the message of `error`; that of the system's errors begins with the path.

    >>> error_sentence(FileNotFoundError(2, "No such file or directory", "/nope"))
    "'/nope': No such file or directory"
    """
    if isinstance(error, OSError) and error.filename is not None:
        return f"'{error.filename}': {error.strerror}"
    return str(error)


def _name() -> str:
    return Path(sys.argv[0]).stem
