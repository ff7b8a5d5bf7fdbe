"""`prepack`: weights laid out for the kernels."""

import argparse

from biobert_onnx.artifact.paths import PACKED_FOLDER
from biobert_onnx.cli.arguments import add_artifact, add_quiet, named
from biobert_onnx.cli.printing import size, warn_of_leftovers
from biobert_onnx.encoding.engines import prepack

EXAMPLES = f"""\
examples:
  biobert-onnx prepack biobert-int8                    # into biobert-int8/{PACKED_FOLDER}, which is then found
  biobert-onnx prepack biobert-int8 --into packed      # SentenceEncoder("biobert-int8", prepacked="packed")
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    add_artifact(parser)
    parser.add_argument(
        "--into", type=named, metavar="DIR", help=f"the folder to write (default: {PACKED_FOLDER}, in the artifact)"
    )
    add_quiet(parser)


def run(options: argparse.Namespace) -> None:
    """Prepack, and say what was written."""
    warn_of_leftovers(options.into or options.artifact / PACKED_FOLDER)
    packed = prepack(options.artifact, options.into)
    if not options.quiet:
        bytes_written = sum(path.stat().st_size for path in packed.iterdir())
        print(f"wrote {packed}: {size(bytes_written).strip()}, for every CPU that has a kernel")
