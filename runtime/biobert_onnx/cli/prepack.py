"""`prepack`: weights laid out for this machine."""

import argparse
from pathlib import Path

from biobert_onnx.cli.arguments import folder
from biobert_onnx.cli.printing import MEBIBYTE
from biobert_onnx.encoding.prepacked import prepack


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    parser.add_argument("artifact", type=folder, help="an artifact's folder")
    parser.add_argument("--into", type=Path, metavar="DIR", help="the folder to write (prepacked, in the artifact)")


def run(options: argparse.Namespace) -> None:
    """Prepack, and say what was written."""
    packed = prepack(options.artifact, options.into)
    size = sum(path.stat().st_size for path in packed.iterdir())
    print(f"wrote {packed}: {size / MEBIBYTE:.2f} MiB for this onnxruntime version and this type of CPU")
