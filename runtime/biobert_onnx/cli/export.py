"""`export`: a checkpoint becomes an artifact."""

import argparse
import sys
from pathlib import Path

from biobert_onnx._extras import requires_extra
from biobert_onnx.cli.printing import print_fidelity, sentence


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    parser.add_argument("checkpoint", help="a folder, its .tar.gz, a Hugging Face Hub id, or a name of 'models'")
    parser.add_argument("artifact", type=Path, help="the new folder to write")
    parser.add_argument("--pooling", choices=("mean", "cls", "pooler"), help="default: the checkpoint's own, or mean")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    parser.add_argument("--max-length", type=int, metavar="N", help="tokens that texts are cut to")
    parser.add_argument("--calibration", type=Path, metavar="FILE", help="your own texts, one a line")
    parser.add_argument("--min-cosine", type=float, default=0.99, metavar="X", help="least cosine allowed (0.99)")
    parser.add_argument("--revision", help="Hub: a branch, tag or commit")
    parser.add_argument("--token", help="Hub: an access token")


def run(options: argparse.Namespace) -> None:
    """Export, telling each step on stderr."""
    with requires_extra("export", by="export"):
        from biobert_onnx_export import export
    manifest = export(
        options.checkpoint,
        options.artifact,
        pooling=options.pooling,
        precision=options.precision,
        max_length=options.max_length,
        calibration=options.calibration,
        min_cosine=options.min_cosine,
        revision=options.revision,
        token=options.token,
        progress=lambda message: print(message, file=sys.stderr, flush=True),
    )
    print(f"wrote {options.artifact}: {sentence(manifest)}")
    print_fidelity(manifest)
