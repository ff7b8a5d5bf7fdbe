"""Arguments that several commands take."""

import argparse
from pathlib import Path

from biobert_onnx.encoding.engines import ENGINES


def add_artifact(parser: argparse.ArgumentParser) -> None:
    """Add the artifact's folder."""
    parser.add_argument("artifact", type=folder, metavar="ARTIFACT", help="an artifact's folder")


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add `--quiet`."""
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but warnings and errors")


def add_engine(parser: argparse._ActionsContainer) -> None:
    """Add `--engine`."""
    parser.add_argument(
        "--engine", choices=ENGINES, help="what computes the vectors (default: kernels where they can, see info)"
    )


def folder(value: str) -> Path:
    """Return the folder called `value`; argparse tells the error if there is none."""
    path = named(value)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"no such folder: '{value}'")
    return path


def named(value: str) -> Path:
    """Return the path `value`, which is not empty: Python would take the working directory."""
    if not value:
        raise argparse.ArgumentTypeError("the name is empty: name a file or folder, . for this folder")
    return Path(value)
