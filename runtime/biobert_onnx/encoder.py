"""The public encoder: texts -> token ids -> micro-batches -> session -> rows put back in order."""

import os
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.artifact import ENCODER_GRAPH, TOKENIZER, Manifest
from biobert_onnx.cpus import usable_cpus
from biobert_onnx.progress import ProgressBar
from biobert_onnx.scheduler import run_micro_batches
from biobert_onnx.session import open_session
from biobert_onnx.streaming import CHUNK, token_ids_ahead
from biobert_onnx.tokenization import SPECIAL_TOKENS, TextTokenizer, checked_texts

SLICE = 2048
"""Texts tokenized at a time: enough of them to fill micro-batches of equal length, few enough to hold little memory."""

NORM_FLOOR = 1e-12
"""The smallest norm to divide by, as in torch.nn.functional.normalize."""


class SentenceEncoder:
    """Turns texts into pooled sentence vectors with one artifact folder, on CPUs.

    On one machine and onnxruntime version a text gets the same bits whatever it is encoded with, in whatever order
    and on however many threads. One encoder may be called from many threads at once.

        encoder = SentenceEncoder("biobert-v1.1-int8")          # an artifact folder
        embeddings = encoder.encode(["I hate cancer", "Antibiotics aren't painkiller"])   # (2, 768) float32
    """

    def __init__(self, path: str | os.PathLike[str], *, max_length: int | None = None, threads: int | None = None):
        """Load the artifact in the folder `path`.

        `max_length`: tokens a text is cut to, [CLS] and [SEP] included; None takes the manifest's.
        `threads`: worker threads, each computing one micro-batch at a time; None takes one for each CPU this process
        may use.

        Raises ArtifactError if the folder is no complete artifact (sizes are checked here, sha256 by
        `biobert-onnx verify`), ValueError if `max_length` or `threads` is out of range.
        """
        folder = Path(path)
        self._manifest = Manifest.read(folder)
        self._manifest.check_sizes(folder)
        self._max_length = self._checked_max_length(max_length)
        self._threads = _checked_threads(threads)
        self._tokenizer = TextTokenizer(folder / TOKENIZER, max_length=self._max_length)
        self._session = open_session(folder / ENCODER_GRAPH)

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
    ) -> NDArray[np.float32]:
        """One vector a sentence: (n, dim) float32, in the order given; (0, dim) for no sentences.

        An empty or blank sentence is the text "[CLS] [SEP]" and gets its vector. A sentence of more than
        `max_length` tokens is cut there.

        `normalize_embeddings`: scale each vector to unit length.
        `show_progress_bar`: on stderr; None shows it on a terminal when there are more than 2,048 sentences.

        Raises TypeError for a bare str or an entry that is no str, ValueError for a lone surrogate; both name the
        entry's index.
        """
        texts = checked_texts(sentences)
        embeddings = np.empty((len(texts), self.dim), dtype=np.float32)
        if show_progress_bar is None:
            show_progress_bar = len(texts) > SLICE and sys.stderr.isatty()
        with ProgressBar(len(texts), enabled=show_progress_bar) as bar:
            for start in range(0, len(texts), SLICE):
                token_ids = self._tokenizer.token_ids(texts[start : start + SLICE])
                rows = embeddings[start : start + SLICE]
                for done in run_micro_batches(self._run, token_ids, out=rows, threads=self._threads):
                    bar.advance(done)
        if normalize_embeddings:
            _normalize(embeddings)
        return embeddings

    def encode_stream(
        self, texts: Iterable[str], *, chunk_size: int = CHUNK, normalize_embeddings: bool = False
    ) -> Generator[NDArray[np.float32], None, None]:
        """The vectors of any number of texts, in order: arrays (chunk_size, dim) float32, the last one (k, dim).

        Memory does not grow with the number of texts. One thread of its own reads and tokenizes a chunk ahead while
        this one is computed; it ends with the stream, or when the generator is closed or dropped. A text gets the
        same bits as from `encode`.

        Raises TypeError for a bare str, and as `encode` does for an entry that is no text; that error, or one of the
        iterable, comes after the arrays of the whole chunks before it. ValueError if `chunk_size` is less than 1.
        """
        if isinstance(texts, str | bytes):
            raise TypeError(f"expected texts, got one {type(texts).__name__}: call encode_stream([text])")
        if chunk_size < 1:
            raise ValueError(f"chunk_size is {chunk_size}, expected at least 1; leave it out to get {CHUNK}")
        return self._stream(iter(texts), chunk_size, normalize_embeddings)

    def _stream(
        self, texts: Iterator[str], chunk_size: int, normalize: bool
    ) -> Generator[NDArray[np.float32], None, None]:
        with closing(token_ids_ahead(texts, self._tokenizer.token_ids, chunk_size=chunk_size)) as chunks:
            for token_ids in chunks:
                embeddings = np.empty((len(token_ids), self.dim), dtype=np.float32)
                for _ in run_micro_batches(self._run, token_ids, out=embeddings, threads=self._threads):
                    pass
                if normalize:
                    _normalize(embeddings)
                yield embeddings

    def _run(self, input_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        embeddings: NDArray[np.float32] = self._session.run(["embeddings"], {"input_ids": input_ids})[0]
        return embeddings

    def _checked_max_length(self, max_length: int | None) -> int:
        if max_length is None:
            return self._manifest.max_length
        most = self._manifest.max_positions
        if not SPECIAL_TOKENS < max_length <= most:
            raise ValueError(
                f"max_length is {max_length}, expected {SPECIAL_TOKENS + 1} to {most}, the positions of the checkpoint"
            )
        return max_length


def _normalize(embeddings: NDArray[np.float32]) -> None:
    """Scale each row to unit length, in place."""
    embeddings /= np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), NORM_FLOOR)


def _checked_threads(threads: int | None) -> int:
    if threads is None:
        return usable_cpus()
    if threads < 1:
        raise ValueError(f"threads is {threads}, expected at least 1; leave it out to use every CPU")
    return threads
