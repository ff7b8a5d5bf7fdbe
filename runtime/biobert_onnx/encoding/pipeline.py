"""The one way from texts to vectors, under every call of `SentenceEncoder`:

group of texts, each after the prompt -> token ids -> windows -> micro-batches, one a thread -> vectors of windows ->
rows, one a text
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, Text
from biobert_onnx.embeddings import scale_to_unit_length
from biobert_onnx.encoding.long_texts import Windows, text_vectors, windows_of
from biobert_onnx.encoding.micro_batches import Run, run_micro_batches
from biobert_onnx.encoding.pairs import tokens_of
from biobert_onnx.encoding.prompts import with_prompt
from biobert_onnx.encoding.texts import checked_text
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.encoding.workers import read_ahead
from biobert_onnx.errors import TextTooLongError


class Group(Protocol):
    """Texts that are encoded together, and whatever else its maker keeps with them."""

    @property
    def texts(self) -> Sequence[Text]:
        """The texts, each of valid Unicode."""


G = TypeVar("G", bound=Group)

Progress = Callable[[G, float], None]
"""Takes a group and the share of its tokens that is done, above 0 and up to 1, after each micro-batch."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a call asks for: numbers kept of each vector, unit length, what is done with long texts, and the prompt.

    `prompt`: a text that is put before each text; it has passed `check_prompt`.
    """

    dim: int
    normalize: bool
    long_texts: str
    prompt: str

    def applied_to(self, vectors: FloatArray) -> FloatArray:
        """Return what is kept of the `vectors` of texts, (texts, numbers), at the length that is asked for."""
        embeddings = np.ascontiguousarray(vectors[:, : self.dim])
        if self.normalize:
            scale_to_unit_length(embeddings)
        return embeddings


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Of each text of a group: its vector, (texts, dim) float32, its encoded tokens, and whether it was cut."""

    embeddings: FloatArray
    token_counts: NDArray[np.int64]
    was_cut: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What one encoder computes with. `run` computes one micro-batch; `dim` numbers a vector.

    `max_length`: tokens a window has at most. `normalized`: whether the graph's vectors have unit length. `pairs`:
    whether a text may be a pair.
    """

    tokenizer: TextTokenizer
    run: Run
    dim: int
    max_length: int
    normalized: bool
    threads: int
    pairs: bool = False

    def encode(
        self, groups: Iterable[G], options: Options, *, ahead: bool, progress: Progress[G] | None = None
    ) -> Generator[tuple[G, Encoded], None, None]:
        """Yield each of `groups` with what it encodes to.

        With `ahead`, the next group is read and tokenized on a thread while this one is computed. Raises
        TextTooLongError with the index over all groups; an error of `groups` comes after the groups before it.
        """
        tokenized = self._tokenized(groups, options)
        with closing(read_ahead(tokenized) if ahead else tokenized) as groups_and_windows:
            for group, windows in groups_and_windows:
                vectors = np.empty((len(windows.token_ids), self.dim), dtype=np.float32)
                done, total = 0, sum(map(len, windows.token_ids))
                batches = run_micro_batches(
                    self.run, windows.token_ids, out=vectors, threads=self.threads, splits=windows.splits
                )
                for tokens in batches:
                    done += tokens
                    if progress is not None:
                        progress(group, done / total)
                yield group, self.encoded(windows, vectors, options)

    def windows(self, texts: Sequence[Text], options: Options, *, first: int) -> Windows:
        """Return the windows of `texts`, the first of which has the index `first` in the call, after the call's prompt.

        Raises TextTooLongError with the index in the call, and as `checked_text` does for an entry that is no str.
        """
        texts = [
            text if isinstance(text, str) else checked_text("texts", first + index, text, pairs=self.pairs)
            for index, text in enumerate(texts)
        ]
        limit = None if options.long_texts == "window" else self.max_length
        try:
            tokens = tokens_of(self.tokenizer, with_prompt(options.prompt, texts), limit=limit)
            return windows_of(tokens, long_texts=options.long_texts, max_length=self.max_length)
        except TextTooLongError as error:
            raise error.at(first + error.index, argument="texts", has_prompt=bool(options.prompt)) from None

    def encoded(self, windows: Windows, vectors: FloatArray, options: Options) -> Encoded:
        """Return what the texts of `windows` encode to, from the `vectors` (windows, dim) of their windows."""
        return Encoded(
            embeddings=options.applied_to(text_vectors(windows, vectors, normalized=self.normalized)),
            token_counts=np.array(windows.tokens, dtype=np.int64),
            was_cut=np.array(windows.was_cut, dtype=bool),
        )

    def _tokenized(self, groups: Iterable[G], options: Options) -> Generator[tuple[G, Windows], None, None]:
        count = 0
        for group in groups:
            yield group, self.windows(group.texts, options, first=count)
            count += len(group.texts)
