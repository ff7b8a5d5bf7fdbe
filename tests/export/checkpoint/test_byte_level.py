"""Tokenizers of RoBERTa checkpoints, byte-level BPE, give the token ids of transformers' own."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.normalization import LOWERCASE
from biobert_onnx_export.checkpoint.tokenizer_families import ROBERTA
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from biobert_onnx_export.reference.unknown_tokens import unknown_rates
from tests.support.folders import write_json
from tests.support.texts import TEXTS
from tests.support.tokenizers import HARD_TEXTS, write_roberta_tokenizer

SETTINGS = {"tokenizer_class": "RobertaTokenizer", "mask_token": "<mask>"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_roberta_tokenizer(tmp_path / "roberta", SETTINGS)


@pytest.fixture
def saved(folder: Path) -> Path:
    """The folder as transformers saves it, tokenizer.json beside the older files."""
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    return folder


def read(folder: Path, **options: Any) -> Vocabulary:
    return Vocabulary.read(folder, size=json.loads((folder / "config.json").read_text())["vocab_size"], **options)


def check_like_transformers(folder: Path) -> None:
    theirs = AutoTokenizer.from_pretrained(folder)
    ours = read(folder).tokenizer()
    for text in (*HARD_TEXTS, *TEXTS):
        expected = theirs(text, return_offsets_mapping=True)
        found = ours.encode(text)
        assert found.ids == expected["input_ids"], text
        assert found.offsets == expected["offset_mapping"], text
    assert ours.encode("a gene", "of a cell").ids == theirs("a gene", "of a cell")["input_ids"]


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    write_json(path, content)


@pytest.mark.parametrize("kept", ["as published", "saved by transformers", "tokenizer.json alone"])
@pytest.mark.parametrize(
    "settings",
    [
        None,
        {"tokenizer_class": "RobertaTokenizerFast"},
        {**SETTINGS, "add_prefix_space": True},
        {"add_prefix_space": True, "trim_offsets": False},
    ],
)
def test_token_ids_and_offsets_equal_those_of_the_folders_own_class(
    tmp_path: Path, settings: Mapping[str, Any] | None, kept: str
) -> None:
    folder = write_roberta_tokenizer(tmp_path / "folder", settings)
    if kept != "as published":
        AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    if kept == "tokenizer.json alone":
        for name in ("vocab.json", "merges.txt", "special_tokens_map.json"):
            (folder / name).unlink()
    check_like_transformers(folder)


@pytest.mark.parametrize("special", [True, False])
def test_added_tokens_are_kept_whole(folder: Path, special: bool) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<E1>", "protein"], special_tokens=special)
    tokenizer.save_pretrained(folder)
    ours = Vocabulary.read(folder, size=len(tokenizer)).tokenizer()
    for text in ("<E1> protein proteins", "x<E1>y", "a  <E1>", "<e1> Protein<mask>"):
        assert ours.encode(text).ids == tokenizer(text)["input_ids"]


def test_the_config_decides_about_the_blank_before_a_text(saved: Path) -> None:
    edit_json(saved / "tokenizer.json", lambda content: content["pre_tokenizer"].update(add_prefix_space=True))
    check_like_transformers(saved)
    assert read(saved).transformers_settings()["add_prefix_space"] is False


def test_old_merges_in_one_string_are_read(saved: Path) -> None:
    def join(content: dict[str, Any]) -> None:
        content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]

    edit_json(saved / "tokenizer.json", join)
    check_like_transformers(saved)


@pytest.mark.parametrize("adds", [True, False])
def test_a_tokenizer_json_as_it_is_tells_its_family(saved: Path, adds: bool) -> None:
    edit_json(saved / "tokenizer.json", lambda content: content["pre_tokenizer"].update(add_prefix_space=adds))
    settings = {**ROBERTA.special_tokens, "tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": adds}
    write_json(saved / "tokenizer_config.json", settings)
    assert read(saved).family is ROBERTA
    check_like_transformers(saved)


def test_versions_that_disagree_about_the_blank_before_a_text_are_named(saved: Path) -> None:
    edit_json(saved / "tokenizer.json", lambda content: content["pre_tokenizer"].update(add_prefix_space=True))
    write_json(saved / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    with pytest.raises(CheckpointError, match=r"add_prefix_space True in its pre_tokenizer, .*config\.json' has False"):
        read(saved)


@pytest.mark.parametrize("casing", [None, "cased"])
def test_texts_keep_their_capitals(folder: Path, casing: str | None) -> None:
    vocabulary = read(folder, casing=casing, published_casing="uncased")
    assert vocabulary.casing == "cased"
    assert str(vocabulary.rules[0]) == "casing: cased (RoBERTa reads texts as they are)"
    assert vocabulary.deviations == ()


def test_lower_case_cannot_be_asked_for(folder: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"casing is 'uncased', but the RoBERTa tokenizer .* is cased: leave casing="
    ):
        read(folder, casing="uncased")


def test_a_casing_that_does_not_exist_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="casing is 'upper', expected one of cased, uncased"):
        read(folder, casing="upper")


def test_a_normalizer_that_lower_cases_is_followed(saved: Path) -> None:
    edit_json(saved / "tokenizer.json", lambda content: content.update(normalizer=dict(LOWERCASE)))
    check_like_transformers(saved)
    vocabulary = read(saved)
    assert vocabulary.casing == "uncased"
    assert vocabulary.transformers_settings()["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "its normalizer followed (transformers 4 does so for a RobertaTokenizer" in str(vocabulary.rules[-1])


def test_lower_case_of_sentence_transformers_is_followed(folder: Path) -> None:
    vocabulary = read(folder, lowercase_first=True)
    theirs = AutoTokenizer.from_pretrained(folder)
    text = "The BRCA1 Gene"
    assert vocabulary.tokenizer().encode(text).ids == theirs(text.lower())["input_ids"]


def test_no_word_is_unknown(folder: Path) -> None:
    assert unknown_rates(read(folder), [*TEXTS, *HARD_TEXTS[:4]]) == {"cased": 0.0, "uncased": 0.0}


@pytest.mark.parametrize(
    ("part", "settings", "message"),
    [
        ("model", {"dropout": 0.1}, r"dropout 0\.1 in its model, expected null"),
        ("model", {"unk_token": "[UNK]"}, r"unk_token '\[UNK\]' in its model, expected null or '<unk>'"),
        ("model", {"end_of_word_suffix": "</w>"}, r"end_of_word_suffix '</w>' in its model, expected null or ''"),
        ("model", {"byte_fallback": True}, "byte_fallback True in its model, expected null or False"),
        ("model", {"ignore_merges": True}, "ignore_merges True in its model, expected null or False"),
        ("model", {"vocab": []}, "a vocab of another type"),
        ("model", {"merges": None}, "merges None in its model, expected a list"),
        ("model", {"merges": [["a"]]}, r"the merge \['a'\], expected two tokens"),
        ("model", {"merges": [["a", 1]]}, r"the merge \['a', 1\], expected two tokens"),
        ("model", {"type": "Unigram"}, "a model 'Unigram', expected 'BPE'"),
        ("pre_tokenizer", {"type": "Whitespace"}, "pre_tokenizer 'Whitespace', expected 'ByteLevel'"),
        ("pre_tokenizer", {"use_regex": False}, "use_regex False in its pre_tokenizer"),
        ("pre_tokenizer", {"add_prefix_space": "yes"}, "add_prefix_space 'yes' in its pre_tokenizer, expected true or"),
        ("post_processor", {"sep": ["[SEP]", 2]}, "post_processor .* expected one that puts <s> and </s>"),
        ("post_processor", {"trim_offsets": None}, "trim_offsets None in its post_processor, expected true or false"),
    ],
)
def test_parts_of_tokenizer_json_that_do_not_export_are_refused(
    saved: Path, part: str, settings: Mapping[str, Any], message: str
) -> None:
    edit_json(saved / "tokenizer.json", lambda content: content[part].update(settings))
    (saved / "merges.txt").unlink()
    with pytest.raises(CheckpointError, match=rf"tokenizer\.json' has {message}"):
        read(saved)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"add_prefix_space": 1}, r"tokenizer_config\.json' has add_prefix_space 1, expected true or false"),
        ({"add_prefix_space": None}, "has add_prefix_space None, expected true or false"),
        ({"trim_offsets": "no"}, r"tokenizer_config\.json' has trim_offsets 'no', expected true or false"),
        ({"unk_token": "[UNK]"}, r"has unk_token '\[UNK\]', expected '<unk>': only RoBERTa's own"),
    ],
)
def test_settings_that_do_not_export_are_refused(folder: Path, settings: Mapping[str, Any], message: str) -> None:
    write_json(folder / "tokenizer_config.json", {**SETTINGS, **settings})
    with pytest.raises(CheckpointError, match=message):
        read(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b\n", "begins with 'a b', expected '#version: 0.2'"),
        ("#version: 0.2\nt h", "ends within the line 't h'"),
        ("#version: 0.2\nt h e\n", "has the merge 't h e', expected two tokens"),
        ("#version: 0.2\n\nt h\n", "has the merge '', expected two tokens"),
        ("#version: 0.2\nt 患\n", r"merges 't' and '患' \(merge 0\), but '患' is no token"),
    ],
)
def test_damaged_merges_are_refused(folder: Path, text: str, message: str) -> None:
    (folder / "merges.txt").write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match=rf"merges\.txt' {message}"):
        read(folder)


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=rf"holds neither {name} nor tokenizer\.json"):
        read(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ids: ids.pop("<mask>"), r"vocab\.json' lacks <mask>: it is no RoBERTa vocabulary"),
        (lambda ids: ids.update(x=None), r"vocab\.json' gives 'x' the id None, expected a number"),
        (lambda ids: ids.update(xx=9999), r"vocab\.json' has gaps in its token ids"),
    ],
)
def test_a_damaged_vocabulary_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit_json(folder / "vocab.json", change)
    with pytest.raises(CheckpointError, match=message):
        read(folder)


def test_merges_that_contradict_each_other_are_refused(saved: Path) -> None:
    lines = (saved / "merges.txt").read_text(encoding="utf-8").splitlines()
    (saved / "merges.txt").write_text("\n".join([lines[0], lines[2], lines[1], *lines[3:], ""]), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"merges, .*tokenizer\.json' has \d+, and they are not the same"):
        read(saved)
