"""A call in small steps: the windows, counts, vectors and errors of `encode`, and few tokens held at a time."""

import random
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from biobert_onnx._types import Text
from biobert_onnx.encoding.call import Call
from biobert_onnx.encoding.pipeline import Options, Pipeline
from biobert_onnx.encoding.stepwise_call import AHEAD_TOKENS, STEP_CHARACTERS, STEP_TEXTS, StepwiseCall
from biobert_onnx.errors import TextTooLongError
from tests.support.stepwise import OPTIONS, words_pipeline
from tests.support.texts import TEXTS

MAX_LENGTH = 24
LONG = "Mutations of the gene were found in every second patient, " * 1000
ALL = [*TEXTS, LONG, "short", LONG[:STEP_CHARACTERS], "", LONG + "end", " " * 70_000, "word " + " " * 40_000 + "end"]
OPTIONS_OF = [
    replace(OPTIONS, dim=dim, long_texts=long_texts, prompt=prompt, normalize=normalize)
    for dim, normalize in ((4, False), (3, True))
    for long_texts in ("truncate", "window")
    for prompt in ("", "query: ")
]


def run(input_ids: NDArray[np.int64], threads: int, types: NDArray[np.int64] | None) -> NDArray[np.float32]:
    """Four numbers that depend on all tokens of a window."""
    places = np.arange(1, input_ids.shape[1] + 1)
    return np.stack([((input_ids * places) % divisor).sum(axis=1) for divisor in (7, 11, 13, 17)], axis=1).astype(
        np.float32
    )


def in_steps(texts: Sequence[Text], options: Options, pipeline: Pipeline) -> Call:
    """Return a call whose windows were computed in a random order."""
    call, numbers = Call(texts, options, pairs=False), random.Random(5)
    stepwise = StepwiseCall(call, pipeline)
    batches = []
    while stepwise.can_step:
        if stepwise.begin_tokenizing():
            stepwise.add(stepwise.tokenize())
        elif stepwise.can_step:
            batches.append(stepwise.take(stepwise.next_length(), 3))
    assert stepwise.texts_left
    numbers.shuffle(batches)
    for windows in batches:
        ids = np.array([window.ids for window in windows], dtype=np.int64)
        stepwise.put(windows, pipeline.run(ids, 1, None))
    assert not stepwise.texts_left
    return call


@pytest.mark.parametrize("options", OPTIONS_OF)
def test_vectors_and_counts_are_those_of_encode(artifact: Path, options: Options) -> None:
    pipeline = words_pipeline(artifact, run, max_length=MAX_LENGTH, dim=4)
    whole = Call(ALL, options, pairs=False)
    for _, part in pipeline.encode(whole.chunks, options, ahead=False):
        whole.fill(part)
    if options.long_texts == "truncate":
        with pytest.warns(UserWarning, match=r"^\d+ of \d+ texts have more") as expected:
            vectors, counts = whole.finish(stacklevel=1)
        with pytest.warns(UserWarning, match=r"^\d+ of \d+ texts have more") as found:
            own, own_counts = in_steps(ALL, options, pipeline).finish(stacklevel=1)
        assert str(expected[0].message) == str(found[0].message)
    else:
        vectors, counts = whole.finish(stacklevel=1)
        own, own_counts = in_steps(ALL, options, pipeline).finish(stacklevel=1)
    assert (own == vectors).all()
    assert (own_counts == counts).all()


@pytest.mark.parametrize("long", [LONG[:200], LONG])
@pytest.mark.parametrize("before", [0, 5, 3 * STEP_TEXTS + 1])
@pytest.mark.parametrize("prompt", ["", "query: "])
def test_an_error_names_the_text_among_all(artifact: Path, before: int, long: str, prompt: str) -> None:
    pipeline = words_pipeline(artifact, run, max_length=MAX_LENGTH, dim=4)
    options = replace(OPTIONS, long_texts="error", prompt=prompt)
    texts = [*(f"No. {number}" for number in range(before)), long]
    with pytest.raises(TextTooLongError) as found:
        in_steps(texts, options, pipeline)
    with pytest.raises(TextTooLongError) as expected:
        list(pipeline.encode(Call(texts, options, pairs=False).chunks, options, ahead=False))
    assert str(found.value) == str(expected.value)
    assert found.value.index == before


def test_a_word_without_end_is_named_too(artifact: Path) -> None:
    pipeline = words_pipeline(artifact, run, max_length=MAX_LENGTH, dim=4)
    texts = ["one", "two", "\u0301" * 600_000]
    with pytest.raises(TextTooLongError, match=r"texts\[2\] has a word of more than 262,144 characters"):
        in_steps(texts, OPTIONS, pipeline)


def test_a_step_tokenizes_few_texts(artifact: Path) -> None:
    stepwise = StepwiseCall(Call([f"{n}" for n in range(1000)], OPTIONS, pairs=False), words_pipeline(artifact))
    assert len(stepwise.tokenize()) == STEP_TEXTS
    long = StepwiseCall(Call([f"{n} " * 400 for n in range(1000)], OPTIONS, pairs=False), words_pipeline(artifact))
    assert len(long.tokenize()) < STEP_CHARACTERS // 800 + 1


def test_a_call_does_not_tokenize_ahead_without_end(artifact: Path) -> None:
    """Texts of two tokens, all of other lengths, would be tokenized to the end, as none of them fill a micro-batch."""
    texts = ["a " * (1 + number % 120) + str(number) for number in range(3000)]
    stepwise = StepwiseCall(Call(texts, OPTIONS, pairs=False), words_pipeline(artifact))
    tokens = 0
    while stepwise.begin_tokenizing():
        windows = stepwise.tokenize()
        stepwise.add(windows)
        tokens += sum(len(window.ids) for window in windows)
    assert tokens < AHEAD_TOKENS + STEP_CHARACTERS
    assert stepwise.can_step


def test_a_huge_text_never_has_all_its_tokens_in_memory(artifact: Path) -> None:
    text = "ab, " * 250_000
    stepwise = StepwiseCall(
        Call([text], replace(OPTIONS, long_texts="window"), pairs=False), words_pipeline(artifact, max_length=512)
    )
    tokens = 0
    tracemalloc.start()
    while stepwise.texts_left:
        if stepwise.begin_tokenizing():
            stepwise.add(stepwise.tokenize())
        else:
            windows = stepwise.take(stepwise.next_length(), 1)
            tokens += windows[0].ids.size
            stepwise.put(windows, np.zeros((1, 1), dtype=np.float32))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tokens > 500_000
    assert peak < 8_000_000  # its tokens alone take 16 MB as a list of Python's
