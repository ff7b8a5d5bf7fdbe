"""Arguments that several commands take."""

import argparse
from pathlib import Path


def folder(value: str) -> Path:
    """The folder called `value`; argparse tells the error if there is none."""
    path = Path(value)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"no such folder: '{value}'")
    return path
