"""The kernels' rows of tokens: the bits of plain C on every kernel, and the rows that pooling reads."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from biobert_onnx.artifact.manifest import LAST, MEAN_LAST_FOUR
from biobert_onnx.kernels.library import PLAIN, find_kernel
from biobert_onnx.kernels.session import OUTPUTS, KernelSession
from tests.runtime.kernels.test_kernels_agree import kernel_index, tested
from tests.support.kernel_models import PackedModel, Shape, draw_ids, draw_model

__all__ = ["tested"]  # a fixture

FOUR = Shape(hidden=64, inner=128, layers=5, positions=48)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize(("batch", "tokens", "threads"), [(1, 1, 1), (3, 15, 2), (2, 33, 5)])
def test_every_kernel_gives_the_rows_of_plain_c(
    tested: tuple[ctypes.CDLL, int], native: ctypes.CDLL, pooling: str, batch: int, tokens: int, threads: int
) -> None:
    library, kernel = tested
    per_token = frozenset(FOUR.site_names[1::2])
    shape = replace(FOUR, pooling=pooling, per_token=per_token, outlier_units=(0, 7, 0, 16, 1))
    packed = PackedModel.of(draw_model(shape, seed=batch))
    ids = draw_ids(shape, tokens, batch, tokens)
    plain = kernel_index(native, PLAIN)
    assert plain is not None
    for output in OUTPUTS.values():
        expected = packed.encode(native, plain, ids, output=output)
        assert np.isfinite(expected).all()
        assert expected.tobytes() == packed.encode(library, kernel, ids, threads, output=output).tobytes()


def rows(shape: Shape, ids: np.ndarray, layers: str, threads: int = 2) -> np.ndarray:
    drawn = draw_model(shape, 3)
    session = KernelSession(drawn.plan, drawn.pack(), find_kernel(), threads=2)
    return session.token_vectors(ids, threads, layers)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "pooler"])
@pytest.mark.parametrize("layers", OUTPUTS)
def test_rows_do_not_depend_on_pooling_company_or_threads(pooling: str, layers: str) -> None:
    ids = draw_ids(FOUR, 1, 5, 17)
    expected = rows(FOUR, ids, layers, threads=1)
    found = rows(replace(FOUR, pooling=pooling, unit_length=True), ids, layers, threads=3)
    assert np.array_equal(found, expected)
    assert all(np.array_equal(rows(FOUR, ids[text : text + 1], layers)[0], expected[text]) for text in range(5))


def test_the_first_rows_are_the_vectors_of_cls_pooling() -> None:
    ids = draw_ids(FOUR, 2, 3, 9)
    drawn = draw_model(replace(FOUR, pooling="cls"), 3)
    session = KernelSession(drawn.plan, drawn.pack(), find_kernel(), threads=2)
    assert np.array_equal(session.token_vectors(ids, 2, LAST)[:, 0], session.run(ids, 2))


def test_the_mean_of_four_layers_adds_them_in_their_order() -> None:
    ids = draw_ids(FOUR, 4, 2, 20)
    drawn = draw_model(FOUR, 3)
    outputs = []
    for layers in range(2, 6):  # a network of the first layers ends with the output of its last one
        plan = replace(drawn.plan, geometry={**drawn.plan.geometry, "num_hidden_layers": layers})
        first = replace(drawn, plan=plan)
        session = KernelSession(plan, first.pack(), find_kernel(), threads=1)
        outputs.append(session.token_vectors(ids, 1, LAST))
    expected = (((outputs[0] + outputs[1]) + outputs[2]) + outputs[3]) * np.float32(0.25)
    assert np.array_equal(rows(FOUR, ids, MEAN_LAST_FOUR), expected)


@pytest.mark.parametrize(("layers", "output"), [(3, 2), (4, 3), (4, -1)])
def test_an_output_that_the_network_has_not_is_refused(native: ctypes.CDLL, layers: int, output: int) -> None:
    packed = PackedModel.of(draw_model(replace(FOUR, layers=layers), 1))
    with pytest.raises(AssertionError, match="encode returned 6"):
        packed.encode(native, native.kernel_count() - 1, draw_ids(FOUR, 1, 1, 5), output=output)


def test_a_closed_session_gives_no_rows() -> None:
    drawn = draw_model(FOUR, 3)
    session = KernelSession(drawn.plan, drawn.pack(), find_kernel(), threads=1)
    session.close()
    with pytest.raises(ValueError, match="the encoder is closed"):
        session.token_vectors(draw_ids(FOUR, 1, 1, 5), 1, LAST)
