"""One awaited call in small steps: a few texts are tokenized at a time, and their windows wait to be computed."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._types import FloatArray, Text
from biobert_onnx.artifact.manifest import SPECIAL_TOKENS
from biobert_onnx.encoding.call import Call
from biobert_onnx.encoding.long_texts import WindowCutter, WindowMean
from biobert_onnx.encoding.micro_batches import texts_in_micro_batch
from biobert_onnx.encoding.pipeline import Pipeline
from biobert_onnx.encoding.texts import grouped
from biobert_onnx.encoding.tokenizer import CHARACTERS_PER_TOKEN
from biobert_onnx.errors import TextTooLongError

STEP_CHARACTERS = 16_384
"""Characters that one step tokenizes, prompts left out. A longer text takes several steps, one for each of its pieces,
which `TextTokenizer.ids_in_pieces` bounds; only of a pair are both texts read in one."""

STEP_TEXTS = 128
"""Texts that one step tokenizes."""

AHEAD_TOKENS = 16_384
"""Tokens in the windows of one call that wait. With more, no further step tokenizes: a call holds the tokens of these
and of one step, 4 bytes each, however long its texts are. 500 sentences are enough to fill micro-batches."""


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Window:
    """A text, or a part of one, that the graph encodes.

    `text`: the text's index in the call. `ids`: the token ids (tokens,). `split`: where the second text of a pair
    begins. `place`: the window's number in its text. `is_last`: whether it is the last one there.
    """

    text: int
    ids: NDArray[np.int32]
    split: int | None = None
    place: int = 0
    is_last: bool = True


class StepwiseCall:
    """A call whose texts are tokenized by `tokenize`, step by step, and whose windows others `take` and `put` back.

    `tokenize` may run while windows are taken and put back, in one thread at a time; all else needs a lock.
    """

    def __init__(self, call: Call, pipeline: Pipeline) -> None:
        """Start with no text tokenized; the results go into `call`."""
        self._call, self._normalized = call, pipeline.normalized
        self._tokenizing = _Tokenizing(call, pipeline)
        self._steps = self._tokenizing.steps()
        self._can_tokenize = True
        self._ready: dict[int, deque[Window]] = {}  # by the number of their tokens
        self._ready_tokens = 0
        self._means: dict[int, WindowMean] = {}
        self.texts_left = len(call.texts)
        """Texts without a vector; the call is done when there are none."""

    def tokenize(self) -> list[Window]:
        """Tokenize the next texts, or the next piece of a long one; return the windows that are certain now.

        Raises TextTooLongError with the index among the texts.
        """
        return next(self._steps)

    @property
    def can_step(self) -> bool:
        """Whether there is something to do now: windows to compute, or texts to tokenize."""
        return bool(self._ready) or self._can_tokenize

    def begin_tokenizing(self) -> bool:
        """Whether to tokenize before more windows are computed; until `add` no other thread is told so, then.

        That is where windows of no length fill a micro-batch, and too many do not wait already.
        """
        if not self._can_tokenize or self._ready_tokens >= AHEAD_TOKENS or any(map(self._fills, self._ready)):
            return False
        self._can_tokenize = False
        return True

    def add(self, windows: Sequence[Window]) -> None:
        """Let the `windows` that `tokenize` returned be taken."""
        self._can_tokenize = self._tokenizing.texts_left > 0
        for window in windows:
            self._ready.setdefault(len(window.ids), deque()).append(window)
            self._ready_tokens += len(window.ids)

    def next_length(self) -> int:
        """Return the tokens of the windows to compute next: the longest that fill a micro-batch, or that there are."""
        return max(filter(self._fills, self._ready), default=0) or max(self._ready)

    def count(self, length: int) -> int:
        """Return how many windows of `length` tokens wait."""
        return len(self._ready.get(length, ()))

    def take(self, length: int, most: int) -> list[Window]:
        """Take up to `most` of the windows of `length` tokens, in the order of the texts."""
        waiting = self._ready[length]
        taken = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        if not waiting:
            del self._ready[length]
        self._ready_tokens -= length * len(taken)
        return taken

    def put(self, windows: Sequence[Window], vectors: FloatArray) -> None:
        """Take the vectors (windows, dim) of `windows`."""
        whole = [row for row, window in enumerate(windows) if window.is_last and window.place == 0]
        if whole:
            own = vectors if len(whole) == len(windows) else vectors[whole]
            self._put_texts([windows[row].text for row in whole], own)
        if len(whole) < len(windows):
            for window, vector in zip(windows, vectors, strict=True):
                self._put_part(window, vector)

    def _put_part(self, window: Window, vector: FloatArray) -> None:
        """Take the vector of a text's window, unless it is the text's only one."""
        if window.is_last and window.place == 0:
            return
        mean = self._means.setdefault(window.text, WindowMean(len(vector)))
        mean.add(window.place, vector, tokens=len(window.ids), is_last=window.is_last)
        if mean.is_whole:
            del self._means[window.text]
            self._put_texts([window.text], mean.vector(normalized=self._normalized)[np.newaxis])

    def _put_texts(self, texts: list[int], vectors: FloatArray) -> None:
        self._call.put(texts, self._call.options.applied_to(vectors))
        self.texts_left -= len(texts)

    def _fills(self, length: int) -> bool:
        return len(self._ready[length]) >= texts_in_micro_batch(length)


class _Tokenizing:
    """The texts of a call, tokenized step by step.

    It does not know the StepwiseCall, which holds the generator of its steps. With a cycle of references the tokenizer,
    some megabytes, would outlive its encoder until Python's garbage collector comes.
    """

    def __init__(self, call: Call, pipeline: Pipeline) -> None:
        self._call, self._pipeline = call, pipeline
        self.texts_left = len(call.texts)
        """Texts that are not tokenized to their end."""

    def steps(self) -> Iterator[list[Window]]:
        """Yield the windows of all texts, those of one step at a time."""
        first = 0
        rows = ((text, None) for text in self._call.texts)
        for group in grouped(rows, max_rows=STEP_TEXTS, max_characters=STEP_CHARACTERS):
            texts = [text for text, _ in group]
            if isinstance(texts[0], str) and len(texts[0]) > STEP_CHARACTERS:
                yield from self._long_text(first, texts[0])
            else:
                yield self._texts(first, texts)
            first += len(texts)

    def _texts(self, first: int, texts: Sequence[Text]) -> list[Window]:
        """Return the windows of `texts`, the first of which has the index `first`."""
        windows = self._pipeline.windows(texts, self._call.options, first=first)
        self._put_counts(first, windows.tokens, windows.was_cut)
        return [
            Window(
                text=text,
                ids=np.array(windows.token_ids[number], dtype=np.int32),
                split=windows.splits.get(number),
                place=number - own.start,
                is_last=number == own.stop - 1,
            )
            for text, own in enumerate(windows.texts(), start=first)
            for number in range(own.start, own.stop)
        ]

    def _put_counts(self, first: int, tokens: Sequence[int], was_cut: Sequence[bool]) -> None:
        """Note what is known of the texts from the index `first` on, which have been tokenized to their end."""
        self._call.put_counts(first, tokens, was_cut)
        self.texts_left -= len(tokens)

    def _long_text(self, index: int, text: str) -> Iterator[list[Window]]:
        """Yield the windows of one long text, those of a piece at a time."""
        options, max_length = self._call.options, self._pipeline.max_length
        in_windows = options.long_texts == "window"
        size = STEP_CHARACTERS if in_windows else CHARACTERS_PER_TOKEN * max_length
        cutter = WindowCutter(max_length)
        place, tokens = 0, SPECIAL_TOKENS
        try:
            for ids in self._pipeline.tokenizer.ids_in_pieces(options.prompt + text, size=size):
                tokens += len(ids) - SPECIAL_TOKENS
                certain = cutter.add(ids)
                if certain and options.long_texts == "error":
                    raise TextTooLongError(index, max_length=max_length)
                if certain and not in_windows:  # the text is cut: its first window is what is left
                    self._put_counts(index, [max_length], [True])
                    yield [Window(text=index, ids=np.array(certain[0], dtype=np.int32))]
                    return
                yield [
                    Window(text=index, ids=np.array(window, dtype=np.int32), place=number, is_last=False)
                    for number, window in enumerate(certain, start=place)
                ]
                place += len(certain)
        except TextTooLongError as error:
            raise error.at(index, argument="texts", has_prompt=bool(options.prompt)) from None
        self._put_counts(index, [tokens], [False])
        yield [Window(text=index, ids=np.array(cutter.finish(), dtype=np.int32), place=place)]
