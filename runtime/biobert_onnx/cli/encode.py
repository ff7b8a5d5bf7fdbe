"""`encode`: a file of texts becomes a file of vectors."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from biobert_onnx._atomic_files import check_output_file
from biobert_onnx._file_status import exists, is_folder
from biobert_onnx.artifact.manifest import LAST, TOKEN_LAYERS
from biobert_onnx.cli.arguments import (
    add_artifact,
    add_engine,
    add_length,
    add_quiet,
    add_reading,
    named,
    open_texts,
    text_formats,
)
from biobert_onnx.cli.printing import counted, say, tell_missing, warn_of_leftovers
from biobert_onnx.cli.signals import SignalError
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.token_vectors import WORD_POOLINGS
from biobert_onnx.files.encode import Encoded, encode_file, encode_tokens_file
from biobert_onnx.files.formats import WRITERS
from biobert_onnx.files.kept_vectors import are_vectors_kept, check_unused, kept_folder
from biobert_onnx.files.lines import STDIN
from biobert_onnx.files.rows import Reader

EXAMPLES = """\
examples:
  biobert-onnx encode biobert-int8 abstracts.txt -o abstracts.npy
  biobert-onnx encode biobert-int8 papers.jsonl.gz --field abstract -o papers.parquet
  biobert-onnx encode biobert-int8 notes.csv --column note --delimiter ';' --missing skip -o notes.jsonl
  biobert-onnx encode medcpt-article-int8 papers.jsonl --field title --pair-column abstract -o papers.npy
  biobert-onnx encode biobert-int8 questions.txt -o questions.npy --prompt-name query
  biobert-onnx encode biobert-int8 pubmed.jsonl.gz --field abstract -o pubmed.npy --resume
  biobert-onnx encode biobert-int8 notes.txt -o words.parquet --tokens --words first
  zcat notes.csv.gz | biobert-onnx encode biobert-int8 - --format csv --column note -o notes.npy

A file that exists is replaced when the new one is whole. With --resume, vectors are kept in OUTPUT.parts until then:
after an interruption the same command goes on behind them, and the file gets the same bytes. Rows without a text:
.jsonl and .parquet have null (or no field, or NaN). Lines of .txt and cells of .csv can only be empty: stop and empty
encode the empty text, skip leaves the row out.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    add_artifact(parser)
    formats = text_formats()
    parser.add_argument("input", metavar="INPUT", help=f"a file: {formats}; - for standard input, see --format")
    parser.add_argument(
        "-o", "--output", type=_output, required=True, metavar="FILE", help=f"the file to write: {', '.join(WRITERS)}"
    )
    add_reading(parser, by_default="by the file's ending; text, one a line, for standard input", with_pairs=True)
    encoding = parser.add_argument_group("encoding")
    prompt = encoding.add_mutually_exclusive_group()
    prompt.add_argument(
        "--prompt", metavar="TEXT", help="put TEXT before each text; '' for nothing (default: the artifact's, see info)"
    )
    prompt.add_argument("--prompt-name", metavar="NAME", help="put the artifact's prompt NAME before each text")
    encoding.add_argument("--normalize", action="store_true", help="scale each vector to unit length")
    encoding.add_argument("--truncate-dim", type=int, metavar="N", help="keep the first N numbers of each vector")
    tokens = parser.add_argument_group("vectors of tokens")
    tokens.add_argument(
        "--tokens",
        action="store_true",
        help="write the vectors of each text's tokens, into .parquet (see docs/tokens.md)",
    )
    tokens.add_argument("--layers", choices=TOKEN_LAYERS, help="which layers they come from (default: last)")
    tokens.add_argument(
        "--words",
        nargs="?",
        choices=WORD_POOLINGS,
        const=WORD_POOLINGS[0],
        help="of words in place of tokens: the mean of a word's tokens, or its first (default: mean)",
    )
    encoding.add_argument(
        "--literal-special-tokens",
        action="store_true",
        help="read [SEP] and the like in a text as plain text, not as the token",
    )
    add_length(encoding, by_default="the artifact's, see info")
    encoding.add_argument(
        "-j", "--threads", type=int, metavar="N", help="worker threads (default: one for every usable CPU)"
    )
    add_engine(encoding)
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep vectors in OUTPUT.parts until the file is whole; after an interruption, go on behind them",
    )
    add_quiet(parser)


def run(options: argparse.Namespace) -> None:
    """Encode, and say how many vectors were written, and by which engine."""
    output: Path = options.output
    check_output_file(output)
    _check_tokens(options)
    if options.input != STDIN and exists(output) and exists(options.input) and output.samefile(options.input):
        raise ValueError(f"'{output}' is the input, too: write the vectors into another file")
    warn_of_leftovers(output)
    if not options.resume:
        check_unused(output)
        if are_vectors_kept(output):
            say("warning", f"'{kept_folder(output)}' has vectors of an interrupted run: --resume goes on behind them")
    reader = open_texts(options.input, options, pair_column=options.pair_column)
    if options.resume and options.tokens:
        raise ValueError("--resume is for vectors of texts: leave it or --tokens out")
    encoder = SentenceEncoder(
        options.artifact,
        max_length=options.max_length,
        threads=options.threads,
        engine=options.engine,
        literal_special_tokens=options.literal_special_tokens,
    )
    if options.pair_column is not None and not encoder.pairs:
        raise ValueError(
            f"pair_column is {options.pair_column!r}, but '{options.artifact}' takes single texts: export the "
            "checkpoint again with pairs=True, or leave pair_column= out"
        )
    encode = _encode_tokens if options.tokens else _encode_texts
    with _telling_what_is_kept(output) if options.resume else nullcontext():
        encoded = encode(encoder, reader, options)
    if encoded.texts == 0:
        left_out = f": {counted(encoded.missing, 'row')} without a text left out" if encoded.missing else ""
        say("warning", f"{reader.name} has no texts{left_out}")
    if not options.quiet:
        tell_missing(encoded.missing, encoded.first_missing, options.missing)
        dim = encoder.token_dim if options.tokens else options.truncate_dim or encoder.dim
        vectors = f"{counted(encoded.vectors, 'vector')} of {counted(dim, 'dimension')}"
        kept = f", {encoded.resumed:,} of them from the run before" if encoded.resumed else ""
        print(f"wrote {output}: {vectors}{kept}, engine {encoder.engine}")


@contextmanager
def _telling_what_is_kept(output: Path) -> Iterator[None]:
    """If the block is interrupted, or cannot write, and vectors are kept, say how to go on."""
    kept = f"the vectors so far are in '{kept_folder(output)}': the same command goes on behind them"
    try:
        yield
    except (KeyboardInterrupt, SignalError) as end:
        if are_vectors_kept(output):
            end.add_note(kept)
        raise
    except OSError:
        if are_vectors_kept(output):
            say("note", kept)
        raise


def _encode_texts(encoder: SentenceEncoder, reader: Reader, options: argparse.Namespace) -> Encoded:
    return encode_file(
        encoder,
        reader,
        options.output,
        prompt_name=options.prompt_name,
        prompt=options.prompt,
        normalize=options.normalize,
        truncate_dim=options.truncate_dim,
        long_texts=options.long_texts,
        resume=options.resume,
        show_progress=not options.quiet,
    )


def _encode_tokens(encoder: SentenceEncoder, reader: Reader, options: argparse.Namespace) -> Encoded:
    return encode_tokens_file(
        encoder,
        reader,
        options.output,
        layers=options.layers or LAST,
        word_pooling=options.words,
        prompt_name=options.prompt_name,
        prompt=options.prompt,
        long_texts=options.long_texts,
        show_progress=not options.quiet,
    )


def _check_tokens(options: argparse.Namespace) -> None:
    """Raise ValueError for options of vectors of tokens without --tokens, and for those of texts beside it."""
    if not options.tokens:
        for name in ("layers", "words"):
            if getattr(options, name) is not None:
                raise ValueError(f"--{name} is for vectors of tokens: add --tokens, or leave it out")
        return
    for name, value in (("normalize", options.normalize), ("truncate-dim", options.truncate_dim)):
        if value:
            raise ValueError(f"--{name} does not go with --tokens, whose vectors are what a layer gives: leave it out")
    if options.pair_column is not None:
        raise ValueError(
            "--pair-column does not go with --tokens, whose vectors are those of single texts: leave it out"
        )


def _output(value: str) -> Path:
    path = named(value)
    if path.suffix not in WRITERS:
        raise argparse.ArgumentTypeError(f"'{value}' should end in {' or '.join(WRITERS)}")
    if is_folder(path):
        raise argparse.ArgumentTypeError(f"'{value}' is a folder, expected a file to write")
    return path
