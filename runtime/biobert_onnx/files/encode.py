"""A file of texts becomes a file of vectors, in memory that does not grow with it, or an array of vectors."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from biobert_onnx._atomic_files import atomic_file
from biobert_onnx._progress import ProgressBar, command_progress
from biobert_onnx._types import FloatArray, Text
from biobert_onnx.artifact.manifest import LAST
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.encoding.pipeline import Progress
from biobert_onnx.encoding.texts import CHUNK_TEXTS
from biobert_onnx.encoding.token_vectors import GROUP_TEXTS, TokenEmbeddings
from biobert_onnx.errors import TextTooLongError
from biobert_onnx.files.formats import PARQUET, WRITERS
from biobert_onnx.files.kept_vectors import KeptVectors, run_of
from biobert_onnx.files.parquet import TokensWriter
from biobert_onnx.files.rows import InputError, Reader, Rows, Writer

V = TypeVar("V")

EncodeRows = Callable[[Iterable[Rows], Progress[Rows]], Generator[tuple[Rows, V], None, None]]
"""A function that yields groups of rows with what they encode to, and is given what to call as it goes."""

EncodeGroups = EncodeRows[FloatArray]
"""Such a function to vectors, (rows, dim)."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What `encode_file` did: texts encoded, vectors written, rows without a text, the place of the first of these.

    `resumed`: vectors of these that a run before had computed.
    """

    texts: int
    vectors: int
    missing: int
    first_missing: str | None
    resumed: int = 0


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
    resume: bool = False,
    show_progress: bool = False,
) -> Encoded:
    """Encode the texts of `reader` into the file `output`, which is written whole or not at all.

    The ending of `output` chooses its format; .jsonl and .parquet name the encoder's engine. A file is first read
    through for bad rows. Then its rows are read, encoded and written a group at a time, the reading one group ahead.
    `show_progress` says on stderr how far it is: by a bar on a terminal, else in a line a minute.

    With `resume`, the vectors are also kept in the folder `kept_folder(output)` until `output` is whole, and those that
    an interrupted run has left there are not computed again: `output` gets the same bytes. A TruncationWarning counts
    the texts that this run encodes.

    Raises InputError if a row is bad or, with `long_texts` "error", has too many tokens; what `SentenceEncoder.encode`
    raises for the options, before anything is read; OSError if `output` cannot be written; with `resume`, ValueError
    for standard input and as `KeptVectors` does.
    """
    waiting = "checking the input" if reader.can_reread else "reading standard input"
    dim = truncate_dim or encoder.dim

    def encode(
        groups: Iterable[Rows], progress: Progress[Rows] | None
    ) -> Generator[tuple[Rows, FloatArray], None, None]:
        return encoder.encode_groups(
            groups,
            prompt_name=prompt_name,
            prompt=prompt,
            normalize_embeddings=normalize,
            truncate_dim=truncate_dim,
            long_texts=long_texts,
            progress=progress,
        )

    encode((), None).close()  # it raises for the options
    keeping: AbstractContextManager[KeptVectors | None] = nullcontext()
    if resume:
        if not reader.can_reread:
            raise ValueError(f"{reader.name} cannot be read again, as resume=True needs it: name a file")
        chosen = encoder.chosen_prompt(prompt_name=prompt_name, prompt=prompt)
        run = run_of(encoder, prompt=chosen, normalize=normalize, dim=dim, long_texts=long_texts)
        keeping = KeptVectors.open(output, run)
    with (
        keeping as kept,
        atomic_file(output) as file,
        command_progress(enabled=show_progress, waiting=waiting) as bar,
        closing(WRITERS[output.suffix](file, reader, dim, encoder.engine)) as writer,
    ):
        encode_rows = encode if kept is None else partial(kept.go_on, encode)
        check = partial(_check, reader, writer, bar)
        texts = _encode_rows(encode_rows, reader, bar, check=check, take=writer.write)
        writer.finish()
    resumed, missing = 0 if kept is None else kept.resumed, reader.missing
    return Encoded(texts=texts, vectors=texts, missing=missing.count, first_missing=missing.first, resumed=resumed)


def encode_tokens_file(
    encoder: SentenceEncoder,
    reader: Reader,
    output: Path,
    *,
    layers: str = LAST,
    word_pooling: str | None = None,
    prompt_name: str | None = None,
    prompt: str | None = None,
    long_texts: str = "truncate",
    show_progress: bool = False,
) -> Encoded:
    """Write the vectors of the tokens of each text of `reader` into the Parquet file `output`, whole or not at all.

    It goes about it as `encode_file` does, 128 rows at a time. `word_pooling`, "mean" or "first", writes those of words
    instead; the other options are those of `SentenceEncoder.encode_tokens`. The number of vectors is that of the
    tokens. Raises as `encode_file` does, ValueError for another ending than .parquet, and what `encode_tokens` raises
    for the artifact and the options.
    """
    if output.suffix != PARQUET:
        raise ValueError(f"'{output}' should end in {PARQUET}: no other format here holds lists of vectors")
    waiting = "checking the input" if reader.can_reread else "reading standard input"
    vectors = 0
    with (
        atomic_file(output) as file,
        command_progress(enabled=show_progress, waiting=waiting) as bar,
        closing(TokensWriter(file, reader, encoder.token_dim, encoder.engine, layers)) as writer,
    ):

        def encode(
            groups: Iterable[Rows], progress: Progress[Rows]
        ) -> Generator[tuple[Rows, list[TokenEmbeddings]], None, None]:
            return encoder.encode_token_groups(
                groups,
                layers=layers,
                words=word_pooling is not None,
                word_pooling=word_pooling or "mean",
                prompt_name=prompt_name,
                prompt=prompt,
                long_texts=long_texts,
                progress=progress,
            )

        def take(rows: Rows, items: list[TokenEmbeddings]) -> None:
            nonlocal vectors
            vectors += sum(map(len, items))
            writer.write(rows, items)

        check = partial(_check, reader, writer, bar)
        texts = _encode_rows(encode, reader, bar, check=check, take=take, max_rows=GROUP_TEXTS)
        writer.finish()
    missing = reader.missing
    return Encoded(texts=texts, vectors=vectors, missing=missing.count, first_missing=missing.first)


def count_texts(reader: Reader, *, show_progress: bool) -> int:
    """Read through the file of `reader`; return the number of its texts, or raise InputError at the first bad row."""
    with command_progress(enabled=show_progress, waiting="checking the input") as bar:
        return reader.check(lambda rows: None, lambda share: bar.update(0, share=share))


def encode_array(
    encode: EncodeGroups, reader: Reader, *, texts: int, dim: int, show_progress: bool = False
) -> FloatArray:
    """Return the vectors that `encode` gives the texts of `reader`, (texts, dim) float32; `count_texts` counted them.

    Raises InputError if the file has another number of texts by now, and for a text that is too long.
    """
    vectors = np.empty((texts, dim), dtype=np.float32)
    done = 0

    def take(rows: Rows, embeddings: FloatArray) -> None:
        nonlocal done
        if done + len(embeddings) <= texts:
            vectors[done : done + len(embeddings)] = embeddings
        done += len(embeddings)

    with command_progress(enabled=show_progress, waiting="reading the texts") as bar:
        _encode_rows(encode, reader, bar, check=lambda: texts, take=take)
    if done != texts:
        raise InputError(f"{reader.name} had {texts:,} texts, and now has {done:,}: leave it alone while it is read")
    return vectors


def find_text(reader: Reader, index: int) -> tuple[str, Text]:
    """Return what messages call the row of the text `index` of the file of `reader`, and the text."""
    first = 0
    with closing(reader.groups()) as read:
        for rows in read:
            if index < first + len(rows.texts):
                return reader.place(rows.numbers[index - first]), rows.texts[index - first]
            first += len(rows.texts)
    raise InputError(f"{reader.name} has {first:,} texts now, and had more: leave it alone while it is read")


def _encode_rows(
    encode: EncodeRows[V],
    reader: Reader,
    bar: ProgressBar,
    *,
    check: Callable[[], int | None],
    take: Callable[[Rows, V], None],
    max_rows: int = CHUNK_TEXTS,
) -> int:
    """Give each group of up to `max_rows` rows with what it encodes to to `take`; returns the number of texts.

    `check` looks at the input once the options are known to be right; it returns the number of texts, None if unknown.
    """
    progress = _Progress(bar)
    read = reader.groups(max_rows=max_rows)
    groups = encode(read, progress.update)
    with _closing(read), closing(groups), _naming_row(reader):
        progress.total = check()
        for rows, encoded in groups:
            take(rows, encoded)
            progress.finish_group(rows)
    return progress.done


@contextmanager
def _closing(read: Generator[Rows, None, None]) -> Iterator[None]:
    """Close the input at the end of the block, not when its last reference goes: after an error, that may be late."""
    try:
        yield
    finally:
        with suppress(ValueError):  # the thread that reads ahead is blocked in it
            read.close()


def _check(reader: Reader, writer: Writer | TokensWriter, bar: ProgressBar) -> int | None:
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
            self._bar.start(self.total, done=self.done, share=self._share)
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
    return find_text(reader, index)[0] if reader.can_reread else f"text {index + 1:,} of {reader.name}"
