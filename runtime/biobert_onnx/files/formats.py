"""The formats of texts and of vectors, and the endings that stand for them."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from biobert_onnx._file_status import file_mode
from biobert_onnx.files.csv import TAB, CsvReader
from biobert_onnx.files.jsonl import JsonlReader, JsonlWriter
from biobert_onnx.files.lines import STDIN
from biobert_onnx.files.npy import NpyWriter
from biobert_onnx.files.packed import PACKED
from biobert_onnx.files.parquet import ParquetReader, ParquetWriter
from biobert_onnx.files.rows import MissingTexts, Reader
from biobert_onnx.files.text import TextReader

READERS: dict[str, Callable[..., Reader]] = {
    "text": TextReader,
    "jsonl": JsonlReader,
    "csv": CsvReader,
    "tsv": partial(CsvReader, delimiter=TAB),
    "parquet": ParquetReader,
}

FORMATS = {
    ".txt": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
"""The format that an ending stands for; before one of PACKED, all but Parquet's."""

PARQUET = ".parquet"

WRITERS: dict[str, type[NpyWriter] | type[JsonlWriter] | type[ParquetWriter]] = {
    ".npy": NpyWriter,
    ".jsonl": JsonlWriter,
    PARQUET: ParquetWriter,
}

OPTIONS = {
    "field": ("jsonl",),
    "column": ("csv", "tsv", "parquet"),
    "delimiter": ("csv", "tsv"),
    "quoting": ("csv", "tsv"),
    "pair_column": ("jsonl", "csv", "tsv", "parquet"),
}
"""Arguments of `open_reader`, and the formats they go with."""

TEXT = "text"
"""The field or column that is read when none is named."""

WRITE_LINES = "write its texts into a file of lines, .txt or .jsonl"
WRITE_ARTICLES = f"{WRITE_LINES} (docs/pubmed.md does it for PubMed)"

ADVICE = {
    ".json": "write one object a line, for example by jq -c '.[]' FILE > FILE.jsonl",
    ".xlsx": "save the sheet as CSV UTF-8",
    ".xls": "save the sheet as CSV UTF-8",
    ".ods": "save the sheet as CSV",
    ".zip": "unpack it",
    ".tar": "unpack it",
    ".tgz": "unpack it",
    ".zst": "unpack it by zstd -d",
    ".feather": "write it as .parquet",
    ".arrow": "write it as .parquet",
    ".pkl": "write it as .parquet or .jsonl",
    ".pdf": WRITE_LINES,
    ".docx": WRITE_LINES,
    ".html": WRITE_LINES,
    ".xml": WRITE_ARTICLES,
    ".fasta": WRITE_LINES,
    ".nbib": WRITE_ARTICLES,
    ".ris": WRITE_LINES,
    ".bib": WRITE_LINES,
}
"""What to do with files of endings that are not read."""


def open_reader(
    source: str,
    *,
    format: str | None = None,
    field: str | None = None,
    column: str | None = None,
    pair_column: str | None = None,
    delimiter: str | None = None,
    quoting: str | None = None,
    missing: str = "stop",
) -> Reader:
    """Return the reader of the file `source`; "-" is standard input.

    `format` is one of READERS, by default that of the file's ending, and text for standard input. `field` names the
    text in jsonl, `column` in csv, tsv and parquet; `pair_column` names the second texts of pairs in all four.
    `quoting` says what a quote is in csv and tsv: one of QUOTING, by default as `CsvReader` has it. `missing` says
    what happens to rows without a text: one of MISSING.

    Raises FileNotFoundError; ValueError if the ending is unknown, an option is out of range or does not go with the
    format, or `column` is not there; InputError if the file's header or schema is not fit to be read.
    """
    check_source(source)
    chosen = _format_of(source) if format is None else format
    if chosen not in READERS:
        raise ValueError(f"format is {chosen!r}, expected one of {', '.join(READERS)}")
    if chosen == "parquet" and (source == STDIN or Path(source).suffix.lower() in PACKED):
        raise ValueError("Parquet is read from an unpacked file only: unpack it into one, and name that")
    options: dict[str, Any] = {}
    given = {
        "field": field,
        "column": column,
        "pair_column": pair_column,
        "delimiter": delimiter,
        "quoting": quoting,
    }
    for name, value in given.items():
        if value is not None:
            _check_option(name, chosen, source)
            options["column" if name == "field" else name] = value
    first = options.get("column", TEXT)
    if pair_column == first:
        raise ValueError(f"pair_column is {pair_column!r}, the name of the first text, too: name another one")
    if chosen == "text" and format is None and source == STDIN:
        options["assumed"] = True
    return READERS[chosen](source, missing=MissingTexts(missing), **{"column": TEXT, **options})


def check_source(source: str) -> None:
    """Raise FileNotFoundError or ValueError unless `source` is a file, or standard input that can be read."""
    if source == STDIN:
        if sys.stdin is None:
            raise ValueError("standard input is closed: send texts to it, or name a file")
        return
    path = Path(source)
    if not source:
        raise ValueError("the input has no name: name a file of texts, or - for standard input")
    mode = file_mode(path)
    if mode is None:
        raise FileNotFoundError(f"no such file: '{source}', expected a file of texts or - for standard input")
    if S_ISDIR(mode):
        raise ValueError(f"'{source}' is a folder, expected a file of texts or - for standard input")
    if not S_ISREG(mode):
        raise ValueError(f"'{source}' is no regular file: use - for standard input, and send it there by < or |")


def _format_of(source: str) -> str:
    """Return the format for the ending of `source`; raises ValueError if it stands for none."""
    if source == STDIN:
        return "text"
    path = Path(source)
    ending = path.suffix.lower()
    inner = Path(path.stem).suffix.lower() if ending in PACKED else ending
    if inner in FORMATS:
        return FORMATS[inner]
    endings = f"{', '.join(FORMATS)}, also followed by {', '.join(PACKED)}"
    advice = f"{ADVICE[inner]}, or " if inner in ADVICE else ""
    raise ValueError(f"'{source}' should end in {endings}: {advice}say how it is to be read with format=")


def _check_option(name: str, chosen: str, source: str) -> None:
    if chosen not in OPTIONS[name]:
        place = "standard input" if source == STDIN else f"'{source}'"
        goes_with = ", ".join(f"{option}= is for {', '.join(formats)}" for option, formats in OPTIONS.items())
        raise ValueError(f"{name}= does not go with {place}, which is read as {chosen}: {goes_with}")
