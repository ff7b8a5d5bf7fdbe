"""Arguments that several commands take."""

import argparse
from pathlib import Path

from biobert_onnx._file_status import exists, is_folder
from biobert_onnx.encoding.engines import ENGINES
from biobert_onnx.encoding.long_texts import LONG_TEXTS
from biobert_onnx.files.csv import QUOTING
from biobert_onnx.files.formats import FORMATS, READERS, TEXT, open_reader
from biobert_onnx.files.packed import PACKED
from biobert_onnx.files.rows import MISSING, Reader

MAKE_ONE = "make one with 'biobert-onnx export CHECKPOINT FOLDER'"


def add_artifact(parser: argparse.ArgumentParser) -> None:
    """Add the artifact's folder."""
    parser.add_argument("artifact", type=folder, metavar="ARTIFACT", help="an artifact's folder")


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add `--quiet`."""
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but warnings and errors")


def add_engine(parser: argparse._ActionsContainer) -> None:
    """Add `--engine`."""
    parser.add_argument(
        "--engine", choices=ENGINES, help="what computes the vectors (default: kernels where they can, see info)"
    )


def text_formats() -> str:
    """Return the endings of files of texts, as help lists them."""
    return f"{', '.join(FORMATS)}, the first ones also packed ({', '.join(PACKED)})"


def add_reading(parser: argparse.ArgumentParser, *, by_default: str, with_pairs: bool = False) -> None:
    """Add the options of `open_texts`; `by_default` says which format is taken without `--format`.

    `with_pairs`: rows may have two texts, the second one named by `--pair-column`.
    """
    reading = parser.add_argument_group("reading")
    reading.add_argument("--format", choices=READERS, help=f"default: {by_default}")
    reading.add_argument("--field", metavar="NAME", help=f"the text's key in jsonl (default: {TEXT})")
    reading.add_argument("--column", metavar="NAME", help=f"the text's column in csv, tsv, parquet (default: {TEXT})")
    if with_pairs:
        reading.add_argument(
            "--pair-column",
            metavar="NAME",
            help="the second text's key or column, if rows have pairs, for artifacts exported with --pairs",
        )
    reading.add_argument(
        "--delimiter", metavar="C", help=r"the character between the columns of csv, '\t' for a tab (default: a comma)"
    )
    reading.add_argument(
        "--quoting",
        choices=QUOTING,
        help="csv: a quote encloses a field, which may hold line ends; none: it is a plain character (default: csv, "
        "but with tabs a quote that is not closed on its line is an error)",
    )
    reading.add_argument(
        "--missing", choices=MISSING, default="stop", help="what to do with rows without a text (default: stop)"
    )


def add_length(parser: argparse._ActionsContainer, *, by_default: str) -> None:
    """Add `--max-length`, which is `by_default` what it says, and `--long-texts`."""
    parser.add_argument(
        "--max-length", type=int, metavar="N", help=f"tokens that texts are cut to (default: {by_default})"
    )
    parser.add_argument(
        "--long-texts", choices=LONG_TEXTS, default="truncate", help="what to do with longer texts (default: truncate)"
    )


def open_texts(source: str, options: argparse.Namespace, *, pair_column: str | None = None) -> Reader:
    """Return the reader of the texts in `source`, by the options of `add_reading` and the `pair_column`."""
    return open_reader(
        source,
        format=options.format,
        field=options.field,
        column=options.column,
        pair_column=pair_column,
        delimiter=options.delimiter,
        quoting=options.quoting,
        missing=options.missing,
    )


def folder(value: str) -> Path:
    """Return the artifact's folder called `value`; argparse tells the error if there is none."""
    path = named(value)
    if is_folder(path):
        return path
    from biobert_onnx.catalog.models import find  # only an error needs it

    if exists(path):
        raise argparse.ArgumentTypeError(f"'{value}' is a file, expected an artifact, which is a folder: {MAKE_ONE}")
    model = find(value)
    if model is None:
        raise argparse.ArgumentTypeError(f"no such folder: '{value}', expected an artifact's: {MAKE_ONE}")
    raise argparse.ArgumentTypeError(
        f"no such folder: '{value}', which is the name of a checkpoint: make an artifact of it with "
        f"'biobert-onnx export {value} FOLDER', and name that folder"
    )


def named(value: str) -> Path:
    """Return the path `value`, which is not empty: Python would take the working directory."""
    if not value:
        raise argparse.ArgumentTypeError("the name is empty: name a file or folder, . for this folder")
    return Path(value)


def named_source(value: str) -> str:
    """Return `value`, a path or another name of what is read; argparse tells the error if it is empty."""
    named(value)
    return value
