"""Calls that wait, and what is done next for which of them: the order of `AsyncCalls`, without its threads.

Every step is charged to the call that it serves, in tokens, and the call that was served least is served next. So a
call's turn is the tokens that were computed for it, counted from where it began: at the clock, which moves on by what
each waiting call would get of a step if all got the same. Small calls overtake big ones: the first tokens of a call are
given in advance, and paid back by its next ones.

Why no call starves. A call waits only for steps of calls whose turn is earlier. A call begins HEAD_START before the
clock, and every step moves the clock on by its cost over the number of waiting calls. So after finitely many steps all
new calls begin later than the one that waits. Each of the others has an earlier turn for finitely many steps only, as
each step moves it on by its cost, which is not 0. (Of equal turns the call that came first is served.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.micro_batches import Run, texts_in_micro_batch
from biobert_onnx.encoding.pairs import token_types
from biobert_onnx.encoding.stepwise_call import StepwiseCall, Window

HEAD_START = 1024
"""Tokens that a call gets in advance. Calls of fewer tokens are small: a few sentences, not two long texts."""

TOKENIZING_COST = 32
"""The cost of a step that tokenizes, in tokens that are computed: MiniLM computes these in 4 ms on one CPU, and 16,384
characters are tokenized in 2 to 7 ms. A call that comes anew has an earlier turn than one that was tokenized, so calls
that come together are all tokenized before the first of them is computed: they share micro-batches, and none waits for
another to come."""


@dataclass(eq=False)
class _Waiting:
    """A waiting call, the time of its next turn, and the tokens that were spent on it."""

    call: StepwiseCall
    turn: float
    served: int = 0

    @property
    def is_small(self) -> bool:
        """Whether it has not used its head start up."""
        return self.served < HEAD_START

    def charge(self, tokens: int) -> None:
        """Move its turn on by `tokens`, and once more by those that were given in advance."""
        in_advance = min(tokens, max(0, HEAD_START - self.served))
        self.turn += tokens + in_advance
        self.served += tokens


@dataclass(eq=False)
class TokenizingStep:
    """Tokenizes the next texts of a call."""

    call: StepwiseCall
    _windows: Sequence[Window] = ()

    @property
    def calls(self) -> Sequence[StepwiseCall]:
        """The one call that it is a step of."""
        return (self.call,)

    def work(self, run: Run, threads: int) -> None:
        """Tokenize; no lock is needed."""
        self._windows = self.call.tokenize()

    def settle(self) -> None:
        """Give the call what was made; this needs the queue's lock."""
        self.call.add(self._windows)


@dataclass(eq=False)
class MicroBatchStep:
    """Computes a micro-batch: the windows, all of one length, of one call or of several."""

    parts: list[tuple[StepwiseCall, list[Window]]] = field(default_factory=list)
    _vectors: FloatArray | None = None

    @property
    def calls(self) -> Sequence[StepwiseCall]:
        """The calls that have windows in it."""
        return [call for call, _ in self.parts]

    def work(self, run: Run, threads: int) -> None:
        """Compute with `run` on so many `threads`; no lock is needed."""
        windows = [window for _, own in self.parts for window in own]
        input_ids = np.array([window.ids for window in windows], dtype=np.int64)
        splits = {row: window.split for row, window in enumerate(windows) if window.split is not None}
        self._vectors = run(input_ids, threads, token_types(splits, range(len(windows)), input_ids.shape[1]))

    def settle(self) -> None:
        """Give each call its vectors; this needs the queue's lock."""
        assert self._vectors is not None
        start = 0
        for call, windows in self.parts:
            call.put(windows, self._vectors[start : start + len(windows)])
            start += len(windows)


Step = TokenizingStep | MicroBatchStep


class FairQueue:
    """The calls that wait. It is not safe in threads: who shares it needs a lock."""

    def __init__(self) -> None:
        """Start with no calls."""
        self._waiting: dict[StepwiseCall, _Waiting] = {}
        self._clock = 0.0

    def __len__(self) -> int:
        """The number of calls that wait, those included that are being worked on."""
        return len(self._waiting)

    def __iter__(self) -> Iterator[StepwiseCall]:
        """The calls that wait, those included that are being worked on, in the order in which they came."""
        return iter(self._waiting)

    def add(self, call: StepwiseCall) -> None:
        """Let `call` wait for its turn."""
        self._waiting[call] = _Waiting(call, turn=self._clock - HEAD_START)

    def remove(self, call: StepwiseCall) -> None:
        """Do no further step of `call`, if it waits here."""
        self._waiting.pop(call, None)

    def has_step(self, *, only_small: bool = False) -> bool:
        """Whether there is a step to do now; `only_small`: of a small call."""
        return any(self._ready(only_small))

    def next_step(self, *, only_small: bool = False) -> Step | None:
        """Return the next step, which is then the caller's to do; None if there is none now.

        `only_small`: the next one of a small call.
        """
        first = min(self._ready(only_small), key=lambda each: each.turn, default=None)
        if first is None:
            return None
        if first.call.begin_tokenizing():
            self._charge(first, TOKENIZING_COST)
            return TokenizingStep(first.call)
        return self._micro_batch(first)

    def _ready(self, only_small: bool) -> Iterator[_Waiting]:
        return (each for each in self._waiting.values() if each.call.can_step and (each.is_small or not only_small))

    def _micro_batch(self, first: _Waiting) -> MicroBatchStep:
        """Take a micro-batch of the call whose turn it is, filled with windows of the same length of other calls.

        That of a small call is filled from small calls only: it need not wait for what is computed for bigger ones.
        """
        length = first.call.next_length()
        others = [
            each
            for each in self._waiting.values()
            if each is not first and each.call.count(length) and (each.is_small or not first.is_small)
        ]
        room = texts_in_micro_batch(length)
        step = MicroBatchStep()
        for each in (first, *sorted(others, key=lambda each: each.turn)):
            windows = each.call.take(length, room)
            self._charge(each, length * len(windows))
            step.parts.append((each.call, windows))
            room -= len(windows)
            if not room:
                break
        return step

    def _charge(self, each: _Waiting, tokens: int) -> None:
        each.charge(tokens)
        self._clock += tokens / len(self._waiting)
