"""The kernels under load: closed, interrupted and short of CPUs while they work, with flat memory and the same bits."""

import os
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.kernels.library import find_kernel
from biobert_onnx.kernels.session import KernelSession
from tests.support.drawn_artifacts import TOKENS, write_artifact
from tests.support.engines import needs_kernels
from tests.support.interrupts import interrupt_at
from tests.support.kernel_models import Shape, draw_ids, draw_model
from tests.support.systems import proc

pytestmark = needs_kernels

SHAPE = Shape(words=len(TOKENS), layers=3)
DRAWN = draw_model(SHAPE, 51)
TEXTS = ["a", "heart attack", *(f"{index} {'ab ' * (index % 17)}" for index in range(60))]

MORE_THREADS_THAN_CPUS = 64


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn artifact."""
    return write_artifact(DRAWN, tmp_path_factory.mktemp("drawn"))


@pytest.fixture
def session() -> Iterator[KernelSession]:
    """A session of the best kernel here, with workspaces for three callers."""
    session = KernelSession(DRAWN.plan, DRAWN.pack(), find_kernel(), threads=3)
    yield session
    session.close()


@pytest.fixture(scope="module")
def expected(artifact: Path) -> np.ndarray:
    """The vectors of TEXTS."""
    with SentenceEncoder(artifact, engine="kernels", threads=1) as encoder:
        return encoder.encode(TEXTS)


@pytest.mark.parametrize("round_", range(6))
def test_closing_an_encoder_while_others_call_it_gives_whole_vectors_or_one_error(
    artifact: Path, expected: np.ndarray, round_: int
) -> None:
    encoder = SentenceEncoder(artifact, engine="kernels", threads=2)
    ready = threading.Barrier(7)

    def work(_: int) -> int:
        """Encode until the encoder is closed; returns how often it did."""
        ready.wait()
        for count in range(100_000):
            try:
                assert np.array_equal(encoder.encode(TEXTS), expected)
            except ValueError as error:
                assert "the encoder is closed" in str(error)
                return count
        raise AssertionError("it was never closed")

    with ThreadPoolExecutor(6) as pool:
        counts = pool.map(work, range(6))
        ready.wait()
        threading.Event().wait(0.03 * round_)
        encoder.close()
        assert sum(counts) >= (round_ > 3)
    assert not encoder._session._spaces  # type: ignore[attr-defined]


def test_a_session_that_is_closed_at_work_keeps_no_memory(session: KernelSession) -> None:
    session.run(draw_ids(SHAPE, 1, 2, 9), 1)
    assert len(session._spaces) == 1
    workspace = session._workspace

    def closed_meanwhile(size: int) -> np.ndarray:
        space = workspace(size)
        session.close()
        return space

    session._workspace = closed_meanwhile  # type: ignore[method-assign]
    session.run(draw_ids(SHAPE, 1, 2, 9), 1)
    assert not session._spaces


@pytest.mark.parametrize("threads", [1, 3])
def test_an_interrupt_at_any_moment_ends_a_session_that_works_on(session: KernelSession, threads: int) -> None:
    ids = draw_ids(SHAPE, 2, 6, 60)
    expected = session.run(ids, 1)
    interrupt_at(np.linspace(0.002, 0.05, 40), lambda: session.run(ids, threads))
    assert np.array_equal(session.run(ids, threads), expected)


@pytest.mark.parametrize("threads", [1, 2, MORE_THREADS_THAN_CPUS])
def test_an_interrupt_at_any_moment_ends_encode_and_the_encoder_works_on(
    artifact: Path, expected: np.ndarray, threads: int
) -> None:
    with SentenceEncoder(artifact, engine="kernels", threads=threads) as encoder:
        interrupt_at(np.linspace(0.002, 0.1, 25), lambda: encoder.encode(TEXTS))
        assert np.array_equal(encoder.encode(TEXTS), expected)


def test_ten_thousand_short_micro_batches_leave_memory_flat(session: KernelSession) -> None:
    inputs = [draw_ids(SHAPE, seed, 1 + seed % 3, 1 + seed % 13) for seed in range(50)]
    for index, ids in enumerate(inputs * 20):
        session.run(ids, 1 + (index % 10 == 0))
    before = resident_bytes()
    for index, ids in enumerate(inputs * 180):
        session.run(ids, 1 + (index % 10 == 0))
    assert resident_bytes() - before < 2**20
    assert len(session._spaces) == 1


def test_many_more_threads_than_cpus_give_the_same_bits(artifact: Path, expected: np.ndarray) -> None:
    with SentenceEncoder(artifact, engine="kernels", threads=MORE_THREADS_THAN_CPUS) as encoder:
        alone = [encoder.encode([text])[0] for text in TEXTS[:8]]
        with ThreadPoolExecutor(12) as pool:
            found = list(pool.map(lambda _: encoder.encode(TEXTS), range(24)))
    assert np.array_equal(alone, expected[:8])
    assert all(np.array_equal(vectors, expected) for vectors in found)


def test_an_encoder_is_pickled_while_it_works(artifact: Path, expected: np.ndarray) -> None:
    with SentenceEncoder(artifact, engine="kernels", threads=2) as encoder, ThreadPoolExecutor(2) as pool:
        working = [pool.submit(encoder.encode, TEXTS) for _ in range(10)]
        copies = [pickle.loads(pickle.dumps(encoder)) for _ in range(5)]
        assert all(np.array_equal(copy.encode(TEXTS), expected) for copy in copies)
        assert all(np.array_equal(one.result(), expected) for one in working)


def resident_bytes() -> int:
    """The memory of this process that lies in RAM."""
    pages = int(proc("self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
