"""`similarity`: the nearest texts of another file, or the nearest pairs of one."""

import argparse
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from biobert_onnx._progress import command_progress
from biobert_onnx._types import FloatArray
from biobert_onnx.cli.arguments import (
    add_artifact,
    add_engine,
    add_length,
    add_reading,
    named_source,
    open_texts,
    text_formats,
)
from biobert_onnx.cli.printing import counted, json_text, tell_missing
from biobert_onnx.comparison.nearest import Near, nearest_neighbours, nearest_pairs
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.texts import CHUNK_TEXTS, chunks
from biobert_onnx.errors import TextTooLongError, check_int
from biobert_onnx.files.lines import STDIN
from biobert_onnx.files.rows import InputError, Reader

MAX_TEXTS = 100_000
"""Texts of one file: 307 MB of vectors of 768 numbers. All are compared with all: a quarter of an hour on 2 CPUs."""

MAX_CHARACTERS = 2**28
"""Characters of all texts of one file, which stay in memory: 256 MiB of ASCII, at most 1 GiB of anything else."""

MAX_TOP = 10_000

REMEDY = "split the file, or search in a vector store, see docs/vector-stores.md"

EXAMPLES = f"""\
examples:
  biobert-onnx similarity biobert-int8 questions.txt abstracts.txt      # the abstracts nearest to each question
  biobert-onnx similarity biobert-int8 abstracts.txt --top 20           # the nearest pairs: is one a copy of another?
  biobert-onnx similarity biobert-int8 papers.jsonl --field abstract --json
  echo "Vaccines for farm animals" | biobert-onnx similarity biobert-int8 - abstracts.txt

A line has the cosine, the number of A's line, that of B's line (within A: of the other line), and the start of both
texts. A file may have {MAX_TEXTS:,} texts. They and their vectors stay in memory: texts x dim x 4 bytes; comparing them
takes 100 MB more, however many they are.
"""

DIGITS = 6
"""Decimals of a cosine in JSON."""

SHOWN_CHARACTERS = 60
"""Characters of a text in a line for people."""


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The texts of a file, what messages call it, and the numbers of their lines or rows."""

    reader: Reader
    texts: list[str]
    numbers: list[int]

    def encode(self, encoder: SentenceEncoder, long_texts: str) -> FloatArray:
        """Return the vectors of the texts, each of unit length, (texts, dim); raises InputError for one too long."""
        vectors = np.empty((len(self.texts), encoder.dim), dtype=np.float32)
        done = 0
        with command_progress(enabled=len(self.texts) > CHUNK_TEXTS) as bar:
            groups = encoder.encode_groups(
                chunks(self.texts),
                normalize_embeddings=True,
                long_texts=long_texts,
                progress=lambda chunk, share: bar.update(done + share * len(chunk.texts)),
            )
            bar.start(len(self.texts))
            try:
                with closing(groups):
                    for chunk, embeddings in groups:
                        vectors[done : done + len(chunk.texts)] = embeddings
                        done += len(chunk.texts)
            except TextTooLongError as error:
                place = self.reader.place(self.numbers[error.index])
                raise InputError(str(error).replace(f"texts[{error.index}]", place, 1)) from error
        return vectors

    def described(self, index: int) -> dict[str, object]:
        """Return the text `index` for JSON."""
        return {"number": self.numbers[index], "text": self.texts[index]}


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    add_artifact(parser)
    parser.add_argument(
        "a", type=named_source, metavar="A", help=f"a file: {text_formats()}; - for standard input, see --format"
    )
    parser.add_argument(
        "b", type=named_source, metavar="B", nargs="?", help="the file to search in (default: A's other texts)"
    )
    parser.add_argument(
        "--top",
        type=int,
        default=5,
        metavar="N",
        help="how many texts of B for each text of A; without B, how many pairs (default: 5)",
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each pair, with the whole texts")
    add_reading(parser, by_default="by the file's ending; text, one a line, for standard input")
    encoding = parser.add_argument_group("encoding")
    add_length(encoding, by_default="the artifact's, see info")
    add_engine(encoding)


def run(options: argparse.Namespace) -> None:
    """Read both files whole, encode them, and print the pairs.

    Memory: the texts, at most MAX_TEXTS and MAX_CHARACTERS a file, their vectors, and cosines in blocks.
    """
    check_int("--top", options.top, range(1, MAX_TOP + 1), "how many texts, or pairs, are listed")
    if options.a == options.b == STDIN:
        raise ValueError("A and B are both '-', but standard input is read only once: name a file for one of them")
    readers = [open_texts(source, options) for source in (options.a, options.b) if source is not None]
    encoder = SentenceEncoder(options.artifact, max_length=options.max_length, engine=options.engine)
    a, *others = [_read(reader, least=1 if len(readers) == 2 else 2) for reader in readers]
    for reader in readers:
        tell_missing(reader.missing.count, reader.missing.first, options.missing)
    vectors = a.encode(encoder, options.long_texts)
    if others:
        [b] = others
        found: Iterator[Near] = nearest_neighbours(vectors, b.encode(encoder, options.long_texts), options.top)
    else:
        b, found = a, iter(nearest_pairs(vectors, options.top))
    show = _json_line if options.json else _plain_line
    for near in found:
        print(show(a, b, near))


def _read(reader: Reader, *, least: int) -> Texts:
    """Read all texts; raises InputError if they are fewer than `least` or more than the bounds allow."""
    texts: list[str] = []
    numbers: list[int] = []
    characters = 0
    with closing(reader.groups()) as groups:
        for rows in groups:
            texts += map(str, rows.texts)
            numbers += rows.numbers
            characters += sum(map(len, rows.texts))
            if len(texts) > MAX_TEXTS:
                raise InputError(f"{reader.name} has more than {MAX_TEXTS:,} texts: {REMEDY}")
            if characters > MAX_CHARACTERS:
                raise InputError(f"{reader.name} has more than {MAX_CHARACTERS:,} characters: {REMEDY}")
    if len(texts) < least:
        raise InputError(f"{reader.name} has {counted(len(texts), 'text')}, expected at least {least}")
    return Texts(reader=reader, texts=texts, numbers=numbers)


def _plain_line(a: Texts, b: Texts, near: Near) -> str:
    """Return a line for people, its columns as wide as the highest number of each file."""
    columns = [f"{near.cosine:7.4f}"]
    columns += [f"{file.numbers[at]:>{len(str(file.numbers[-1]))}}" for file, at in ((a, near.a), (b, near.b))]
    return "  ".join((*columns, _start(a.texts[near.a]), _start(b.texts[near.b])))


def _json_line(a: Texts, b: Texts, near: Near) -> str:
    found = {"cosine": round(near.cosine, DIGITS), "a": a.described(near.a), "b": b.described(near.b)}
    return json_text(found)


def _start(text: str) -> str:
    """Return the start of `text` in quotes, with an escape for each character that a terminal may take for a command.

    >>> _start("Sepsis again and again. " * 9)
    "'Sepsis again and again. Sepsis again and again. Sepsis ag...'"
    """
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}...")
