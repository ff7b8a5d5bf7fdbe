"""The command `biobert-onnx`: its commands, its errors in one line, its exit codes."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn, TextIO

from biobert_onnx.cli import bundle, encode, export, info, models, prepack, verify
from biobert_onnx.errors import TruncationWarning
from biobert_onnx.version import __version__

BAD_USE = 2
FAILED = 1
INTERRUPTED = 130
CLOSED_PIPE = 141
"""128 + SIGINT and 128 + SIGPIPE, as shells have it."""

COMMANDS = {
    "export": (export, "make an artifact from a BERT checkpoint"),
    "models": (models, "list the checkpoints that have a name here"),
    "encode": (encode, "encode a file of texts"),
    "info": (info, "show what an artifact is"),
    "verify": (verify, "check every file of an artifact, and its vectors' known numbers"),
    "prepack": (prepack, "lay the weights out for this machine"),
    "bundle": (bundle, "make a serverless zip: runtime, artifact, handler"),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of argparse's two."""
        self.exit(BAD_USE, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (sys.argv's by default); returns its exit code: 0, 1 failed, 2 bad use."""
    try:
        options = _parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], None] = options.command
        with _warnings_on_one_line():
            command(options)
        _finish_output()
    except (FileNotFoundError, FileExistsError, ModuleNotFoundError) as error:
        return _complain(error, BAD_USE)
    except ValueError as error:  # a plain one is about an argument; ArtifactError and its like are about the job
        return _complain(error, BAD_USE if type(error) is ValueError else FAILED)
    except BrokenPipeError:  # whoever read the output has enough
        _drop_output()
        return CLOSED_PIPE
    except OSError as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted, nothing was written", INTERRUPTED)
    return 0


def _complain(error: Exception | str, code: int) -> int:
    _say("error", error)
    return code


def _finish_output() -> None:
    """Write what stdout still holds, as long as an error can be told."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        _drop_output()
        raise


def _drop_output() -> None:
    """Let what stdout still holds go nowhere: the interpreter would complain that it cannot write it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(kind: str, message: object) -> None:
    sys.stderr.write(f"biobert-onnx: {kind}: {' '.join(str(message).split())}\n")


@contextmanager
def _warnings_on_one_line() -> Iterator[None]:
    """Python would add the line of code that warned; and texts are not cut silently, whatever filters are set."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        _say("warning", message)

    with warnings.catch_warnings():
        warnings.simplefilter("always", TruncationWarning)
        warnings.showwarning = show
        yield


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="biobert-onnx", description="BioBERT sentence vectors on CPUs.")
    parser.add_argument("--version", action="version", version=f"biobert-onnx {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        module.add(command)
        command.set_defaults(command=module.run)
    return parser
