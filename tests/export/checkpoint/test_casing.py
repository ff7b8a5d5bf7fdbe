"""Casing: the caller decides, then the folder, the published checkpoint, and the vocabulary."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import AutoTokenizer

from biobert_onnx_export import CheckpointError, export
from biobert_onnx_export.checkpoint.normalization import LOWERCASE, bert_state, sequence_state
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from tests.support.folders import (
    CASED,
    SCIBERT_LIKE,
    STRAYS,
    TEXTS,
    UNCASED,
    write_checkpoint,
    write_json,
    write_tokenizer_json,
)

FAST = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "pad_token": "[PAD]"}
LOWERS = bert_state(lowercase=True, strip_accents=None, chinese=True)
VOCABULARY = {"vocab": {token: number for number, token in enumerate(UNCASED)}}
KEEPS = bert_state(lowercase=False, strip_accents=None, chinese=True)


def written(
    folder: Path, tokens: Sequence[str], settings: Mapping[str, Any] | None = None, normalizer: object = None
) -> Path:
    """A folder with vocab.txt; of tokenizer_config.json and tokenizer.json, those that are asked for."""
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    write_json(folder / "config.json", {"model_type": "bert"})
    if settings is not None:
        write_json(folder / "tokenizer_config.json", settings)
    if normalizer is not None:
        write_tokenizer_json(folder, normalizer=normalizer)
        (folder / "vocab.txt").unlink()
    return folder


def read(folder: Path, tokens: Sequence[str], **sources: Any) -> Vocabulary:
    return Vocabulary.read(folder, size=len(tokens), **sources)


def ids(vocabulary: Vocabulary) -> list[list[int]]:
    return [encoding.ids for encoding in vocabulary.tokenizer().encode_batch(list(TEXTS))]


@pytest.mark.parametrize(
    ("tokens", "settings", "normalizer"),
    [
        (UNCASED, None, None),
        (SCIBERT_LIKE, None, None),
        (SCIBERT_LIKE, {"do_lower_case": True}, None),
        (SCIBERT_LIKE, {"do_lower_case": False}, None),
        (CASED, {"do_lower_case": True}, None),
        (CASED, {"do_lower_case": False}, None),
        (CASED, {"do_lower_case": False, "strip_accents": True}, None),
        (CASED, {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False}, None),
        (UNCASED, None, LOWERS),
        (UNCASED, None, KEEPS),
        (UNCASED, {"do_lower_case": True}, KEEPS),
        (CASED, {"do_lower_case": False}, LOWERS),
        (CASED, {"do_lower_case": True}, KEEPS),
        (CASED, FAST, KEEPS),
        (CASED, FAST | {"do_lower_case": True}, KEEPS),
        (CASED, FAST, {**LOWERS, "strip_accents": False}),
        (CASED, FAST, sequence_state({"type": "NFKC"}, LOWERCASE)),
        (CASED, FAST, sequence_state(LOWERCASE, KEEPS)),
        (CASED, FAST, {**KEEPS, "clean_text": False}),
    ],
)
def test_where_the_folder_is_plain_token_ids_are_those_of_transformers(
    tmp_path: Path, tokens: Sequence[str], settings: Mapping[str, Any] | None, normalizer: object
) -> None:
    folder = written(tmp_path / "folder", tokens, settings, normalizer)
    vocabulary = read(folder, tokens)
    assert ids(vocabulary) == AutoTokenizer.from_pretrained(folder)(list(TEXTS))["input_ids"]
    assert vocabulary.normalizer == vocabulary.loader_normalizer


@pytest.mark.parametrize(
    ("tokens", "settings", "normalizer", "casing", "reason"),
    [
        (UNCASED, None, None, "uncased", "the vocabulary, as the folder says nothing"),
        (SCIBERT_LIKE, None, None, "uncased", "the vocabulary, as the folder says nothing"),
        (
            *(CASED, None, None, "cased"),
            "the vocabulary, as the folder says nothing; transformers would take it for uncased",
        ),
        (CASED, {"do_lower_case": None}, None, "cased", "the vocabulary, as the folder says nothing; transformers"),
        (UNCASED, {"do_lower_case": True}, None, "uncased", "do_lower_case in tokenizer_config.json"),
        (
            *(CASED, {"do_lower_case": True}, None, "uncased"),
            "do_lower_case in tokenizer_config.json, though the words of the vocabulary are cased",
        ),
        (CASED, {"do_lower_case": False}, LOWERS, "cased", "do_lower_case in tokenizer_config.json"),
        (CASED, None, KEEPS, "cased", "the normalizer in tokenizer.json; transformers would take it for uncased"),
        (CASED, FAST, LOWERS, "uncased", "the normalizer in tokenizer.json, though the words of the vocabulary are"),
        (CASED, {"do_lower_case": False}, sequence_state(LOWERCASE, KEEPS), "uncased", "the normalizer in tokenizer"),
    ],
)
def test_a_rule_says_who_decided(
    tmp_path: Path,
    tokens: Sequence[str],
    settings: Mapping[str, Any] | None,
    normalizer: object,
    casing: str,
    reason: str,
) -> None:
    vocabulary = read(written(tmp_path / "folder", tokens, settings, normalizer), tokens)
    rule = vocabulary.rules[0]
    assert (vocabulary.casing, rule.about, rule.decision) == (casing, "casing", casing)
    assert rule.reason.startswith(reason)


@pytest.mark.parametrize("stray", STRAYS)
def test_one_stray_capital_changes_no_token(tmp_path: Path, stray: str) -> None:
    plain = read(written(tmp_path / "plain", UNCASED), UNCASED)
    tokens = [stray if token == "[unused1]" else token for token in UNCASED]
    strayed = read(written(tmp_path / "strayed", tokens), tokens)
    assert ids(strayed) == ids(plain)


def test_the_caller_decides_before_the_folder(tmp_path: Path) -> None:
    folder = written(tmp_path / "folder", CASED, {"do_lower_case": True})
    assert read(folder, CASED, casing="cased").casing == "cased"
    assert read(folder, CASED, casing="uncased").rules[0].reason.startswith("asked for by casing=")
    told = AutoTokenizer.from_pretrained(folder, do_lower_case=False)
    assert ids(read(folder, CASED, casing="cased")) == told(list(TEXTS))["input_ids"]


def test_the_published_checkpoint_decides_where_the_folder_says_nothing(tmp_path: Path) -> None:
    silent = written(tmp_path / "silent", CASED)
    vocabulary = read(silent, CASED, published_casing="uncased")
    assert (vocabulary.casing, vocabulary.rules[0].reason.partition(",")[0]) == (
        "uncased",
        "the published checkpoint of this name",
    )
    told = written(tmp_path / "told", CASED, {"do_lower_case": False})
    assert read(told, CASED, published_casing="uncased").casing == "cased"


def test_a_published_name_does_not_make_a_vocabulary_without_capitals_cased(tmp_path: Path) -> None:
    folder = written(tmp_path / "folder", UNCASED)
    assert read(folder, UNCASED, published_casing="cased").casing == "uncased"


@pytest.mark.parametrize("settings", [None, {"do_lower_case": False}])
def test_sentence_transformers_lower_case_goes_before_the_tokenizer(
    tmp_path: Path, settings: Mapping[str, Any] | None
) -> None:
    vocabulary = read(written(tmp_path / "folder", CASED, settings), CASED, lowercase_first=True)
    assert vocabulary.casing == "uncased"
    if settings:  # accents are kept: only the case is changed before the tokenizer
        assert vocabulary.tokenizer().normalizer.normalize_str("É") == "é"


def test_cased_is_refused_where_no_word_has_a_capital(tmp_path: Path) -> None:
    folder = written(tmp_path / "folder", UNCASED)
    with pytest.raises(CheckpointError, match="casing is 'cased', but no word of the vocabulary has a capital"):
        read(folder, UNCASED, casing="cased")


@pytest.mark.parametrize("casing", ["lower", "", "CASED"])
def test_another_casing_is_refused(tmp_path: Path, casing: str) -> None:
    folder = written(tmp_path / "folder", UNCASED)
    with pytest.raises(ValueError, match=f"casing is '{casing}', expected one of cased, uncased"):
        read(folder, UNCASED, casing=casing)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"do_lower_case": "yes"}, "tokenizer_config.json' has do_lower_case 'yes', expected true, false or null"),
        ({"strip_accents": 1}, "has strip_accents 1, expected true, false or null"),
        ({"tokenize_chinese_chars": "false"}, "has tokenize_chinese_chars 'false', expected true, false or null"),
        ({"tokenizer_class": "XLNetTokenizer"}, "names the class 'XLNetTokenizer', expected one of BertTokenizer"),
        ({"tokenizer_class": 7}, "names the class 7, expected one of BertTokenizer"),
        ({"tokenizer_class": "PreTrainedTokenizerFast"}, "which needs tokenizer.json: download it beside"),
        ({"truncation_side": "left"}, "has truncation_side 'left', expected 'right'"),
        ({"split_special_tokens": True}, "has split_special_tokens True, expected False"),
        ({"tokenizer_class": "x" * 100_000}, r"names the class 'x+\.\.\.x+', expected one of"),
        ({"cls_token": "<s>"}, r"has cls_token '<s>', expected '\[CLS\]'"),
        ({"sep_token": {"content": "</s>"}}, r"has sep_token '</s>', expected '\[SEP\]'"),
    ],
)
def test_settings_of_a_wrong_type_are_refused_by_file_and_key(
    tmp_path: Path, settings: Mapping[str, Any], message: str
) -> None:
    folder = written(tmp_path / "folder", UNCASED, settings)
    with pytest.raises(CheckpointError, match=message):
        read(folder, UNCASED)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalizer": None}, "has the normalizer None, expected one of BertNormalizer"),
        ({"pre_tokenizer": {"type": "ByteLevel"}}, "has pre_tokenizer 'ByteLevel', expected 'BertPreTokenizer'"),
        ({"pre_tokenizer": None}, "has pre_tokenizer None, expected 'BertPreTokenizer'"),
        ({"post_processor": None}, r"has post_processor None, expected one that puts \[CLS\] and \[SEP\]"),
        (
            {"post_processor": {"type": "TemplateProcessing", "single": [], "special_tokens": {}}},
            "has post_processor {",
        ),
        ({"normalizer": {"type": []}}, r"has the normalizer \[\], expected one of"),
        ({"normalizer": {"type": "x" * 100_000}}, r"has the normalizer 'x{5,30}\.\.\.x{5,30}', expected one of"),
        ({"model": None}, "has a model None, expected 'WordPiece'"),
        ({"model": {"type": "WordPiece", "vocab": ["a"]}}, "has a vocab of another type, expected an object"),
        (
            {"model": {"vocab": {"a": 0}, "continuing_subword_prefix": "@@"}},
            "has a model with another prefix than '##'",
        ),
        ({"model": {"vocab": {"[PAD]": "0"}}}, r"gives '\[PAD\]' the id '0', expected a number"),
        (
            {"model": VOCABULARY | {"max_input_chars_per_word": None}},
            "per_word None, expected 1 to 1,000,000",
        ),
        (
            {"model": VOCABULARY | {"max_input_chars_per_word": 10**30}},
            "per_word 1000.*, expected 1 to 1,",
        ),
    ],
)
def test_a_tokenizer_json_that_is_not_berts_is_refused(
    tmp_path: Path, changes: Mapping[str, Any], message: str
) -> None:
    folder = written(tmp_path / "folder", UNCASED)
    write_tokenizer_json(folder, **changes)
    (folder / "vocab.txt").unlink()
    with pytest.raises(CheckpointError, match=message):
        read(folder, UNCASED)


def test_two_vocabularies_that_differ_are_refused(tmp_path: Path) -> None:
    folder = write_tokenizer_json(written(tmp_path / "folder", UNCASED))
    assert read(folder, UNCASED).tokens == UNCASED
    other = [token.replace("tumour", "growth") for token in UNCASED]
    (folder / "vocab.txt").write_text("\n".join(other) + "\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"vocab\.txt' has .*tokenizer\.json' has .* is 'growth' in the one and"):
        read(folder, UNCASED)


def test_the_longest_word_of_tokenizer_json_is_kept(tmp_path: Path) -> None:
    folder = write_tokenizer_json(written(tmp_path / "folder", UNCASED, FAST))
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["max_input_chars_per_word"] = 3
    write_json(folder / "tokenizer.json", content)
    (folder / "vocab.txt").unlink()
    tokens = read(folder, UNCASED).tokenizer().encode("gene abc", add_special_tokens=False).tokens
    assert tokens == ["[UNK]", "a", "##b", "##c"] == AutoTokenizer.from_pretrained(folder).tokenize("gene abc")


@pytest.mark.parametrize(
    ("normalizer", "longest_word", "followed"),
    [
        (sequence_state(LOWERCASE, KEEPS), 100, "normalizer"),
        (sequence_state({"type": "NFKC"}, KEEPS), 100, "normalizer"),
        ({**KEEPS, "clean_text": False}, 100, "normalizer"),
        (KEEPS, 3, "max_input_chars_per_word"),
        ({**KEEPS, "clean_text": False}, 3, "normalizer and max_input_chars_per_word"),
    ],
)
def test_what_transformers_5_leaves_out_of_tokenizer_json_is_followed_as_transformers_4_does(
    tmp_path: Path, normalizer: object, longest_word: int, followed: str
) -> None:
    folder = written(tmp_path / "folder", CASED, {"do_lower_case": False}, normalizer)
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["max_input_chars_per_word"] = longest_word
    write_json(folder / "tokenizer.json", content)
    vocabulary = read(folder, CASED)
    assert f"tokenizer.json: its {followed} followed (transformers 4 does so for a BertTokenizer, transformers 5" in (
        " ".join(map(str, vocabulary.rules))
    )
    assert vocabulary.deviations == ("tokenizer.json",)
    texts = [*TEXTS, "pa\x00tient", "\N{LATIN SMALL LIGATURE FI}nd"]
    theirs = AutoTokenizer.from_pretrained(folder)(texts)["input_ids"]
    found = [encoding.ids for encoding in vocabulary.tokenizer().encode_batch(texts)]
    is_of_version_5 = transformers.__version__.startswith("5.")
    assert (found == theirs) != is_of_version_5
    assert vocabulary.transformers_settings() == {"tokenizer_class": "PreTrainedTokenizerFast"}
    write_json(folder / "tokenizer_config.json", {**vocabulary.transformers_settings(), "unk_token": "[UNK]"})
    assert found == AutoTokenizer.from_pretrained(folder)(texts)["input_ids"]


def test_a_whole_export_says_who_decided_and_records_it(tmp_path: Path) -> None:
    lines: list[str] = []
    checkpoint = write_checkpoint(tmp_path / "scibert", SCIBERT_LIKE)
    manifest = export(checkpoint, tmp_path / "out", precision="fp32", progress=lines.append)
    rule = {"about": "casing", "decision": "uncased", "reason": "the vocabulary, as the folder says nothing"}
    assert rule in manifest.rules
    assert "casing: uncased (the vocabulary, as the folder says nothing)" in lines
    rates = manifest.checkpoint["unknown_per_thousand"]
    assert rates["cased"] > 2 * rates["uncased"]
    assert (
        f"unknown tokens in a thousand of biomedical text: {rates['uncased']} uncased, {rates['cased']} cased" in lines
    )
    wrong = export(checkpoint, tmp_path / "wrong", precision="fp32", casing="cased", progress=lines.append)
    assert wrong.casing == "cased"
    assert any(
        line.endswith("if the checkpoint was trained on uncased text, export it with casing='uncased'")
        for line in lines
    )
