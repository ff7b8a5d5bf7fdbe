"""plan.json: whatever is wrong with it is one error that names the file and the key, before C sees anything."""

import copy
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biobert_onnx.artifact.paths import PLAN, WEIGHTS
from biobert_onnx.errors import ArtifactError
from biobert_onnx.kernels.engine import whole_plan
from biobert_onnx.kernels.library import KernelsUnavailableError
from biobert_onnx.kernels.packed import pack_in_memory
from biobert_onnx.kernels.plan import FORMAT, KernelPlan, Tensors
from tests.support.kernel_models import Shape, draw_model

SITE = "encoder.layer.0.intermediate"
SHAPE = Shape(
    hidden=64,
    inner=64,
    layers=1,
    words=8,
    positions=8,
    outlier_units=(2,),
    per_token=frozenset({"encoder.layer.0.output"}),
    smoothing=frozenset({SITE}),
    pooling="pooler",
    unit_length=True,
)
DRAWN = draw_model(SHAPE, 1)
CONTENT: dict[str, Any] = {"format": FORMAT, **asdict(DRAWN.plan)}

Key = tuple[str | int, ...]


def keys_of(value: object, key: Key = ()) -> Iterator[Key]:
    """Every key of a JSON value, those inside others too."""
    if key:
        yield key
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from keys_of(item, (*key, name))


TENSORS = ("embeddings.word_embeddings.weight_int8", f"{SITE}.dense.bias", "embeddings.token_type_embeddings.weight")
"""Those whose records are damaged: all are read alike."""

KEYS = [key for key in keys_of(CONTENT) if key[0] != "tensors" or len(key) < 3 or key[1] in TENSORS]
OF_ANOTHER_TYPE: tuple[object, ...] = (None, "x", -1, [], {}, [None], True)
OPTIONAL = {"smoothing"}


def changed(key: Key, value: object) -> dict[str, Any]:
    """The content with another value at `key`."""
    content = copy.deepcopy(CONTENT)
    parent: Any = content
    for name in key[:-1]:
        parent = parent[name]
    parent[key[-1]] = value
    return content


def without(key: Key) -> dict[str, Any]:
    """The content without `key`."""
    content = copy.deepcopy(CONTENT)
    parent: Any = content
    for name in key[:-1]:
        parent = parent[name]
    del parent[key[-1]]
    return content


def read(content: object, folder: Path) -> KernelPlan:
    (folder / PLAN).write_text(json.dumps(content), encoding="utf-8")
    return whole_plan(folder)


def error_of(content: object, folder: Path) -> str:
    """The message of the ArtifactError for `content`, which names the file."""
    with pytest.raises(ArtifactError) as error:
        read(content, folder)
    message = str(error.value)
    assert str(folder / PLAN) in message
    assert "\n" not in message
    return message


def test_a_whole_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read(CONTENT, tmp_path) == DRAWN.plan


@pytest.mark.parametrize("value", OF_ANOTHER_TYPE, ids=lambda value: f"{value!r:.8}")
def test_no_key_takes_a_value_of_another_type(tmp_path: Path, value: object) -> None:
    for key in KEYS:
        content = changed(key, value)
        if is_harmless(key, value):
            continue
        try:
            read(content, tmp_path)
        except ArtifactError as error:
            assert str(tmp_path / PLAN) in str(error)
        except KernelsUnavailableError:
            assert key[0] in ("activation", "pooling", "after_pooling") and value == "x"
        else:
            pytest.fail(f"{'.'.join(map(str, key))} took {value!r}")


def is_harmless(key: Key, value: object) -> bool:
    """Whether `value` is as good as what stands at `key`: the same switch, no module, no padding, or pairs."""
    same = key[-1] == "smoothing" and CONTENT["sites"][key[1]]["smoothing"] is value
    return same or (key, value) in [(("after_pooling",), []), (("pairs",), True), (("padding_id",), None)]


def test_pairs_need_two_token_types(tmp_path: Path) -> None:
    content = changed(("pairs",), True)
    content["geometry"]["type_vocab_size"] = 1
    assert "pairs is True, and type_vocab_size is 1, expected 2 or more" in error_of(content, tmp_path)


@pytest.mark.parametrize("key", [key for key in KEYS if key[-1] not in OPTIONAL and key[0] != "after_pooling"], ids=str)
def test_no_key_may_be_absent(tmp_path: Path, key: Key) -> None:
    error_of(without(key), tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        (("geometry", "hidden_size"), 65, "geometry"),
        (("geometry", "num_attention_heads"), 0, "geometry"),
        (("geometry", "num_hidden_layers"), 2, "encoder.layer.1.attention.self"),
        (("geometry", "num_hidden_layers"), 10**9, "geometry"),
        (("geometry", "vocab_size"), 9, "embeddings.word_embeddings.weight_int8"),
        (("geometry", "max_position_embeddings"), 9, "embeddings.position_embeddings.weight"),
        (("geometry", "intermediate_size"), 128, "intermediate.dense.weight_int8"),
        (("geometry", "layer_norm_eps"), -1.0, "geometry"),
        (("geometry", "layer_norm_eps"), 1e300, "geometry"),
        (("geometry", "layer_norm_eps"), float("nan"), "geometry"),
        (("sites", SITE, "products"), "float16", f"sites.{SITE}.products"),
        (("sites", SITE, "scale"), 0.0, SITE),
        (("sites", SITE, "scale"), float("inf"), SITE),
        (("sites", SITE, "scale"), float("nan"), SITE),
        (("sites", SITE, "scale"), 1e-300, SITE),
        (("sites", SITE, "zero_point"), 256, SITE),
        (("sites", SITE, "smoothing"), False, f"{SITE}.inverse_smoothing"),
        (("outlier_units", "encoder.layer.0"), 0, "outlier_units.encoder.layer.0"),
        (("outlier_units", "encoder.layer.0"), 3, "encoder.layer.0.outliers.into.weight"),
        (("outlier_units",), {"encoder.layer.1": 2}, "outlier_units.encoder.layer.1"),
        (("outlier_units",), {}, "encoder.layer.0.outliers"),
        (("tensors", f"{SITE}.dense.weight_int8", "dtype"), "float32", f"{SITE}.dense.weight_int8"),
        (("tensors", f"{SITE}.dense.bias", "shape"), [1, 64], f"{SITE}.dense.bias"),
        (("tensors", "embeddings.token_type_embeddings.weight", "shape"), [], "token_type_embeddings"),
        (("tensors", "embeddings.token_type_embeddings.weight", "shape"), [0, 64], "token_type_embeddings"),
        (("tensors", "other"), {"dtype": "int8", "shape": [1], "offset": 0}, "other"),
    ],
    ids=str,
)  # fmt: skip
def test_values_that_contradict_each_other_are_named(tmp_path: Path, key: Key, value: object, named: str) -> None:
    assert named in error_of(changed(key, value), tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (("format",), 1, "its plan.json has format 1, not 3, as another version exported it"),
        (("activation",), "silu", "its activation is silu"),
        (("pooling",), "weightedmean", "its pooling is weightedmean"),
        (("after_pooling",), ["Dense", "Normalize"], "Dense, Normalize"),
        (("sites", "encoder.layer.0.output"), {"products": "float32"}, "1 sites in float32"),
    ],
    ids=str,
)
def test_what_the_kernels_do_not_compute_is_the_reason(tmp_path: Path, key: Key, value: object, reason: str) -> None:
    content = changed(key, value)
    unused = {"pooling": "pooler.", "sites": "encoder.layer.0.output.dense."}.get(str(key[0]))
    if unused:
        content["tensors"] = {name: each for name, each in content["tensors"].items() if not name.startswith(unused)}
    with pytest.raises(KernelsUnavailableError, match=reason):
        read(content, tmp_path)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (replace(SHAPE, hidden=96, head_size=32), "hidden size is 96"),
        (replace(SHAPE, inner=96), "intermediate size is 96"),
        (replace(SHAPE, hidden=128, head_size=16), "attention heads have 16 channels"),
        (replace(SHAPE, outlier_units=(17,)), "encoder.layer.0 has 17 outlier units"),
        (replace(SHAPE, smoothing=frozenset({"encoder.layer.0.output"})), "encoder.layer.0.output has smoothing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sizes_that_the_kernels_do_not_take_are_the_reason(tmp_path: Path, shape: Shape, reason: str) -> None:
    with pytest.raises(KernelsUnavailableError, match=reason):
        read({"format": FORMAT, **asdict(draw_model(shape, 2).plan)}, tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"format": true}', b"[" * 100_000])
def test_a_file_that_is_no_plan_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PLAN).write_bytes(content)
    with pytest.raises(ArtifactError, match="export the artifact again"):
        KernelPlan.read(tmp_path)


def test_a_plan_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=PLAN):
        KernelPlan.read(tmp_path)


@settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(min_size=1, max_size=3), st.integers(0, 10**6))
def test_damaged_bytes_are_an_error_or_a_plan_that_can_be_packed(tmp_path: Path, damage: bytes, place: int) -> None:
    DRAWN.write(tmp_path)
    raw = (tmp_path / PLAN).read_bytes()
    place %= len(raw)
    (tmp_path / PLAN).write_bytes(raw[:place] + damage + raw[place + len(damage) :])
    try:
        pack_in_memory(tmp_path, whole_plan(tmp_path))
    except (ArtifactError, KernelsUnavailableError):
        return


@pytest.mark.parametrize("kept", [0, 1, -1], ids=["empty", "one byte", "all but one byte"])
def test_weights_that_end_too_early_are_an_error(tmp_path: Path, kept: int) -> None:
    plan = DRAWN.write(tmp_path)
    raw = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(raw[:kept])
    with pytest.raises(ArtifactError, match=WEIGHTS):
        Tensors(tmp_path, plan)


def test_an_offset_beyond_the_weights_is_an_error(tmp_path: Path) -> None:
    DRAWN.write(tmp_path)
    plan = read(changed(("tensors", "pooler.dense.bias", "offset"), 10**400), tmp_path)
    with pytest.raises(ArtifactError, match=r"pooler\.dense\.bias"):
        Tensors(tmp_path, plan)
