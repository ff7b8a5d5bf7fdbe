"""A file of texts becomes a file of vectors, in memory that does not grow with it."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from biobert_onnx._atomic_files import atomic_file
from biobert_onnx._progress import ProgressBar, can_show_progress
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.errors import TextTooLongError
from biobert_onnx.files.formats import WRITERS
from biobert_onnx.files.rows import InputError, Reader, Rows, Writer


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What `encode_file` did: vectors written, rows without a text, and the place of the first of these."""

    vectors: int
    missing: int
    first_missing: str | None


def encode_file(
    encoder: SentenceEncoder,
    reader: Reader,
    output: Path,
    *,
    prompt_name: str | None = None,
    prompt: str | None = None,
    normalize: bool = False,
    truncate_dim: int | None = None,
    long_texts: str = "truncate",
    show_progress: bool | None = None,
) -> Encoded:
    """Encode the texts of `reader` into the file `output`, which is written whole or not at all.

    The ending of `output` chooses its format; .jsonl and .parquet name the encoder's engine. A file is first read
    through for bad rows. Then its rows are read, encoded and written a group at a time, the reading one group ahead.
    `show_progress` draws a bar on stderr; None draws it on a terminal.

    Raises InputError if a row is bad or, with `long_texts` "error", has too many tokens; what `SentenceEncoder.encode`
    raises for the options, before anything is read; OSError if `output` cannot be written.
    """
    show = can_show_progress() if show_progress is None else show_progress
    waiting = "checking the input" if reader.can_reread else "reading standard input"
    with (
        atomic_file(output) as file,
        ProgressBar(enabled=show, waiting=waiting) as bar,
        closing(WRITERS[output.suffix](file, reader, truncate_dim or encoder.dim, encoder.engine)) as writer,
    ):
        progress = _Progress(bar)
        read = reader.groups()
        groups = encoder.encode_groups(
            read,
            prompt_name=prompt_name,
            prompt=prompt,
            normalize_embeddings=normalize,
            truncate_dim=truncate_dim,
            long_texts=long_texts,
            progress=progress.update,
        )
        with _closing(read), closing(groups), _naming_row(reader):
            progress.total = _check(reader, writer, bar)
            for rows, embeddings in groups:
                writer.write(rows, embeddings)
                progress.finish_group(rows)
        writer.finish()
    return Encoded(vectors=progress.done, missing=reader.missing.count, first_missing=reader.missing.first)


@contextmanager
def _closing(read: Generator[Rows, None, None]) -> Iterator[None]:
    """Close the input at the end of the block, not when its last reference goes: after an error, that may be late."""
    try:
        yield
    finally:
        with suppress(ValueError):  # the thread that reads ahead is blocked in it
            read.close()


def _check(reader: Reader, writer: Writer, bar: ProgressBar) -> int | None:
    """Read through an input that can be read again; return the number of rows to encode, None if it is not known."""
    if not reader.can_reread:
        return None
    total = reader.check(writer.learn, lambda share: bar.update(0, share=share))
    writer.start()
    return total


class _Progress:
    """How far a run is, shown on a bar: the texts done, and the share of the input that was read for them.

    `total`: the texts in all, None where they are not known.
    """

    def __init__(self, bar: ProgressBar) -> None:
        self.done = 0
        self.total: int | None = None
        self._share = 0.0
        self._is_started = False
        self._bar = bar

    def update(self, rows: Rows, share: float) -> None:
        """Show that `share` of the tokens of the group `rows` is done."""
        if not self._is_started:
            self._is_started = True
            self._bar.start(self.total)
        whole = None if rows.share is None else self._share + share * (rows.share - self._share)
        self._bar.update(self.done + share * len(rows.texts), share=whole)

    def finish_group(self, rows: Rows) -> None:
        """Count the group `rows` as done."""
        self.done += len(rows.texts)
        self._share = rows.share or 0.0
        self._bar.update(self.done, share=rows.share)


@contextmanager
def _naming_row(reader: Reader) -> Iterator[None]:
    """Make an error about one of the texts in the block name its row."""
    try:
        yield
    except TextTooLongError as error:
        raise InputError(str(error).replace(f"texts[{error.index}]", _place(reader, error.index), 1)) from error


def _place(reader: Reader, index: int) -> str:
    """Return what messages call the row of the text `index` of all that are encoded; reads the input up to there."""
    first = 0
    if reader.can_reread:
        with closing(reader.groups()) as read:
            for rows in read:
                if index < first + len(rows.texts):
                    return reader.place(rows.numbers[index - first])
                first += len(rows.texts)
    return f"text {index + 1:,} of {reader.name}"
