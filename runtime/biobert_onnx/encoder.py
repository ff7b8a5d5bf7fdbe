"""The public encoder: texts -> token ids -> micro-batches -> session -> rows put back in order."""

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._progress import ProgressBar
from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import ENCODER_GRAPH, TOKENIZER
from biobert_onnx.embeddings import scale_to_unit_length
from biobert_onnx.encoding.async_calls import ConcurrentCallers
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.long_texts import LongTexts, Windows
from biobert_onnx.encoding.micro_batches import run_micro_batches
from biobert_onnx.encoding.prepacked import FOLDER, fitting_graph
from biobert_onnx.encoding.read_ahead import CHUNK, token_ids_ahead
from biobert_onnx.encoding.sessions import Sessions
from biobert_onnx.encoding.tokenizer import TextTokenizer, checked_texts, slices


class SentenceEncoder:
    """Turns texts into pooled sentence vectors with one artifact folder, on CPUs.

    On one machine and onnxruntime version a text gets the same bits whatever it is encoded with, in whatever order
    and on however many threads. One encoder may be called from many threads at once, works on in forked processes,
    and pickles as the path of its artifact. It may be used as a context manager, which closes it.

        encoder = SentenceEncoder("biobert-v1.1-int8")          # an artifact folder
        embeddings = encoder.encode(["I hate cancer", "Antibiotics aren't painkiller"])   # (2, 768) float32
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_length: int | None = None,
        threads: int | None = None,
        prepacked: str | os.PathLike[str] | None = None,
    ):
        """Load the artifact in the folder `path`.

        `max_length`: tokens a text is cut to, [CLS] and [SEP] included; None takes the manifest's.
        `threads`: worker threads, each computing one micro-batch at a time; None takes one for each CPU this process
        may use. A text alone takes all of them.
        `prepacked`: a folder made by `biobert-onnx prepack --into`; None takes the one inside the artifact. Either is
        used if it was made from this artifact, by this onnxruntime version, on this type of CPU.

        Raises ArtifactError if the folder is no complete artifact (sizes are checked here, sha256 by
        `biobert-onnx verify`), ValueError if `max_length` or `threads` is out of range.
        """
        folder = Path(path).absolute()
        self._remade = partial(type(self), folder, max_length=max_length, threads=threads, prepacked=prepacked)
        self._manifest = Manifest.read(folder)
        self._manifest.check_sizes(folder)
        self._max_length = self._checked_max_length(max_length)
        self._threads = _checked_threads(threads)
        self._tokenizer = TextTokenizer(folder / TOKENIZER)
        plain = folder / ENCODER_GRAPH
        packed = fitting_graph(folder / FOLDER if prepacked is None else Path(prepacked), self._manifest)
        exact = not self._manifest.has_float32_products  # these round otherwise without packing
        self._sessions = Sessions(plain, packed or plain, dim=self.dim, threads=self._threads, quick_start=exact)
        self._callers = ConcurrentCallers(self._sessions.run, dim=self.dim, threads=self._threads)

    def __enter__(self) -> Self:
        """The encoder itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()

    def __reduce__(self) -> tuple[Callable[[], "SentenceEncoder"], tuple[()]]:
        """What it was made with: another process loads the artifact itself."""
        return self._remade, ()

    def close(self) -> None:
        """Give memory and threads back; encoding raises ValueError from then on, and where it is awaited now."""
        self._sessions.close()
        self._callers.close()

    @property
    def dim(self) -> int:
        """The length of one vector."""
        return self._manifest.dim

    @property
    def max_length(self) -> int:
        """Tokens a text is cut to, [CLS] and [SEP] included."""
        return self._max_length

    @property
    def manifest(self) -> Manifest:
        """What the artifact is, where it came from and how faithful it was measured to be."""
        return self._manifest

    def encode(
        self,
        sentences: Sequence[str],
        *,
        normalize_embeddings: bool = False,
        show_progress_bar: bool | None = None,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> FloatArray:
        """One vector a sentence: (n, dim) float32, in the order given; (0, dim) for no sentences.

        An empty or blank sentence is the text "[CLS] [SEP]" and gets its vector. Equal sentences are computed once.

        `normalize_embeddings`: scale each vector to unit length, after `truncate_dim`.
        `show_progress_bar`: on stderr; None shows it on a terminal when there are more than 1,024 sentences.
        `truncate_dim`: keep only the first numbers of each vector, 1 to `dim` of them.
        `long_texts`: what is done with sentences of more than `max_length` tokens. "truncate" cuts them there, and
        gives one TruncationWarning a call. "error" raises ValueError. "window" encodes the whole sentence in windows
        of `max_length` tokens, each sharing 1/8 of its tokens with the next, and gives the mean of their vectors
        weighted by their tokens without [CLS] and [SEP], scaled to unit length if the artifact's vectors are.

        Raises TypeError for a bare str or an entry that is no str, ValueError for a lone surrogate; both name the
        entry's index. Raises ValueError for `truncate_dim` or `long_texts` out of range, and after `close`.
        """
        texts = checked_texts(sentences)
        numbers, rows = _numbered(texts)
        dim, long = self._checked_dim(truncate_dim), LongTexts(long_texts, max_length=self._max_length, rows=rows)
        embeddings = np.empty((len(numbers), dim), dtype=np.float32)
        if show_progress_bar is None:
            show_progress_bar = len(texts) > CHUNK and sys.stderr.isatty()
        with ProgressBar(len(texts), enabled=show_progress_bar) as bar, closing(self._chunks(numbers)) as chunks:
            start = 0
            for token_ids in chunks:
                out = embeddings[start : start + len(token_ids)]
                for done in self._encode_tokens(token_ids, long, normalize=normalize_embeddings, out=out):
                    bar.advance(done * len(texts) / len(numbers))
                start += len(out)
        long.warn(stacklevel=2)
        return embeddings if len(numbers) == len(texts) else embeddings[rows]

    async def aencode(
        self,
        sentences: Sequence[str],
        *,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> FloatArray:
        """What `encode` gives, awaited: callers that come within a few milliseconds are computed together.

        The computing runs on one thread beside the event loop, which goes on; any number of loops may share an
        encoder. Options and errors are those of `encode`; an error of one caller's sentences reaches only that caller,
        and cancelling one does not harm the others. More than 1,024 sentences are computed in turns with other callers.
        """
        texts = checked_texts(sentences)
        numbers, rows = _numbered(texts)
        dim, long = self._checked_dim(truncate_dim), LongTexts(long_texts, max_length=self._max_length, rows=rows)
        distinct, embeddings = list(numbers), np.empty((len(numbers), dim), dtype=np.float32)
        for start in range(0, len(distinct), CHUNK):
            part, out = distinct[start : start + CHUNK], embeddings[start : start + CHUNK]
            windows, vectors = await self._callers.vectors(partial(self._windows, part, long), texts=len(part))
            self._fill(out, windows, vectors, normalize=normalize_embeddings)
        long.warn(stacklevel=2)
        return embeddings if len(numbers) == len(texts) else embeddings[rows]

    def encode_stream(
        self,
        texts: Iterable[str],
        *,
        chunk_size: int = CHUNK,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> Generator[FloatArray, None, None]:
        """The vectors of any number of texts, in order: arrays (chunk_size, dim) float32, the last one (k, dim).

        Memory does not grow with the number of texts. One thread of its own reads and tokenizes a chunk ahead while
        this one is computed; it ends with the stream, or when the generator is closed or dropped. A text gets the
        same bits as from `encode`, whose options these are; texts that were cut are warned of at the stream's end.

        Raises TypeError for a bare str, and as `encode` does for an entry that is no text; that error, or one of the
        iterable, comes after the arrays of the whole chunks before it. ValueError if `chunk_size` is less than 1, and
        as `encode` does for the options.
        """
        if isinstance(texts, str | bytes):
            raise TypeError(f"expected texts, got one {type(texts).__name__}: call encode_stream([text])")
        if chunk_size < 1:
            raise ValueError(f"chunk_size is {chunk_size}, expected at least 1; leave it out to get {CHUNK}")
        dim, long = self._checked_dim(truncate_dim), LongTexts(long_texts, max_length=self._max_length)
        return self._stream(iter(texts), chunk_size, dim, long, normalize=normalize_embeddings)

    def token_counts(self, sentences: Sequence[str]) -> NDArray[np.int64]:
        """The tokens of each sentence before any is cut, [CLS] and [SEP] included: (n,) int64.

        Raises as `encode` does for what is no sequence of texts.
        """
        parts = map(self._tokenizer.token_ids, slices(checked_texts(sentences)))
        return np.array([len(ids) for part in parts for ids in part], dtype=np.int64)

    def _stream(
        self, texts: Iterator[str], chunk_size: int, dim: int, long: LongTexts, *, normalize: bool
    ) -> Generator[FloatArray, None, None]:
        with closing(token_ids_ahead(texts, self._tokenizer.token_ids, chunk_size=chunk_size)) as chunks:
            for token_ids in chunks:
                embeddings = np.empty((len(token_ids), dim), dtype=np.float32)
                for _ in self._encode_tokens(token_ids, long, normalize=normalize, out=embeddings):
                    pass
                yield embeddings
        long.warn(stacklevel=2)

    def _chunks(self, texts: dict[str, int]) -> Generator[list[list[int]], None, None]:
        """The token ids of `texts`, a chunk at a time, made ahead if there are several."""
        if len(texts) > CHUNK:
            yield from token_ids_ahead(iter(texts), self._tokenizer.token_ids, chunk_size=CHUNK)
        elif texts:
            yield [ids for part in slices(texts) for ids in self._tokenizer.token_ids(part)]

    def _encode_tokens(
        self, token_ids: Sequence[Sequence[int]], long: LongTexts, *, normalize: bool, out: FloatArray
    ) -> Iterator[float]:
        """Fill `out` (texts, k) with the first k numbers of each vector; yields texts done, a window as part of one."""
        windows = long.windows(token_ids)
        vectors = np.empty((len(windows.token_ids), self.dim), dtype=np.float32)
        for done in run_micro_batches(self._sessions.run, windows.token_ids, out=vectors, threads=self._threads):
            yield done * len(out) / len(vectors)
        self._fill(out, windows, vectors, normalize=normalize)

    def _windows(self, texts: Sequence[str], long: LongTexts) -> Windows:
        """The windows of `texts`, tokenized in slices, as callers that come together hold many texts."""
        return long.windows([ids for part in slices(texts) for ids in self._tokenizer.token_ids(part)])

    def _fill(self, out: FloatArray, windows: Windows, vectors: FloatArray, *, normalize: bool) -> None:
        """Put the first numbers of the texts' vectors into `out` (texts, k)."""
        out[:] = windows.text_vectors(vectors, normalized=self._manifest.normalized)[:, : out.shape[1]]
        if normalize:
            scale_to_unit_length(out)

    def _checked_max_length(self, max_length: int | None) -> int:
        manifest = self._manifest
        length = manifest.max_length if max_length is None else max_length
        if length not in manifest.lengths:
            raise ValueError(
                f"max_length is {length!r}, expected {manifest.lengths.start} to {manifest.max_positions}, the "
                "positions of the checkpoint"
            )
        return length

    def _checked_dim(self, truncate_dim: int | None) -> int:
        if truncate_dim is None:
            return self.dim
        if not 1 <= truncate_dim <= self.dim:
            raise ValueError(f"truncate_dim is {truncate_dim}, expected 1 to {self.dim}, the numbers of a vector")
        return truncate_dim


def _numbered(texts: Sequence[str]) -> tuple[dict[str, int], list[int]]:
    """The distinct texts with their numbers, in order, and the number of each text.

    >>> _numbered(["b", "a", "b"])
    ({'b': 0, 'a': 1}, [0, 1, 0])
    """
    numbers: dict[str, int] = {}
    return numbers, [numbers.setdefault(text, len(numbers)) for text in texts]


def _checked_threads(threads: int | None) -> int:
    if threads is None:
        return usable_cpus()
    if threads < 1:
        raise ValueError(f"threads is {threads}, expected at least 1; leave it out to use every CPU")
    return threads
