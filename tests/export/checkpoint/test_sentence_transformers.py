"""Folders of sentence-transformers decide pooling, length, casing and the modules after pooling, or are refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.sentence_modules import Dense, LayerNorm, Normalize
from biobert_onnx_export.checkpoint.sentence_transformers import SentenceModules
from biobert_onnx_export.checkpoint.transformer_settings import FILES
from tests.support.checkpoints import DIM
from tests.support.folders import write_json
from tests.support.sentence_transformers import old_folder, write_dense, write_layer_norm


def refused(folder: Path) -> str:
    """The error of reading `folder`, which is one line."""
    with pytest.raises(CheckpointError) as raised:
        Checkpoint.read(str(folder))
    message = str(raised.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),
    ],
)
def test_the_folder_decides_pooling_length_and_normalization(
    tiny_checkpoint: Path, tmp_path: Path, config: dict[str, object], pooling: str
) -> None:
    checkpoint = Checkpoint.read(str(old_folder(tiny_checkpoint, tmp_path / "st", pooling=config, more=["Normalize"])))
    assert checkpoint.pooling(None) == pooling
    assert checkpoint.pooling("mean") == "mean"
    assert checkpoint.max_length(None) == 77
    assert checkpoint.modules.normalized


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"pooling_mode_lasttoken": True},
            "has pooling_mode_lasttoken True, expected cls, max, .*'lasttoken' does not",
        ),
        ({"pooling_mode": "lasttoken"}, "has pooling_mode 'lasttoken', expected cls, max, mean"),
        ({"pooling_mode": ["mean", "median"]}, r"has pooling_mode \['mean', 'median'\].*'median' does not export"),
    ],
)
def test_poolings_without_a_graph_are_refused(
    tiny_checkpoint: Path, tmp_path: Path, config: dict[str, object], message: str
) -> None:
    with pytest.raises(CheckpointError, match="1_Pooling/config.json' " + message):
        Checkpoint.read(str(old_folder(tiny_checkpoint, tmp_path / "st", pooling=config)))


@pytest.mark.parametrize("inside", ["", "0_Transformer", "0_BERT"])
@pytest.mark.parametrize(
    "package",
    [
        "sentence_transformers.models",
        "sentence_transformers.base.modules.transformer",
        "sentence_transformers.some.new",
    ],
)
def test_the_encoder_is_found_in_every_place_and_under_every_path_of_its_class(
    tiny_checkpoint: Path, tmp_path: Path, inside: str, package: str
) -> None:
    kind = inside.removeprefix("0_") or "Transformer"
    folder = old_folder(tiny_checkpoint, tmp_path / "st", inside=inside, kind=kind, package=package)
    checkpoint = Checkpoint.read(str(folder))
    assert checkpoint.modules.encoder == folder / inside
    assert (checkpoint.pooling(None), checkpoint.max_length(None)) == ("mean", 77)


@pytest.mark.parametrize(
    "kind",
    ["WordWeights", "CNN", "LSTM", "BoW", "WeightedLayerPooling", "Router", "Asym", "StaticEmbedding", "Pooling"],
)
def test_a_module_without_a_graph_is_refused_by_name(tiny_checkpoint: Path, tmp_path: Path, kind: str) -> None:
    message = refused(old_folder(tiny_checkpoint, tmp_path / "st", more=[kind]))
    assert f"modules.json' lists Transformer, Pooling, {kind}: only Transformer, then Pooling, then any of" in message
    assert "Dense, LayerNorm, Normalize, Dropout export" in message


@pytest.mark.parametrize("kinds", [("Normalize",), ("Dense", "Pooling"), ("Dropout", "Pooling")])
def test_modules_of_the_pooled_vector_before_pooling_are_refused(
    tiny_checkpoint: Path, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st")
    listed = [{"path": "", "type": f"sentence_transformers.models.{kind}"} for kind in ("Transformer", *kinds)]
    write_json(folder / "modules.json", listed)
    assert f"lists Transformer, {', '.join(kinds)}" in refused(folder)


def test_a_module_with_code_of_its_own_is_refused_by_name(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st", package="custom_st")
    message = refused(folder)
    assert "modules.json' has type 'custom_st.Transformer', expected a class of sentence_transformers" in message


@pytest.mark.parametrize("content", ["{}", "[]", "[3]", '[{"path": ""}]', '[{"type": null}]', '[{"type": 7}]', "{"])
def test_a_damaged_list_of_modules_is_refused(tiny_checkpoint: Path, tmp_path: Path, content: str) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st")
    (folder / "modules.json").write_text(content)
    assert "modules.json'" in refused(folder)


@pytest.mark.parametrize("place", ["../elsewhere", "/etc", "C:elsewhere", "..\\elsewhere", "NUL", 7])
def test_a_module_outside_of_the_folder_is_refused(tiny_checkpoint: Path, tmp_path: Path, place: object) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st")
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["path"] = place
    write_json(folder / "modules.json", modules)
    assert f"modules.json' has path {place!r}, expected a" in refused(folder)


def test_modules_after_pooling_keep_their_order_and_dropout_is_left_out(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = old_folder(
        tiny_checkpoint, tmp_path / "st", more=["Normalize", "Dense", "Dropout", "LayerNorm", "Normalize", "Dropout"]
    )
    write_dense(folder / "3_Dense", DIM, 40)
    write_layer_norm(folder / "5_LayerNorm", 40)
    checkpoint = Checkpoint.read(str(folder))
    assert [type(module) for module in checkpoint.modules.after_pooling] == [Normalize, Dense, LayerNorm, Normalize]
    assert checkpoint.modules.normalized
    assert checkpoint.dim("mean") == 40


@pytest.mark.parametrize("more", [["Normalize", "LayerNorm"], ["LayerNorm", "Dropout"], []])
def test_vectors_are_not_normalized_if_another_module_is_the_last_that_does_something(
    tiny_checkpoint: Path, tmp_path: Path, more: list[str]
) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st", more=more)
    for index, kind in enumerate(more, start=2):
        if kind == "LayerNorm":
            write_layer_norm(folder / f"{index}_{kind}", DIM)
    assert not SentenceModules.read(folder).normalized


@pytest.mark.parametrize("file", FILES)
def test_the_settings_are_found_under_every_name(tiny_checkpoint: Path, tmp_path: Path, file: str) -> None:
    settings = {"max_seq_length": 33, "do_lower_case": True}
    folder = old_folder(tiny_checkpoint, tmp_path / "st", settings=settings, settings_file=file)
    if file != FILES[0]:
        write_json(folder / FILES[0], {})  # counts as absent
    modules = SentenceModules.read(folder)
    assert (modules.transformer.max_seq_length, modules.lower_case) == (33, True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_seq_length": "128"}, "has max_seq_length '128', expected a whole number"),
        ({"max_seq_length": True}, "has max_seq_length True, expected a whole number"),
        ({"max_seq_length": 0}, "has max_seq_length 0, expected a positive number"),
        ({"do_lower_case": "yes"}, "has do_lower_case 'yes', expected true or false"),
        ({"transformer_task": "fill-mask"}, "has transformer_task 'fill-mask', expected 'feature-extraction'"),
        ({"module_output_name": "sentence_embedding"}, "has module_output_name"),
        ({"modality_config": {"text": {"method": "get_text_features"}}}, "has modality_config"),
        ({"processing_kwargs": {"text": {"max_length": 9}}}, "has processing_kwargs .*, expected nothing"),
        ({"query_length": 32}, "has query_length 32, expected nothing"),
        ({"config_args": {"hidden_act": "relu"}}, "has config_args .*, expected no argument"),
        ({"unheard_of": 1}, "has unheard_of 1, expected no key but"),
    ],
)
def test_settings_that_change_vectors_or_have_wrong_types_are_refused(
    tiny_checkpoint: Path, tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(CheckpointError, match="sentence_bert_config.json' " + message):
        SentenceModules.read(old_folder(tiny_checkpoint, tmp_path / "st", settings=settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"max_seq_length": None, "do_lower_case": None},
        {"transformer_task": "feature-extraction", "module_output_name": "token_embeddings", "unpad_inputs": True},
        {"modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}},
        {"processing_kwargs": {}, "query_expansion": None, "model_args": {"add_pooling_layer": False}},
    ],
)
def test_settings_that_change_nothing_are_taken(
    tiny_checkpoint: Path, tmp_path: Path, settings: dict[str, object]
) -> None:
    modules = SentenceModules.read(old_folder(tiny_checkpoint, tmp_path / "st", settings=settings))
    assert not modules.lower_case


@pytest.mark.parametrize(
    ("settings", "tokenizer", "length", "reason"),
    [
        ({"max_seq_length": 77}, {"model_max_length": 50}, 77, "max_seq_length in sentence_bert_config.json"),
        ({"max_seq_length": None}, {"model_max_length": 50}, 50, "model_max_length in tokenizer_config.json"),
        ({"max_seq_length": None}, {"max_len": 51}, 51, "model_max_length in tokenizer_config.json"),
        ({"max_seq_length": None}, {"model_max_length": 512}, 128, None),
        ({"max_seq_length": None}, {"model_max_length": 10**30}, 128, None),
        ({"max_seq_length": None}, {"model_max_length": 1e30}, 128, None),
        ({"max_seq_length": None}, {"model_max_length": None, "max_len": 51}, 128, None),
        ({"max_seq_length": None}, {}, 128, None),
        (None, {"model_max_length": 50}, 50, "model_max_length in tokenizer_config.json"),
        (None, {"model_max_length": 128}, 128, None),
    ],
)
def test_the_limit_is_that_of_the_module_else_of_the_tokenizer_else_the_positions(
    tiny_checkpoint: Path,
    tmp_path: Path,
    settings: Mapping[str, Any] | None,
    tokenizer: Mapping[str, Any],
    length: int,
    reason: str | None,
) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st", settings=settings)
    write_json(folder / "tokenizer_config.json", {"do_lower_case": False, **tokenizer})
    if settings is None:  # a plain folder of transformers
        (folder / "modules.json").unlink()
    checkpoint = Checkpoint.read(str(folder))
    assert checkpoint.max_length(None) == length
    rules = checkpoint.with_rules_of(pooling=None, max_length=None).rules
    found = [(rule.decision, rule.reason) for rule in rules if rule.about == "max_length"]
    assert found == ([] if reason is None else [(str(length), f"by {reason}")])


@pytest.mark.parametrize("limit", ["128", True, 0, -1, 2.5])
def test_a_limit_of_the_tokenizer_that_is_no_number_is_refused(
    tiny_checkpoint: Path, tmp_path: Path, limit: object
) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st")
    write_json(folder / "tokenizer_config.json", {"model_max_length": limit})
    assert f"tokenizer_config.json' has model_max_length {limit!r}, expected a" in refused(folder)


@pytest.mark.parametrize("length", [2, 129])
def test_a_limit_beyond_the_positions_names_both_sides_and_can_be_overruled(
    tiny_checkpoint: Path, tmp_path: Path, length: int
) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st", settings={"max_seq_length": length})
    checkpoint = Checkpoint.read(str(folder))
    message = rf"max_seq_length in sentence_bert_config.json of 'st' is {length}, expected 3 to 128, the positions of"
    with pytest.raises(CheckpointError, match=message):
        checkpoint.max_length(None)
    assert checkpoint.max_length(100) == 100


@pytest.mark.parametrize("key", ["word_embedding_dimension", "embedding_dimension"])
def test_a_pooling_of_another_width_names_both_sides(tiny_checkpoint: Path, tmp_path: Path, key: str) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st")
    write_json(folder / "1_Pooling" / "config.json", {key: 64, "pooling_mode": "mean"})
    message = refused(folder)
    assert f"1_Pooling/config.json' has {key} 64, expected {DIM}, the hidden_size of the encoder's config" in message


def test_a_dense_that_the_pooling_does_not_fit_names_both_sides(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st", pooling={"pooling_mode": ["cls", "mean"]}, more=["Dense"])
    write_dense(folder / "2_Dense", 2 * DIM, 8)
    checkpoint = Checkpoint.read(str(folder))
    assert checkpoint.pooling(None) == "cls+mean"
    assert checkpoint.pooling("max+cls") == "max+cls"
    message = f"'2_Dense' takes vectors of {2 * DIM} numbers, but those before it have {DIM}"
    with pytest.raises(CheckpointError, match=message):
        checkpoint.pooling("mean")
