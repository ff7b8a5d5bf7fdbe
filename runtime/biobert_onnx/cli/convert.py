"""`convert`: an artifact for a program that cannot load its folder as it is."""

import argparse

from biobert_onnx._extras import requires_extra
from biobert_onnx.cli.arguments import add_artifact, add_quiet, named
from biobert_onnx.cli.printing import warn_of_leftovers

EXAMPLES = """\
example:
  biobert-onnx convert biobert-int8 biobert-spark-nlp --to spark-nlp      # for Spark NLP's own loadSavedModel

biobert_onnx.spark has stages that load an artifact as it is.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    add_artifact(parser)
    parser.add_argument("folder", type=named, metavar="FOLDER", help="the new folder to write")
    parser.add_argument(
        "--to", required=True, metavar="PROGRAM", help="spark-nlp: what Spark NLP's BertSentenceEmbeddings loads"
    )
    add_quiet(parser)


def run(options: argparse.Namespace) -> None:
    """Convert, and print how the folder is loaded."""
    with requires_extra("export", by="convert"):
        from biobert_onnx_export import convert
    warn_of_leftovers(options.folder)
    lines = convert(options.artifact, options.folder, to=options.to)
    if not options.quiet:
        print(f"wrote {options.folder}", *lines, sep="\n")
