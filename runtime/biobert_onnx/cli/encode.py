"""`encode`: a file of texts becomes a file of vectors."""

import argparse
from pathlib import Path

from biobert_onnx._atomic_files import check_parent_folder
from biobert_onnx.cli.arguments import folder
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.long_texts import LONG_TEXTS
from biobert_onnx.files.encode import READERS, WRITERS, encode_file, open_reader


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    parser.add_argument("artifact", type=folder, help="an artifact's folder")
    parser.add_argument("input", help=f"a file: {', '.join(READERS)}; - for standard input, one text a line")
    parser.add_argument("-o", "--output", type=_output, required=True, help=f"a file: {', '.join(WRITERS)}")
    parser.add_argument("--field", metavar="NAME", help="the text's key in .jsonl (text)")
    parser.add_argument("--column", metavar="NAME", help="the text's column in .csv and .parquet (text)")
    parser.add_argument("--normalize", action="store_true", help="scale each vector to unit length")
    parser.add_argument("--truncate-dim", type=int, metavar="N", help="keep the first N numbers of each vector")
    parser.add_argument("--max-length", type=int, metavar="N", help="tokens that texts are cut to")
    parser.add_argument("--long-texts", choices=LONG_TEXTS, default="truncate", help="what is done with longer texts")
    parser.add_argument("--threads", type=int, metavar="N", help="worker threads; default: every usable CPU")


def run(options: argparse.Namespace) -> None:
    """Encode, and say how many vectors were written."""
    check_parent_folder(options.output)
    reader = open_reader(options.input, field=options.field, column=options.column)
    encoder = SentenceEncoder(options.artifact, max_length=options.max_length, threads=options.threads)
    count = encode_file(
        encoder,
        reader,
        options.output,
        normalize=options.normalize,
        truncate_dim=options.truncate_dim,
        long_texts=options.long_texts,
    )
    print(f"wrote {options.output}: {count} vectors of {options.truncate_dim or encoder.dim} dimensions")


def _output(value: str) -> Path:
    path = Path(value)
    if path.suffix not in WRITERS:
        raise argparse.ArgumentTypeError(f"'{value}' should end in {' or '.join(WRITERS)}")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"'{value}' is a folder, expected a file to write")
    return path
