"""A file of texts becomes a file of vectors, in memory that does not grow with it."""

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from biobert_onnx._atomic_files import atomic_file
from biobert_onnx._progress import ProgressBar
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.texts import CHUNK_TEXTS as CHUNK
from biobert_onnx.files.parquet_reader import ParquetReader
from biobert_onnx.files.parquet_writer import ParquetWriter
from biobert_onnx.files.readers import STDIN, CsvReader, JsonlReader, LineReader, TextReader
from biobert_onnx.files.rows import Reader, Rows
from biobert_onnx.files.writers import JsonlWriter, NpyWriter

READERS: dict[str, type[LineReader] | type[ParquetReader]] = {
    ".txt": TextReader,
    ".jsonl": JsonlReader,
    ".csv": CsvReader,
    ".parquet": ParquetReader,
}
WRITERS: dict[str, type[NpyWriter] | type[JsonlWriter] | type[ParquetWriter]] = {
    ".npy": NpyWriter,
    ".jsonl": JsonlWriter,
    ".parquet": ParquetWriter,
}

TEXT = "text"
"""The field or column that is read when none is named."""


def open_reader(source: str, *, field: str | None = None, column: str | None = None) -> Reader:
    """The reader of the file `source`, chosen by its ending; "-" is standard input, one text a line.

    `field` names the text in .jsonl, `column` in .csv and .parquet. Raises FileNotFoundError, ValueError if the ending
    is unknown, an option does not go with it, or the file's header or schema does not fit.
    """
    if source != STDIN and not Path(source).is_file():
        raise FileNotFoundError(f"no such file: '{source}', expected a file of texts or - for standard input")
    if source == STDIN and sys.stdin is None:
        raise ValueError("standard input is closed: send texts to it, one a line, or name a file")
    suffix = ".txt" if source == STDIN else Path(source).suffix.lower()
    if suffix not in READERS:
        raise ValueError(f"'{source}' should end in {', '.join(READERS)}; other text goes through standard input: -")
    reader, names = READERS[suffix], {"--field": field, "--column": column}
    for option, name in names.items():
        if name is not None and option != reader.option:
            raise ValueError(
                f"{option} does not go with '{source}': --field is for .jsonl, --column for .csv and .parquet"
            )
    name = names.get(reader.option)
    return reader(source, TEXT if name is None else name)


def encode_file(
    encoder: SentenceEncoder,
    reader: Reader,
    output: Path,
    *,
    normalize: bool,
    truncate_dim: int | None = None,
    long_texts: str = "truncate",
) -> int:
    """The number of texts of `reader` whose vectors are now in the file `output`, whole or not at all.

    The ending of `output` chooses its format. Chunks are read, encoded and written in turn, the reading one ahead; a
    progress bar shows on a terminal.
    """
    waiting: deque[Rows] = deque()

    def texts() -> Iterator[str]:
        for rows in reader.chunks(CHUNK):
            waiting.append(rows)
            yield from rows.texts

    done = 0
    with (
        atomic_file(output) as file,
        closing(WRITERS[output.suffix](file, reader, truncate_dim or encoder.dim)) as writer,
        ProgressBar(enabled=sys.stderr.isatty()) as bar,
        closing(
            encoder.encode_stream(
                texts(),
                chunk_size=CHUNK,
                normalize_embeddings=normalize,
                truncate_dim=truncate_dim,
                long_texts=long_texts,
            )
        ) as stream,
    ):
        for embeddings in stream:
            rows = waiting.popleft()
            writer.write(rows, embeddings)
            bar.advance(len(embeddings), share=rows.share)
            done += len(embeddings)
    return done
