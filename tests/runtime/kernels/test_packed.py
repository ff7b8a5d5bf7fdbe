"""Packed weights in files: the same bytes always, and a file of another size is refused before C sees it."""

import ctypes
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx.artifact.paths import PACKED_FOLDER, WEIGHTS
from biobert_onnx.encoding.engines import prepack
from biobert_onnx.errors import ArtifactError
from biobert_onnx.kernels.library import compiled_kernels
from biobert_onnx.kernels.packed import ALIGNMENT, map_packed, pack_in_memory, packed_layout, packed_size, write_packed
from biobert_onnx.kernels.session import KernelSession
from tests.support.drawn_artifacts import TOKENS, write_artifact
from tests.support.engines import needs_kernels
from tests.support.kernel_models import DrawnModel, Shape, draw_ids, draw_model

SHAPE = Shape(layers=2, outlier_units=(0, 3), per_token=frozenset({"encoder.layer.1.output"}), pooling="pooler")
PLAIN = compiled_kernels()[-1]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The packed weights of an artifact in the same folder."""
    write_packed(tmp_path, draw_model(SHAPE, 3).write(tmp_path), tmp_path / "packed")
    return tmp_path / "packed"


def test_arrays_do_not_overlap_and_begin_at_cache_lines() -> None:
    layout = packed_layout(draw_model(SHAPE, 3).plan, with_words=True)
    places = sorted(layout.values(), key=lambda place: place.offset)
    assert all(place.offset % ALIGNMENT == 0 for place in places)
    assert all(first.end <= second.offset for first, second in pairwise(places))
    assert packed_size(layout) == places[-1].end


def test_a_file_holds_what_is_packed_in_memory(written: Path) -> None:
    plan = draw_model(SHAPE, 3).plan
    mapped, made = map_packed(written, plan), pack_in_memory(written.parent, plan)
    assert mapped.keys() == made.keys()
    assert all(np.array_equal(mapped[name], made[name]) for name in made)


def test_one_artifact_gives_the_same_bytes(written: Path) -> None:
    again = written.with_name("again")
    write_packed(written.parent, draw_model(SHAPE, 3).plan, again)
    assert again.read_bytes() == written.read_bytes()


@pytest.mark.parametrize("change", [-1, 1, 64, None], ids=["a byte less", "a byte more", "a line more", "empty"])
def test_a_file_of_another_size_is_refused(written: Path, change: int | None) -> None:
    size = written.stat().st_size
    with written.open("r+b") as file:
        file.truncate(0 if change is None else size + change)
    with pytest.raises(ArtifactError, match=f"expected {size}: run prepack again"):
        map_packed(written, draw_model(SHAPE, 3).plan)


def test_the_file_of_another_geometry_is_refused(written: Path) -> None:
    with pytest.raises(ArtifactError, match="run prepack again"):
        map_packed(written, draw_model(Shape(layers=1), 3).plan)


def test_mapped_arrays_cannot_be_changed(written: Path) -> None:
    arrays = map_packed(written, draw_model(SHAPE, 3).plan)
    assert not any(array.flags.writeable for array in arrays.values())


@settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_damaged_bytes_give_other_numbers_and_no_crash(native: ctypes.CDLL, written: Path, data: st.DataObject) -> None:
    raw = bytearray(written.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        place = data.draw(st.integers(0, len(raw) - 4))
        raw[place : place + 4] = data.draw(st.binary(min_size=4, max_size=4))
    damaged = written.with_name("damaged")
    damaged.write_bytes(raw)
    plan = draw_model(SHAPE, 3).plan
    session = KernelSession(plan, map_packed(damaged, plan), PLAIN, threads=1)
    assert session.run(draw_ids(SHAPE, 1, 2, 9), 1).shape == (2, SHAPE.hidden)


def test_words_stay_in_the_weights_file_if_nothing_is_prepacked(tmp_path: Path) -> None:
    plan = draw_model(SHAPE, 3).write(tmp_path)
    words = pack_in_memory(tmp_path, plan)["words"]
    raw = (tmp_path / WEIGHTS).read_bytes()
    offset = plan.tensors["embeddings.word_embeddings.weight_int8"]["offset"]
    assert words.tobytes() == raw[offset : offset + words.nbytes]
    assert not words.flags.owndata


QUERY, VALUE, OUTPUT = (
    f"encoder.layer.{name}.weight_int8"
    for name in ("0.attention.self.query", "1.attention.self.value", "1.output.dense")
)
"""A matrix that is packed first, one in the middle of others, the last one."""


def with_pair(name: str, first: int, second: int) -> DrawnModel:
    """A drawn model in which the last two inputs of the last output of a matrix have these weights."""
    drawn = draw_model(SHAPE, 3)
    changed = drawn.tensors[name].copy()
    changed[-2:, -1] = first, second
    return replace(drawn, tensors={**drawn.tensors, name: changed})


@pytest.mark.parametrize("name", [QUERY, VALUE, OUTPUT])
@pytest.mark.parametrize(("first", "second"), [(2, 127), (65, 64), (127, 127), (-1, -128), (-128, -128)])
def test_weights_with_which_avx2_would_saturate_are_refused(name: str, first: int, second: int, tmp_path: Path) -> None:
    plan = with_pair(name, first, second).write(tmp_path)
    with pytest.raises(ArtifactError) as error:
        pack_in_memory(tmp_path, plan)
    assert str(error.value) == (
        f"'{WEIGHTS}': two neighbouring weights of {name} add up to {abs(first + second)}, expected at most 128 of one "
        "sign, so that no CPU's product saturates: export the artifact again"
    )


@pytest.mark.parametrize(("first", "second"), [(1, 127), (64, 64), (0, -128), (127, -128), (-64, -64)])
def test_weights_at_the_bound_are_packed(first: int, second: int, tmp_path: Path) -> None:
    plan = with_pair(OUTPUT, first, second).write(tmp_path)
    assert pack_in_memory(tmp_path, plan)["1.output.tiles"][-2:].tolist() == [first, second]


def test_weights_of_two_neighbours_that_are_no_pair_may_add_up_to_more(tmp_path: Path) -> None:
    drawn = with_pair(OUTPUT, 127, 0)
    drawn.tensors[OUTPUT][-4:, -1] = 0, 127, 127, 0
    plan = drawn.write(tmp_path)
    assert pack_in_memory(tmp_path, plan)["1.output.tiles"][-4:].tolist() == [0, 127, 127, 0]


@needs_kernels
def test_an_encoder_refuses_an_artifact_whose_weights_would_saturate(tmp_path: Path) -> None:
    shape = Shape(words=len(TOKENS))
    drawn = draw_model(shape, 4)
    drawn.tensors[QUERY][:2, 5] = 100, 29
    folder = write_artifact(drawn, tmp_path)
    Manifest.read(folder).check_contents(folder)
    with pytest.raises(ArtifactError, match=rf"{re.escape(QUERY)} add up to 129"):
        SentenceEncoder(folder)
    with pytest.raises(ArtifactError, match="add up to 129"):
        prepack(folder)
    assert not (folder / PACKED_FOLDER).exists()
