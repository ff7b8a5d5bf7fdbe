"""`completion`: a script with which a shell completes commands, options, choices, files and folders.

shtab writes it from the parser, once: no program is started when a key is pressed, and the command does not get slower.
"""

import argparse
from collections.abc import Iterator

from biobert_onnx._extras import requires_extra

SHELLS = ("bash", "zsh", "fish")

FILES = frozenset({"A", "B", "CHECKPOINT", "FILE", "INPUT", "ZIP"})
"""The metavars of arguments that are completed with files and folders."""

FOLDERS = frozenset({"ARTIFACT", "DIR", "FOLDER"})
"""The metavars of arguments that are completed with folders alone."""

EXAMPLES = """\
examples:
  biobert-onnx completion bash > ~/.local/share/bash-completion/completions/biobert-onnx
  biobert-onnx completion zsh > ~/.zfunc/_biobert-onnx        # a folder of fpath; then: compinit
  biobert-onnx completion fish > ~/.config/fish/completions/biobert-onnx.fish
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))


def run(options: argparse.Namespace) -> None:
    """Print the script. `options.parser` is the parser of the whole command."""
    with requires_extra("completion", by="completion"):
        import shtab
    for argument in arguments_of(options.parser):
        if argument.metavar in FILES:
            argument.complete = shtab.FILE  # type: ignore[attr-defined] # where shtab looks for it
        elif argument.metavar in FOLDERS:
            argument.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    print(shtab.complete(options.parser, shell=options.shell))


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of a parser and of its commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from arguments_of(command)
        else:
            yield action
