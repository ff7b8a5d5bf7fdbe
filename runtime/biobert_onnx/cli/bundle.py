"""`bundle`: a zip for serverless functions."""

import argparse
from pathlib import Path

from biobert_onnx.cli.arguments import add_artifact, add_quiet, named
from biobert_onnx.cli.printing import say, size, warn_of_leftovers
from biobert_onnx.encoding.engines import ENGINES

EXAMPLES = """\
examples:
  biobert-onnx bundle biobert-int8 function.zip
  biobert-onnx bundle biobert-int8 function.zip --engine kernels                   # smaller, without onnxruntime
  biobert-onnx bundle biobert-int8 function.zip --platform manylinux_2_28_aarch64 --python 3.13
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    add_artifact(parser)
    parser.add_argument("output", type=_zip, metavar="ZIP", help="the zip to write")
    parser.add_argument(
        "--platform",
        default="manylinux_2_28_x86_64",
        help="the function's system: manylinux_2_28_x86_64 (default) or manylinux_2_28_aarch64",
    )
    parser.add_argument("--python", default="3.12", metavar="VERSION", help="the function's Python (default: 3.12)")
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="what the function runs on: kernels leaves onnxruntime and the graphs out, onnxruntime leaves the kernels "
        "out (default: both are in it)",
    )
    add_quiet(parser)


def run(options: argparse.Namespace) -> None:
    """Bundle, and say what takes how much room."""
    from biobert_onnx.serving.bundle import bundle, doubts  # only this command starts pip and writes zips

    warn_of_leftovers(options.output)
    for doubt in doubts(platform=options.platform, python=options.python):
        say("warning", doubt)
    made = bundle(
        options.artifact,
        options.output,
        platform=options.platform,
        python=options.python,
        engine=options.engine,
    )
    if not made.compiled:
        say("warning", f"without bytecode, so each cold start compiles: run bundle with Python {options.python}")
    if options.quiet:
        return
    for name, number in made.items.items():
        print(f"{size(number)}  {name}")
    print(f"{size(made.unzipped)}  in all, {made.unzipped:,} bytes")
    print(f"wrote {options.output}: {size(made.zipped).strip()}, handler lambda_function.lambda_handler")


def _zip(value: str) -> Path:
    path = named(value)
    if path.suffix.lower() != ".zip":
        raise argparse.ArgumentTypeError(f"'{value}' should end in .zip")
    return path
