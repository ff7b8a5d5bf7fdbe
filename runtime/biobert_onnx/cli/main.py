"""The command `biobert-onnx`: its commands, its errors in one line, its exit codes."""

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn, TextIO

from biobert_onnx.cli import (
    bundle,
    compare,
    completion,
    convert,
    encode,
    export,
    info,
    models,
    prepack,
    push,
    serve,
    similarity,
    verify,
)
from biobert_onnx.cli.exit_codes import BAD_USE, CLOSED_PIPE, DONE, INTERRUPTED, MEANINGS, exit_code
from biobert_onnx.cli.printing import allow_any_character, drop_output, output_named, say, sentence
from biobert_onnx.cli.signals import SignalError, signals_raised
from biobert_onnx.errors import EngineWarning, TruncationWarning
from biobert_onnx.files.rows import InputWarning
from biobert_onnx.version import __version__

COMMANDS = {
    "export": (export, "make an artifact from a checkpoint of BERT or a related encoder"),
    "models": (models, "list the checkpoints that have a name here"),
    "encode": (encode, "encode a file of texts"),
    "serve": (serve, "answer over HTTP, as OpenAI's embeddings and text-embeddings-inference do"),
    "info": (info, "show what an artifact is"),
    "verify": (verify, "check every file of an artifact, and its vectors' known numbers"),
    "compare": (compare, "tell whether two encoders' vectors fit each other"),
    "similarity": (similarity, "list the nearest lines of another file, or the nearest pairs of one"),
    "prepack": (prepack, "lay the weights out for the kernels, so that processes share them"),
    "push": (push, "upload an artifact to the Hugging Face Hub"),
    "convert": (convert, "rewrite an artifact for another program: Spark NLP"),
    "bundle": (bundle, "make a serverless zip: runtime, artifact, handler"),
    "completion": (completion, "print a shell's script that completes this command"),
}

HELP = "help"
"""`help` and `help COMMAND` do what `--help` and `COMMAND --help` do."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of argparse's two."""
        self.exit(BAD_USE, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


class _CommandParser(_Parser):
    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse what a command does not know by its own name; argparse would do so by that of the whole."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (sys.argv's by default); return its exit code, one of MEANINGS."""
    allow_any_character()
    try:
        with signals_raised(), _warnings_on_one_line(), output_named():
            options = _parsed(_without_help(sys.argv[1:] if arguments is None else arguments))
            command: Callable[[argparse.Namespace], None] = options.command
            command(options)
            _finish_output()
        return DONE
    except BrokenPipeError:  # whoever read the output has enough
        drop_output()
        return CLOSED_PIPE
    except KeyboardInterrupt as end:
        return _complain(f"interrupted, {_left_by(end)}", INTERRUPTED)
    except SignalError as end:
        return _complain(f"{end}, {_left_by(end)}", 128 + end.number)
    except Exception as error:
        code = exit_code(error)
        if code is None:
            raise
        return _complain(sentence(error), code)


def _complain(error: str, code: int) -> int:
    say("error", error)
    return code


def _left_by(end: BaseException) -> str:
    """Return what is left of a command that a signal ended: what is noted on the exception, or nothing."""
    return "; ".join(getattr(end, "__notes__", ["nothing was written"]))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse `arguments`; what `--help` and `--version` print before they end the command is written first.

    Without any, the help is printed on stderr, and the command ends as one that was called wrongly.
    """
    parser = parser_of_all()
    try:
        if not arguments:
            parser.print_help(sys.stderr)
            parser.exit(BAD_USE)
        return parser.parse_args(arguments)
    except SystemExit:
        _finish_output()
        raise


def _finish_output() -> None:
    """Write what stdout still holds, as long as an error can be told."""
    if sys.stdout is not None:
        sys.stdout.flush()


@contextmanager
def _warnings_on_one_line() -> Iterator[None]:
    """Show warnings without the line of code that warned; three kinds always, whatever filters are set."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        say("warning", message)

    with warnings.catch_warnings():
        for category in (EngineWarning, TruncationWarning, InputWarning):
            warnings.simplefilter("always", category)
        warnings.showwarning = show
        yield


def _without_help(arguments: Sequence[str]) -> list[str]:
    """Return `arguments` with `--help` for `help`.

    >>> _without_help(["help", "encode"])
    ['encode', '--help']
    """
    first, rest = list(arguments[:1]), list(arguments[1:])
    return [*rest[:1], "--help"] if first == [HELP] else [*first, *rest]


def parser_of_all() -> argparse.ArgumentParser:
    """Return the parser of all commands; what it parses has the function `command`, and the parser itself."""
    parser = _Parser(
        prog="biobert-onnx",
        description="BioBERT sentence vectors on CPUs.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(parser=parser)
    parser.add_argument("--version", action="version", version=f"biobert-onnx {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_CommandParser)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add(command)
        command.set_defaults(command=module.run)
    return parser


def _epilog() -> str:
    codes = "\n".join(f"  {code:3}  {meaning}" for code, meaning in MEANINGS.items())
    return f"'biobert-onnx help COMMAND' shows a command's options, with examples.\n\nexit codes:\n{codes}"
