"""One call with a list of sentences: its distinct texts in chunks, and the vectors put back in the sentences' order."""

import warnings
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, Text
from biobert_onnx.encoding.pipeline import Encoded, Options
from biobert_onnx.encoding.texts import Chunk, checked_texts, chunks
from biobert_onnx.errors import TextTooLongError, TruncationWarning


class Call:
    """Equal sentences are one text here: `texts` and `chunks` hold each text once, and each is encoded once.

    `fill` takes what the chunks encode to, in order; `filled` counts the texts so far. Who encodes the texts in another
    order gives what is known of them to `put` and `put_counts` instead. `finish` gives a row for each sentence.
    """

    def __init__(self, sentences: Sequence[Text], options: Options, *, pairs: bool) -> None:
        """Check `sentences`, which may be `pairs`, as `checked_texts` does, and make room for their vectors."""
        numbers: dict[Text, int] = {}
        self._rows = [numbers.setdefault(text, len(numbers)) for text in checked_texts(sentences, pairs=pairs)]
        self.options = options
        self.texts: list[Text] = list(numbers)
        self.filled = 0
        self._embeddings = np.empty((len(numbers), options.dim), dtype=np.float32)
        self._token_counts = np.empty(len(numbers), dtype=np.int64)
        self._was_cut = np.empty(len(numbers), dtype=bool)

    def __len__(self) -> int:
        """The number of sentences."""
        return len(self._rows)

    @cached_property
    def chunks(self) -> list[Chunk]:
        """The texts in groups that are encoded together."""
        return list(chunks(self.texts))

    def fill(self, part: Encoded) -> None:
        """Take what the texts of the next chunk encode to."""
        own = slice(self.filled, self.filled + len(part.embeddings))
        self._embeddings[own], self._token_counts[own] = part.embeddings, part.token_counts
        self._was_cut[own] = part.was_cut
        self.filled = own.stop

    def put(self, texts: Sequence[int], embeddings: FloatArray) -> None:
        """Take the vectors (texts, dim) of `texts`, their indices among all texts."""
        self._embeddings[texts] = embeddings

    def put_counts(self, first: int, token_counts: Sequence[int], was_cut: Sequence[bool]) -> None:
        """Take the encoded tokens of the texts from the index `first` on, and whether each was cut."""
        own = slice(first, first + len(token_counts))
        self._token_counts[own], self._was_cut[own] = token_counts, was_cut

    def sentences_done(self, texts: float) -> float:
        """Return about how many sentences are done when `texts` texts of the next chunk are."""
        return (self.filled + texts) / len(self._embeddings) * len(self)

    def finish(self, *, stacklevel: int) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return the vectors (n, dim) and token counts (n,) of the sentences, and warn of those that were cut.

        The warning names the caller's line at `stacklevel` 1, its caller's at 2.
        """
        cut = int(np.count_nonzero(self._was_cut[self._rows])) if self._was_cut.any() else 0
        warn_of_cut_texts(cut, len(self), stacklevel=stacklevel + 1)
        if len(self._embeddings) == len(self):
            return self._embeddings, self._token_counts
        return self._embeddings[self._rows], self._token_counts[self._rows]

    def naming_sentences(self) -> "NamingSentences":
        """Let an error about a text name the first sentence that is this text."""
        return NamingSentences(self._rows)


class NamingSentences:
    """A block in which an error about a text names the first sentence that is this text.

    It is none of contextlib's generators: with one, on Python 3.13, the error and its traceback refer to each other,
    and that cycle keeps the pipeline.
    """

    def __init__(self, rows: Sequence[int]) -> None:
        """`rows`: the text of each sentence."""
        self._rows = rows

    def __enter__(self) -> None:
        """Nothing is done."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Raise a TextTooLongError of the block with the index among the sentences."""
        if isinstance(error, TextTooLongError):
            raise error.at(self._rows.index(error.index), argument="sentences") from None


def warn_of_cut_texts(cut: int, texts: int, *, stacklevel: int) -> None:
    """Warn once that `cut` of `texts` texts were cut, if any; `stacklevel` 1 names the caller's line."""
    if cut:
        warnings.warn(TruncationWarning(cut, texts), stacklevel=stacklevel + 1)
