"""Every kernel gives exactly the bits of plain C: those that run here, and those of other CPUs by emulation."""

import ctypes
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biobert_onnx.kernels.library import PLAIN
from biobert_onnx.kernels.plan import ACTIVATIONS, POOLINGS
from tests.support.kernel_builds import EMULATED_KERNELS, NATIVE_KERNELS, SANITIZE
from tests.support.kernel_models import PackedModel, Shape, draw_ids, draw_model, draw_token_types

examples = settings(
    max_examples=4 if os.environ.get(SANITIZE) else 12,  # sanitizers take ten times as long
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow),
)


def kernel_index(library: ctypes.CDLL, name: str) -> int | None:
    """Where the kernel `name` stands in a library; None if it is not there, or does not run here."""
    names = [library.kernel_name(index).decode() for index in range(library.kernel_count())]
    return names.index(name) if name in names and library.kernel_runs_here(names.index(name)) else None


@pytest.fixture(
    scope="session",
    params=[*(f"native {name}" for name in NATIVE_KERNELS), *(f"emulated {name}" for name in EMULATED_KERNELS)],
)
def tested(request: pytest.FixtureRequest) -> tuple[ctypes.CDLL, int]:
    """A library and one of its kernels."""
    library_name, name = request.param.split()
    library: ctypes.CDLL = request.getfixturevalue(library_name)
    index = kernel_index(library, name)
    if index is None:
        pytest.skip(f"this machine does not run the kernel {name}")
    return library, index


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Encoders of every kind; the inner sizes give AMX each of its ways through the inputs."""
    hidden = 64 * draw(st.integers(1, 6))
    layers = draw(st.integers(1, 3))
    types = draw(st.integers(0, 2))  # that tokens may have
    shape = Shape(
        hidden=hidden,
        head_size=draw(st.sampled_from([32, 64])),
        # tiles: 1, 5, 12 (woven), 16 (one part), 17 (17 parts of 1), 18 (2 parts), 24 (woven, 2 parts), 32
        inner=64 * draw(st.sampled_from([1, 5, 12, 16, 17, 18, 24, 32])),
        layers=layers,
        activation=draw(st.sampled_from(ACTIVATIONS)),
        pooling=draw(st.sampled_from(POOLINGS)),
        unit_length=draw(st.booleans()),
        outlier_units=tuple(draw(st.lists(st.sampled_from([0, 1, 7, 16]), min_size=layers, max_size=layers))),
        has_attention_bias=draw(st.booleans()),
        pairs=types == 2,
        has_token_types=types > 0,
        padding_id=draw(st.sampled_from([None, 0, 7])),
    )
    per_token = draw(st.frozensets(st.sampled_from(shape.site_names)))
    return replace(shape, per_token=per_token, smoothing=draw(st.frozensets(st.sampled_from(shape.normalized_sites))))


def expect_plain_bits(
    tested: tuple[ctypes.CDLL, int], native: ctypes.CDLL, shape: Shape, *, batch: int, tokens: int, threads: int = 1
) -> None:
    library, kernel = tested
    packed = PackedModel.of(draw_model(shape, seed=batch))
    ids = draw_ids(shape, tokens, batch, tokens)
    plain = kernel_index(native, PLAIN)
    assert plain is not None
    types = draw_token_types(tokens, batch, tokens) if shape.pairs else None
    expected = packed.encode(native, plain, ids, token_types=types)
    found = packed.encode(library, kernel, ids, threads, types)
    assert np.isfinite(expected).all()
    assert expected.tobytes() == found.tobytes()


@examples
@given(shape=shapes(), batch=st.integers(1, 9), tokens=st.integers(1, 40), threads=st.integers(1, 5))
def test_every_kernel_gives_the_bits_of_plain_c(
    tested: tuple[ctypes.CDLL, int], native: ctypes.CDLL, shape: Shape, batch: int, tokens: int, threads: int
) -> None:
    expect_plain_bits(tested, native, shape, batch=batch, tokens=tokens, threads=threads)


@pytest.mark.parametrize("tokens", [1, 15, 16, 17, 32, 33, 48, 64, 65, 128, 129])
def test_lengths_around_every_block_give_the_bits_of_plain_c(
    tested: tuple[ctypes.CDLL, int], native: ctypes.CDLL, tokens: int
) -> None:
    shape = Shape(layers=1, positions=129, has_attention_bias=True)
    expect_plain_bits(tested, native, shape, batch=3, tokens=tokens, threads=2)


@pytest.mark.parametrize("per_token", [False, True], ids=["static", "per token"])
@pytest.mark.parametrize(
    ("hidden", "inner"), [(768, 3072), (384, 1536), (64, 4096), (64, 1088)], ids=lambda size: str(size)
)
def test_real_sizes_and_all_parts_of_inputs_give_the_bits_of_plain_c(
    tested: tuple[ctypes.CDLL, int], native: ctypes.CDLL, hidden: int, inner: int, per_token: bool
) -> None:
    shape = Shape(hidden=hidden, head_size=64, inner=inner, layers=1)
    shape = replace(shape, per_token=frozenset(shape.site_names if per_token else ()))
    expect_plain_bits(tested, native, shape, batch=3, tokens=27, threads=3)


def test_more_threads_than_work_give_the_bits_of_plain_c(tested: tuple[ctypes.CDLL, int], native: ctypes.CDLL) -> None:
    shape = Shape(hidden=64, head_size=64, inner=64)
    expect_plain_bits(tested, native, shape, batch=2, tokens=20, threads=24)


def test_a_single_text_has_the_bits_that_it_has_without_pairs(
    tested: tuple[ctypes.CDLL, int], native: ctypes.CDLL
) -> None:
    library, kernel = tested
    shape = Shape(outlier_units=(3, 0))
    ids = draw_ids(shape, 5, 7, 21)
    models = [PackedModel.of(draw_model(replace(shape, pairs=pairs), seed=6)) for pairs in (False, True)]
    without, silent = (model.encode(library, kernel, ids) for model in models)
    told = models[1].encode(library, kernel, ids, token_types=np.zeros_like(ids))
    assert np.array_equal(without, silent)
    assert np.array_equal(without, told)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_text_alone_has_the_bits_that_it_has_in_a_batch(
    tested: tuple[ctypes.CDLL, int], native: ctypes.CDLL, pooling: str
) -> None:
    library, kernel = tested
    shape = Shape(pooling=pooling, per_token=frozenset({"encoder.layer.0.output"}), outlier_units=(3, 0))
    packed = PackedModel.of(draw_model(shape, seed=5))
    ids = draw_ids(shape, 5, 7, 21)
    together = packed.encode(library, kernel, ids, 3)
    alone = [packed.encode(library, kernel, ids[text : text + 1])[0] for text in range(len(ids))]
    assert np.array_equal(together, np.stack(alone))


def test_each_kernel_of_a_library_agrees_with_plain_c_when_it_is_loaded(tested: tuple[ctypes.CDLL, int]) -> None:
    library, kernel = tested
    assert library.kernel_agrees(kernel) == 1
