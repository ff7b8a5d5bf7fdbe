"""The settings of Pooling in every form, the order of poolings that are concatenated, and who decides the pooling."""

from pathlib import Path

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.pooling import PoolingSettings
from biobert_onnx_export.checkpoint.rules import Rule
from tests.support.checkpoints import DIM
from tests.support.folders import write_json
from tests.support.sentence_transformers import old_folder


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False}, "max"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len_tokens"),
        ({"pooling_mode_weightedmean_tokens": True}, "weightedmean"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, "cls+mean"),
        (
            {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True, "pooling_mode_cls_token": None},
            "max+mean",
        ),
        ({"pooling_mode": "weightedmean"}, "weightedmean"),
        ({"pooling_mode": ["mean"]}, "mean"),
        ({"pooling_mode": ["mean", "cls"]}, "mean+cls"),
        ({"pooling_mode": "cls", "pooling_mode_mean_tokens": True}, "cls"),
        ({"pooling_mode_cls_token": False}, None),
        ({}, None),
    ],
)
def test_modes_have_the_order_of_their_concatenation(
    tmp_path: Path, config: dict[str, object], pooling: str | None
) -> None:
    write_json(tmp_path / "config.json", {"word_embedding_dimension": 96} | config)
    assert PoolingSettings.read(tmp_path / "config.json").pooling == pooling


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"pooling_mode": None}, "has pooling_mode None, expected a text or a list"),
        ({"pooling_mode": []}, r"has pooling_mode \[\], expected a text or a list"),
        ({"pooling_mode": [1]}, r"has pooling_mode \[1\], expected cls, max, .*: 1 does not export"),
        ({"pooling_mode": "pooler"}, "has pooling_mode 'pooler', expected cls, max"),
        ({"pooling_mode_mean_tokens": 1}, "has pooling_mode_mean_tokens 1, expected true or false"),
        ({"pooling_mode_median": True}, "has pooling_mode_median True, expected no key but"),
        ({"word_embedding_dimension": "96"}, "has word_embedding_dimension '96', expected a whole number"),
        ({"word_embedding_dimension": None}, "has word_embedding_dimension None, expected a whole number"),
        ({"include_prompt": "no"}, "has include_prompt 'no', expected true or false"),
    ],
)
def test_wrong_settings_name_file_and_key(tmp_path: Path, config: dict[str, object], message: str) -> None:
    write_json(tmp_path / "config.json", config)
    with pytest.raises(CheckpointError, match="config.json' " + message):
        PoolingSettings.read(tmp_path / "config.json")


def pooling_rule(checkpoint: Checkpoint, requested: str | None) -> Rule:
    (rule,) = [
        rule for rule in checkpoint.with_rules_of(pooling=requested, max_length=9).rules if rule.about == "pooling"
    ]
    assert rule.decision == checkpoint.pooling(requested)
    return rule


def test_the_rule_of_a_plain_folder_says_that_mean_is_the_default(source: Checkpoint) -> None:
    assert str(pooling_rule(source, None)) == "pooling: mean (by default: nothing in the folder names one)"
    assert str(pooling_rule(source, "cls")) == "pooling: cls (by pooling=)"


def test_the_rule_of_a_module_names_its_file(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = old_folder(tiny_checkpoint, tmp_path / "st", pooling={"pooling_mode": ["cls", "mean"]})
    checkpoint = Checkpoint.read(str(folder))
    assert str(pooling_rule(checkpoint, None)) == "pooling: cls+mean (by 1_Pooling/config.json)"
    overruled = "pooling: max (by pooling=; 1_Pooling/config.json names cls+mean)"
    assert str(pooling_rule(checkpoint, "max")) == overruled


def test_a_module_that_names_no_mode_pools_the_mean_and_says_so(tiny_checkpoint: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint.read(str(old_folder(tiny_checkpoint, tmp_path / "st", pooling={})))
    assert str(pooling_rule(checkpoint, None)) == "pooling: mean (by default: 1_Pooling/config.json names none)"


@pytest.mark.parametrize("pooling", ["median", "", "mean+", "mean,cls", "MEAN", "lasttoken"])
def test_an_unknown_pooling_is_refused_with_those_that_are_known(source: Checkpoint, pooling: str) -> None:
    known = "cls, max, mean, mean_sqrt_len_tokens, weightedmean, pooler, or several joined by"
    with pytest.raises(ValueError, match=known):
        source.pooling(pooling)


@pytest.mark.parametrize(("pooling", "dim"), [("mean", DIM), ("cls+pooler", 2 * DIM), ("mean+max+mean", 3 * DIM)])
def test_a_concatenation_has_the_numbers_of_all_its_modes(source: Checkpoint, pooling: str, dim: int) -> None:
    assert source.dim(source.pooling(pooling)) == dim


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_leaving_prompts_out_of_pooling_is_refused_where_there_are_prompts(
    tiny_checkpoint: Path, tmp_path: Path, pooling: str
) -> None:
    config = {"pooling_mode": pooling, "include_prompt": False}
    folder = old_folder(tiny_checkpoint, tmp_path / "st", pooling=config, prompts={"prompts": {"query": "query: "}})
    message = (
        r"include_prompt False, expected true: this model leaves the tokens of its prompts \(query\) out of pooling"
    )
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.read(str(folder))


@pytest.mark.parametrize("prompts", [None, {"prompts": {"query": "", "document": None}}])
def test_leaving_prompts_out_of_pooling_is_kept_where_there_are_none(
    tiny_checkpoint: Path, tmp_path: Path, prompts: object
) -> None:
    config = {"pooling_mode": "mean", "include_prompt": False}
    checkpoint = Checkpoint.read(str(old_folder(tiny_checkpoint, tmp_path / "st", pooling=config, prompts=prompts)))
    assert not checkpoint.modules.include_prompt
    assert "prompt" in [rule.about for rule in checkpoint.rules]
