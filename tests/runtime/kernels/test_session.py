"""KernelSession: wrong input is a ValueError, and nothing else; threads, forks and `close` change no bit."""

import ctypes
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biobert_onnx.kernels.library import Kernel, compiled_kernels, runs_here
from biobert_onnx.kernels.session import KernelSession
from tests.support.kernel_models import PackedModel, Shape, draw_ids, draw_model, draw_token_types
from tests.support.systems import needs_fork

SHAPE = Shape(words=30, positions=32)
DRAWN = draw_model(SHAPE, 8)
ARRAYS = DRAWN.pack()

KERNELS = [kernel for kernel in compiled_kernels() if runs_here(kernel)]
each_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)


def session_on(kernel: Kernel, threads: int = 2) -> KernelSession:
    return KernelSession(DRAWN.plan, ARRAYS, kernel, threads=threads)


@each_kernel
@pytest.mark.parametrize("wrong", [-1, 30, 2**31, 2**32, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("place", [(0, 0), (1, 3), (2, 6)], ids=["first", "inside", "last"])
def test_an_id_that_the_vocabulary_has_not_is_an_error(kernel: Kernel, wrong: int, place: tuple[int, int]) -> None:
    ids = draw_ids(SHAPE, 1, 3, 7)
    ids[place] = wrong
    with pytest.raises(ValueError, match=f"input_ids holds ids of .*{wrong}.*, expected 0 to 29"):
        session_on(kernel).run(ids, 2)


@each_kernel
@pytest.mark.parametrize("wrong", [-1, 2, 2**32, -(2**63)])
def test_a_token_type_that_the_encoder_has_not_is_an_error(kernel: Kernel, wrong: int) -> None:
    ids, types = draw_ids(SHAPE, 1, 3, 7), draw_token_types(1, 3, 7)
    types[2, 6] = wrong
    paired = draw_model(replace(SHAPE, pairs=True), 8)
    with pytest.raises(ValueError, match=f"token_types holds types of .*{wrong}.*, expected 0 to 1"):
        KernelSession(paired.plan, paired.pack(), kernel, threads=1).run(ids, 1, types)


def test_an_encoder_without_pairs_has_one_token_type() -> None:
    ids = draw_ids(SHAPE, 1, 2, 7)
    with pytest.raises(ValueError, match="token_types holds types of 1 to 1, expected 0 to 0"):
        session_on(KERNELS[0]).run(ids, 1, np.ones_like(ids))


def test_token_types_of_another_shape_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"token_types has the shape \(2, 6\), expected \(2, 7\)"):
        session_on(KERNELS[0]).run(draw_ids(SHAPE, 1, 2, 7), 1, np.zeros((2, 6), np.int64))


@pytest.mark.parametrize(("batch", "tokens"), [(1, 0), (1, 33), (3, 100_000), (0, 33)])
def test_a_length_that_the_checkpoint_has_not_is_an_error(batch: int, tokens: int) -> None:
    session = session_on(KERNELS[0])
    if batch == 0:
        assert session.run(np.zeros((0, tokens), np.int64), 1).shape == (0, SHAPE.hidden)
        return
    with pytest.raises(ValueError, match=rf"\({batch}, {tokens}\), expected texts of 1 to 32 tokens"):
        session.run(np.zeros((batch, tokens), np.int64), 1)


@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_ids_give_vectors_or_a_value_error(data: st.DataObject) -> None:
    kernel = data.draw(st.sampled_from(KERNELS))
    batch, tokens = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 34))
    ids = draw_ids(SHAPE, data.draw(st.integers(0, 99)), batch, tokens)
    if ids.size and data.draw(st.booleans()):
        ids.flat[data.draw(st.integers(0, ids.size - 1))] = data.draw(st.integers(-(2**63), 2**63 - 1))
    try:
        vectors = session_on(kernel).run(ids, data.draw(st.integers(1, 9)))
    except ValueError:
        assert not 1 <= tokens <= 32 or ids.min() < 0 or ids.max() > 29
        return
    assert vectors.shape == (batch, SHAPE.hidden)
    assert np.isfinite(vectors).all()


@each_kernel
@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int64])
def test_ids_of_any_integer_type_and_order_give_the_same_bits(kernel: Kernel, dtype: type[np.integer]) -> None:
    ids = draw_ids(SHAPE, 2, 4, 9)
    expected = session_on(kernel).run(ids, 1)
    others = np.asfortranarray(ids.astype(dtype))
    assert np.array_equal(session_on(kernel).run(others, 1), expected)


@each_kernel
def test_a_workspace_of_an_earlier_micro_batch_changes_no_bit(kernel: Kernel) -> None:
    session = session_on(kernel)
    large, small = draw_ids(SHAPE, 3, 8, 30), draw_ids(SHAPE, 4, 2, 5)
    first = session.run(small, 1)
    session.run(large, 2)
    assert np.array_equal(session.run(small, 2), first)


@each_kernel
def test_many_callers_get_the_bits_of_one(kernel: Kernel) -> None:
    session = session_on(kernel)
    inputs = [draw_ids(SHAPE, seed, 1 + seed % 4, 1 + seed % 32) for seed in range(40)]
    expected = [session.run(ids, 1) for ids in inputs]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda ids: session.run(ids, 1 + len(ids) % 5), inputs * 3))
    assert all(np.array_equal(vectors, expected[index % 40]) for index, vectors in enumerate(found))


@needs_fork
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_process_gets_the_same_bits_while_its_parent_works() -> None:
    session, ids = session_on(KERNELS[0]), draw_ids(SHAPE, 5, 6, 32)
    expected = session.run(ids, 3)
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            session.run(ids, 3)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        states = [_state_of_a_child(session, ids, expected.tobytes()) for _ in range(10)]
    finally:
        done.set()
        worker.join()
    assert states == [0] * 10


def _state_of_a_child(
    session: KernelSession, ids: np.ndarray[tuple[int, ...], np.dtype[np.int64]], expected: bytes
) -> int:
    child = os.fork()
    if child == 0:
        os._exit(0 if session.run(ids, 3).tobytes() == expected else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_closed_session_is_an_error() -> None:
    session = session_on(KERNELS[0])
    session.close()
    with pytest.raises(ValueError, match="the encoder is closed"):
        session.run(draw_ids(SHAPE, 6, 1, 3), 1)


def test_a_micro_batch_that_runs_when_the_session_is_closed_is_finished() -> None:
    session, ids = session_on(KERNELS[-1]), draw_ids(SHAPE, 7, 64, 32)
    expected = session.run(ids, 1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(session.run, ids, 1)
        while not running.running() and not running.done():
            pass
        session.close()
        try:
            assert np.array_equal(running.result(), expected)
        except ValueError as error:  # it was closed before the micro-batch began
            assert "closed" in str(error)


@pytest.mark.parametrize("threads", [0, -1])
def test_a_number_of_threads_below_one_is_an_error_that_c_knows_too(native: ctypes.CDLL, threads: int) -> None:
    session = session_on(KERNELS[0])
    with pytest.raises(ValueError, match=f"threads is {threads}, expected 1 or more"):
        session.run(draw_ids(SHAPE, 8, 1, 3), threads)
    assert native.workspace_bytes(session._model, 1, 3, threads) == 0


def test_a_micro_batch_that_is_too_large_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"\(524289, 32\), expected .* at most 16,777,216 tokens together"):
        session_on(KERNELS[0]).run(np.zeros((524_289, 32), np.int64), 1)


def test_c_refuses_a_kernel_that_is_not_there() -> None:
    session = session_on(Kernel(len(compiled_kernels()), "none"))
    with pytest.raises(RuntimeError, match="the kernel none returned 1"):
        session.run(draw_ids(SHAPE, 9, 1, 3), 1)


def test_more_threads_than_the_library_takes_give_the_same_bits() -> None:
    ids = draw_ids(SHAPE, 10, 2, 32)
    session = session_on(KERNELS[0])
    assert np.array_equal(session.run(ids, 1000), session.run(ids, 1))


def test_a_model_packed_by_tests_is_the_one_that_a_session_takes() -> None:
    ids = draw_ids(SHAPE, 11, 3, 12)
    session = session_on(KERNELS[0])
    found = PackedModel.of(DRAWN).encode(session._library, KERNELS[0].index, ids)
    assert np.array_equal(session.run(ids, 1), found)
