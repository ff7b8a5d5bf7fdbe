"""`push`: an artifact into a repository on the Hugging Face Hub."""

import argparse

from biobert_onnx.artifact.hub import LAYOUTS, hide_progress, push_artifact
from biobert_onnx.cli.arguments import add_artifact, add_quiet

EXAMPLES = """\
examples:
  biobert-onnx push biobert-int8 me/biobert-int8 --private
  biobert-onnx push biobert-int8 me/biobert-int8 --layout onnx      # transformers.js and fastembed look into onnx/
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    add_artifact(parser)
    parser.add_argument("repository", metavar="REPO", help="owner/name on the Hub, made if it is not there")
    parser.add_argument("--private", action="store_true", help="a new repository is private (default: public)")
    parser.add_argument("--revision", metavar="BRANCH", help="made from main if it is not there (default: main)")
    parser.add_argument("--token", help="an access token that may write (default: the one of 'hf auth login')")
    parser.add_argument("--message", help="the commit's message (default: the artifact's name and this version)")
    parser.add_argument(
        "--layout",
        choices=tuple(LAYOUTS),
        default="plain",
        help="onnx: model.onnx and its weights lie in onnx/, too, where some tools look (default: plain)",
    )
    add_quiet(parser)


def run(options: argparse.Namespace) -> None:
    """Check, upload, and print the commit's address."""
    if options.quiet:
        hide_progress()
    address = push_artifact(
        options.artifact,
        options.repository,
        private=options.private,
        revision=options.revision,
        token=options.token,
        message=options.message,
        layout=options.layout,
    )
    print(address)
