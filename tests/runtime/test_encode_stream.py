"""What `encode_stream` promises: the bits of `encode`, bounded reading ahead, errors in their place, no thread left."""

import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from types import FrameType

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding import workers
from tests.support.texts import TEXTS

MANY = [f"{text} {number}" for number in range(40) for text in TEXTS]


def worker_threads() -> list[int]:
    """The threads that run code of encoding/workers.py; `threading` does not list them."""
    own = threading.get_ident()
    return [ident for ident, frame in sys._current_frames().items() if ident != own and runs_a_worker(frame)]


def runs_a_worker(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == workers.__file__:
            return True
        frame = frame.f_back
    return False


def wait_for_worker_threads() -> None:
    end = time.monotonic() + 60
    while worker_threads() and time.monotonic() < end:
        time.sleep(0.01)
    assert not worker_threads()


def endless() -> Iterator[str]:
    return (f"Text number {number}." for number in count())


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not worker_threads()


@pytest.mark.parametrize("chunk_size", [1, 7, 300, len(MANY), 5000])
def test_the_rows_have_the_bits_of_encode_in_chunks_of_the_size_asked_for(
    encoder: SentenceEncoder, chunk_size: int
) -> None:
    texts = TEXTS if chunk_size == 1 else MANY
    arrays = list(encoder.encode_stream(iter(texts), chunk_size=chunk_size))
    assert {len(array) for array in arrays[:-1]} <= {chunk_size}
    assert 0 < len(arrays[-1]) <= chunk_size
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    assert (np.vstack(arrays) == encoder.encode(texts)).all()


def test_a_stream_is_normalized_like_a_list(encoder: SentenceEncoder) -> None:
    arrays = list(encoder.encode_stream(TEXTS, chunk_size=5, normalize_embeddings=True))
    assert (np.vstack(arrays) == encoder.encode(TEXTS, normalize_embeddings=True)).all()


def test_no_texts_give_no_arrays(encoder: SentenceEncoder) -> None:
    assert list(encoder.encode_stream([])) == []


def test_one_chunk_is_read_ahead_and_no_more(encoder: SentenceEncoder) -> None:
    read: list[int] = []
    second_chunk_read = threading.Event()

    def texts() -> Iterator[str]:
        for number in range(1000):
            read.append(number)
            if len(read) == 20:
                second_chunk_read.set()
            yield f"Text number {number}."

    stream = encoder.encode_stream(texts(), chunk_size=10)
    next(stream)
    assert second_chunk_read.wait(timeout=60)
    assert len(read) == 20
    stream.close()
    assert len(read) == 20


def test_nothing_is_read_before_the_first_array_is_asked_for(encoder: SentenceEncoder) -> None:
    texts = endless()
    encoder.encode_stream(texts, chunk_size=4)
    assert next(texts) == "Text number 0."


def test_an_error_of_the_iterable_comes_after_the_whole_chunks_before_it(encoder: SentenceEncoder) -> None:
    def texts() -> Iterator[str]:
        yield from MANY[:25]
        raise OSError("the disk is gone")

    stream = encoder.encode_stream(texts(), chunk_size=10)
    assert [len(next(stream)), len(next(stream))] == [10, 10]
    with pytest.raises(OSError, match="the disk is gone"):
        next(stream)


@pytest.mark.parametrize(("entry", "error"), [(None, TypeError), (b"bytes", TypeError), ("bad\ud83d", ValueError)])
def test_an_entry_that_is_no_text_is_named_by_its_index_in_the_whole_stream(
    encoder: SentenceEncoder, entry: str, error: type[Exception]
) -> None:
    stream = encoder.encode_stream([*MANY[:13], entry, "fine"], chunk_size=5)
    assert [len(next(stream)), len(next(stream))] == [5, 5]
    with pytest.raises(error, match=r"texts\[13\] "):
        next(stream)


@pytest.mark.parametrize("text", ["one text", b"one text"])
def test_a_bare_string_is_refused_at_the_call(encoder: SentenceEncoder, text: str) -> None:
    with pytest.raises(TypeError, match=r"encode_stream\(\[text\]\)"):
        encoder.encode_stream(text)


@pytest.mark.parametrize(("chunk_size", "expected"), [(0, "at least 1"), (10**30, f"1 to {sys.maxsize - 1}")])
def test_chunks_of_a_size_out_of_range_are_refused_at_the_call(
    encoder: SentenceEncoder, chunk_size: int, expected: str
) -> None:
    with pytest.raises(ValueError, match=f"chunk_size is 1?0+, expected {expected}"):
        encoder.encode_stream([], chunk_size=chunk_size)


def test_a_closed_stream_ends_its_thread(encoder: SentenceEncoder) -> None:
    stream = encoder.encode_stream(endless(), chunk_size=4)
    next(stream)
    assert worker_threads()
    stream.close()
    assert not worker_threads()


def test_a_consumer_that_fails_ends_the_thread(encoder: SentenceEncoder) -> None:
    with pytest.raises(KeyboardInterrupt):
        for _ in encoder.encode_stream(endless(), chunk_size=4):
            raise KeyboardInterrupt
    assert not worker_threads()


def test_closing_does_not_wait_for_an_iterable_that_is_blocked(encoder: SentenceEncoder) -> None:
    blocked, release = threading.Event(), threading.Event()

    def texts() -> Iterator[str]:
        yield from MANY[:4]
        blocked.set()
        release.wait(timeout=60)
        yield "too late"

    stream = encoder.encode_stream(texts(), chunk_size=4)
    next(stream)
    assert blocked.wait(timeout=60)
    stream.close()
    assert len(worker_threads()) == 1
    release.set()
    wait_for_worker_threads()
