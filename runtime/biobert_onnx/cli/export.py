"""`export`: a checkpoint becomes an artifact."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from biobert_onnx._extras import requires_extra
from biobert_onnx.artifact.manifest import POOLINGS
from biobert_onnx.artifact.summary import sentence
from biobert_onnx.cli.arguments import add_quiet, named, named_source
from biobert_onnx.cli.exit_codes import JobError
from biobert_onnx.cli.options import with_options
from biobert_onnx.cli.printing import print_fidelity, warn_of_leftovers

EXAMPLES = """\
examples:
  biobert-onnx export biobert-v1.1 biobert-int8                      # a name of 'models', from the Hub
  biobert-onnx export ./my-checkpoint my-int8 --pooling cls          # a folder
  biobert-onnx export medcpt-article medcpt-article-int8 --pairs     # title and abstract as two segments
  biobert-onnx export biobert_v1.1_pubmed.tar.gz biobert-int8 --calibration notes.txt
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    parser.add_argument(
        "checkpoint",
        type=named_source,
        metavar="CHECKPOINT",
        help="a folder, its .tar.gz, a Hugging Face Hub id, or a name of 'models'",
    )
    parser.add_argument("artifact", type=named, metavar="ARTIFACT", help="the new folder to write")
    parser.add_argument(
        "--pooling",
        type=_pooling,
        metavar="MODE[+MODE]",
        help=f"{', '.join(POOLINGS)}, or several joined by '+' (default: the checkpoint's own, mean if it says none)",
    )
    parser.add_argument(
        "--casing",
        choices=("cased", "uncased"),
        help="whether texts keep their capitals (default: what the folder says, else what the vocabulary shows)",
    )
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8", help="of the weights (default: int8)")
    parser.add_argument(
        "--max-length", type=int, metavar="N", help="tokens that texts are cut to (default: the checkpoint's own limit)"
    )
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="take pairs of texts, too, as two segments: title and abstract, for example",
    )
    parser.add_argument(
        "--tokens",
        action="store_true",
        help="vectors of tokens also where pooling is cls or pooler; all other poolings have them always",
    )
    parser.add_argument(
        "--calibration",
        type=named,
        metavar="FILE",
        help="your own texts, at least 20, one a line: odd lines calibrate, even ones measure the fidelity "
        "(default: biomedical sentences)",
    )
    parser.add_argument(
        "--recipe",
        choices=("per-token", "static"),
        default="per-token",
        help="how activations are rounded; static is less faithful, and faster on onnxruntime (default: per-token)",
    )
    parser.add_argument(
        "--min-cosine", type=float, default=0.99, metavar="X", help="least cosine allowed (default: 0.99)"
    )
    parser.add_argument(
        "--min-neighbours",
        type=float,
        default=0.9,
        metavar="X",
        help="least share of float32's 10 nearest texts that are also the artifact's; 0 asks for none (default: 0.9)",
    )
    parser.add_argument("--revision", help="Hub: a branch, tag or commit (default: main)")
    parser.add_argument("--token", help="Hub: an access token")
    add_quiet(parser)


def run(options: argparse.Namespace) -> None:
    """Export, and say on stderr which step begins."""
    with requires_extra("export", by="export"):
        from biobert_onnx_export import export
    warn_of_leftovers(options.artifact)
    with errors_of_jobs():
        manifest = export(
            options.checkpoint,
            options.artifact,
            pooling=options.pooling,
            precision=options.precision,
            casing=options.casing,
            max_length=options.max_length,
            pairs=options.pairs,
            tokens=options.tokens,
            calibration=options.calibration,
            recipe=options.recipe,
            min_cosine=options.min_cosine,
            min_neighbours=options.min_neighbours,
            revision=options.revision,
            token=options.token,
            progress=(lambda message: None) if options.quiet else tell,
        )
    if not options.quiet:
        print(f"wrote {options.artifact}: {sentence(manifest)}")
        print_fidelity(manifest)


@contextmanager
def errors_of_jobs() -> Iterator[None]:
    """Raise the export package's errors of the block as those that have an exit code."""
    from biobert_onnx_export.errors import CheckpointError, CheckpointNotFoundError, FidelityError

    try:
        yield
    except CheckpointNotFoundError as error:
        raise FileNotFoundError(str(error)) from error
    except (CheckpointError, FidelityError) as error:
        raise JobError(str(error)) from error


def tell(message: str) -> None:
    """Write one line about a step to stderr."""
    print(with_options(message), file=sys.stderr, flush=True)


def _pooling(value: str) -> str:
    if not set(value.split("+")) <= set(POOLINGS):
        raise argparse.ArgumentTypeError(f"'{value}', expected {', '.join(POOLINGS)}, or several joined by '+'")
    return value
