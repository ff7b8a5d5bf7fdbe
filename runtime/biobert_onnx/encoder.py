"""The public encoder: texts -> token ids -> micro-batches -> session -> rows put back in order."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biobert_onnx.artifact import ENCODER_GRAPH, TOKENIZER, Manifest
from biobert_onnx.cpus import usable_cpus
from biobert_onnx.embeddings import scale_to_unit_length
from biobert_onnx.long_texts import LongTexts
from biobert_onnx.progress import ProgressBar
from biobert_onnx.scheduler import run_micro_batches
from biobert_onnx.session import open_session
from biobert_onnx.tokenization import SLICE, SPECIAL_TOKENS, TextTokenizer, checked_texts, slices


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
        self._tokenizer = TextTokenizer(folder / TOKENIZER)
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
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> NDArray[np.float32]:
        """One vector a sentence: (n, dim) float32, in the order given; (0, dim) for no sentences.

        An empty or blank sentence is the text "[CLS] [SEP]" and gets its vector.

        `normalize_embeddings`: scale each vector to unit length, after `truncate_dim`.
        `show_progress_bar`: on stderr; None shows it on a terminal when there are more than 2,048 sentences.
        `truncate_dim`: keep only the first numbers of each vector, 1 to `dim` of them.
        `long_texts`: what is done with sentences of more than `max_length` tokens. "truncate" cuts them there, and
        gives one TruncationWarning a call. "error" raises ValueError. "window" encodes the whole sentence in windows
        of `max_length` tokens, each sharing 1/8 of its tokens with the next, and gives the mean of their vectors
        weighted by their tokens without [CLS] and [SEP], scaled to unit length if the artifact's vectors are.

        Raises TypeError for a bare str or an entry that is no str, ValueError for a lone surrogate; both name the
        entry's index. Raises ValueError for `truncate_dim` or `long_texts` out of range.
        """
        texts = checked_texts(sentences)
        long = LongTexts(long_texts, max_length=self._max_length)
        embeddings = np.empty((len(texts), self._checked_dim(truncate_dim)), dtype=np.float32)
        if show_progress_bar is None:
            show_progress_bar = len(texts) > SLICE and sys.stderr.isatty()
        with ProgressBar(len(texts), enabled=show_progress_bar) as bar:
            start = 0
            for part in slices(texts):
                rows = embeddings[start : start + len(part)]
                for done in self._encode_slice(part, long, out=rows):
                    bar.advance(done)
                if normalize_embeddings:
                    scale_to_unit_length(rows)
                start += len(part)
        long.warn(stacklevel=2)
        return embeddings

    def token_counts(self, sentences: Sequence[str]) -> NDArray[np.int64]:
        """The tokens of each sentence before any is cut, [CLS] and [SEP] included: (n,) int64.

        Raises as `encode` does for what is no sequence of texts.
        """
        parts = map(self._tokenizer.token_ids, slices(checked_texts(sentences)))
        return np.array([len(ids) for part in parts for ids in part], dtype=np.int64)

    def _encode_slice(self, texts: Sequence[str], long: LongTexts, *, out: NDArray[np.float32]) -> Iterator[float]:
        """Fill `out` (texts, k) with the first k numbers of each vector; yields texts done, a window as part of one."""
        windows = long.windows(self._tokenizer.token_ids(texts))
        vectors = np.empty((len(windows.token_ids), self.dim), dtype=np.float32)
        for done in run_micro_batches(self._run, windows.token_ids, out=vectors, threads=self._threads):
            yield done * len(texts) / len(vectors)
        out[:] = windows.text_vectors(vectors, normalized=self._manifest.normalized)[:, : out.shape[1]]

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

    def _checked_dim(self, truncate_dim: int | None) -> int:
        if truncate_dim is None:
            return self.dim
        if not 1 <= truncate_dim <= self.dim:
            raise ValueError(f"truncate_dim is {truncate_dim}, expected 1 to {self.dim}, the numbers of a vector")
        return truncate_dim


def _checked_threads(threads: int | None) -> int:
    if threads is None:
        return usable_cpus()
    if threads < 1:
        raise ValueError(f"threads is {threads}, expected at least 1; leave it out to use every CPU")
    return threads
