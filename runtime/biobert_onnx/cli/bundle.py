"""`bundle`: a zip for serverless functions."""

import argparse
import sys
from pathlib import Path

from biobert_onnx.cli.arguments import folder
from biobert_onnx.cli.printing import MEBIBYTE


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    parser.add_argument("artifact", type=folder, help="an artifact's folder")
    parser.add_argument("output", type=Path, help="the zip to write")
    parser.add_argument("--platform", default="manylinux_2_28_x86_64", help="or manylinux_2_28_aarch64")
    parser.add_argument("--python", default="3.12", metavar="VERSION", help="the function's Python (3.12)")


def run(options: argparse.Namespace) -> None:
    """Bundle, and say what takes how much room."""
    from biobert_onnx.serving.bundle import bundle  # only this command starts pip and writes zips

    made = bundle(options.artifact, options.output, platform=options.platform, python=options.python)
    for name, size in made.items.items():
        print(f"{size / MEBIBYTE:10.2f} MiB  {name}")
    print(f"{made.unzipped / MEBIBYTE:10.2f} MiB  in all, {made.unzipped:,} bytes")
    if not made.compiled:
        message = f"without bytecode, so each cold start compiles: run bundle with Python {options.python}"
        print(f"biobert-onnx: warning: {message}", file=sys.stderr)
    print(f"wrote {options.output}: {made.zipped / MEBIBYTE:.2f} MiB, handler lambda_function.lambda_handler")
