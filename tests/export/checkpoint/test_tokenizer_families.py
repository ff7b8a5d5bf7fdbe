"""Tokenizers of MPNet, ELECTRA and DistilBERT checkpoints give the token ids of transformers' own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import AutoTokenizer

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.tokenizer_families import FAMILIES, MPNET
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from tests.support.folders import CASED, UNCASED, write_json
from tests.support.tokenizers import (
    DISTILBERT_CONFIG,
    ELECTRA_CONFIG,
    HARD_TEXTS,
    MPNET_CASED,
    MPNET_CONFIG,
    MPNET_UNCASED,
    write_roberta_tokenizer,
    write_vocabulary,
)

MPNET_SETTINGS = {"tokenizer_class": "MPNetTokenizer", "do_lower_case": True, "mask_token": "<mask>"}

FOLDERS = {
    "MPNet": (MPNET_UNCASED, MPNET_CONFIG, None),
    "MPNet with settings": (MPNET_UNCASED, MPNET_CONFIG, MPNET_SETTINGS),
    "cased MPNet": (MPNET_CASED, MPNET_CONFIG, {"tokenizer_class": "MPNetTokenizerFast", "do_lower_case": False}),
    "MPNet, accents kept": (MPNET_UNCASED, MPNET_CONFIG, {"strip_accents": False, "tokenize_chinese_chars": False}),
    "ELECTRA": (UNCASED, ELECTRA_CONFIG, None),
    "cased ELECTRA": (CASED, ELECTRA_CONFIG, {"tokenizer_class": "ElectraTokenizer", "do_lower_case": False}),
    "ELECTRA's fast class": (UNCASED, ELECTRA_CONFIG, {"tokenizer_class": "ElectraTokenizerFast"}),
    "DistilBERT": (UNCASED, DISTILBERT_CONFIG, None),
    "cased DistilBERT": (CASED, DISTILBERT_CONFIG, {"tokenizer_class": "DistilBertTokenizer", "do_lower_case": False}),
}


@pytest.fixture
def mpnet(tmp_path: Path) -> Path:
    return write_vocabulary(tmp_path / "mpnet", MPNET_UNCASED, MPNET_CONFIG, MPNET_SETTINGS)


def read(folder: Path) -> Vocabulary:
    return Vocabulary.read(folder, size=json.loads((folder / "config.json").read_text())["vocab_size"])


def check_like_transformers(folder: Path) -> None:
    theirs = AutoTokenizer.from_pretrained(folder)
    ours = read(folder).tokenizer()
    for text in HARD_TEXTS:
        assert ours.encode(text).ids == theirs(text)["input_ids"], text
    assert ours.encode("a gene", "of a cell").ids == theirs("a gene", "of a cell")["input_ids"]


@pytest.mark.parametrize("kept", ["as published", "saved by transformers", "tokenizer.json alone"])
@pytest.mark.parametrize("name", FOLDERS)
def test_token_ids_equal_those_of_the_folders_own_class(tmp_path: Path, name: str, kept: str) -> None:
    tokens, config, settings = FOLDERS[name]
    folder = write_vocabulary(tmp_path / "folder", tokens, config, settings)
    if kept != "as published":
        AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    if kept == "tokenizer.json alone":
        (folder / "vocab.txt").unlink()
        (folder / "special_tokens_map.json").unlink(missing_ok=True)  # transformers 5 writes none
    check_like_transformers(folder)


@pytest.mark.parametrize("special", [True, False])
def test_added_tokens_are_kept_whole(mpnet: Path, special: bool) -> None:
    tokenizer = AutoTokenizer.from_pretrained(mpnet)
    tokenizer.add_tokens(["<E1>", "protein"], special_tokens=special)
    tokenizer.save_pretrained(mpnet)
    theirs, ours = AutoTokenizer.from_pretrained(mpnet), Vocabulary.read(mpnet, size=len(tokenizer)).tokenizer()
    for text in ("<E1> Protein proteins", "x<E1>y", "<e1> protein<mask>"):
        assert ours.encode(text).ids == theirs(text)["input_ids"]


@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "TokenizersBackend"])
def test_a_tokenizer_json_as_it_is_tells_its_family_by_its_frame(mpnet: Path, name: str) -> None:
    AutoTokenizer.from_pretrained(mpnet).save_pretrained(mpnet)
    names = {**MPNET.special_tokens, "tokenizer_class": name}
    write_json(mpnet / "tokenizer_config.json", names)
    vocabulary = read(mpnet)
    assert vocabulary.family is MPNET
    assert vocabulary.special_names == MPNET.special_tokens


@pytest.mark.parametrize(
    ("source", "listed", "takes_blanks"),
    [
        ("special_tokens_map.json", False, False),
        ("special_tokens_map.json", True, True),
        ("tokenizer_config.json", False, False),
        ("tokenizer_config.json", True, True),
    ],
)
def test_the_files_decide_how_a_special_token_is_looked_for(
    mpnet: Path, source: str, listed: bool, takes_blanks: bool
) -> None:
    flags = {"content": "<mask>", "lstrip": listed, "rstrip": False, "normalized": False, "single_word": False}
    if source == "special_tokens_map.json":
        write_json(mpnet / source, {"mask_token": flags})
    else:
        number = str(MPNET_UNCASED.index("<mask>"))
        write_json(mpnet / source, {**MPNET_SETTINGS, "added_tokens_decoder": {number: {**flags, "special": True}}})
    (mask,) = (token for token in read(mpnet).special if token.content == "<mask>")
    assert mask.lstrip is takes_blanks
    check_like_transformers(mpnet)


@pytest.mark.skipif(transformers.__version__ >= "5", reason="transformers 5 takes them from tokenizer_config.json")
@pytest.mark.parametrize("chinese", [True, False])
def test_chinese_characters_of_mpnet_are_split_as_tokenizer_json_says(mpnet: Path, chinese: bool) -> None:
    AutoTokenizer.from_pretrained(mpnet).save_pretrained(mpnet)
    content = json.loads((mpnet / "tokenizer.json").read_text())
    content["normalizer"]["handle_chinese_chars"] = chinese
    write_json(mpnet / "tokenizer.json", content)
    check_like_transformers(mpnet)
    vocabulary = read(mpnet)
    assert vocabulary.normalizer["handle_chinese_chars"] is chinese
    told = [str(rule) for rule in vocabulary.rules if rule.about == "tokenizer.json"]
    assert bool(told) is not chinese
    assert all("handle_chinese_chars followed (transformers 4 does so for a MPNetTokenizer" in line for line in told)


@pytest.mark.parametrize("lowercase_first", [False, True])
@pytest.mark.parametrize("name", [*FOLDERS, "RoBERTa", "RoBERTa, a blank before"])
def test_other_tools_read_texts_with_the_written_settings(tmp_path: Path, name: str, lowercase_first: bool) -> None:
    if name in FOLDERS:
        tokens, config, settings = FOLDERS[name]
        folder = write_vocabulary(tmp_path / "folder", tokens, config, settings)
    else:
        folder = write_roberta_tokenizer(tmp_path / "folder", {"add_prefix_space": name != "RoBERTa"})
    config = json.loads((folder / "config.json").read_text())
    vocabulary = Vocabulary.read(folder, size=config["vocab_size"], lowercase_first=lowercase_first)
    written = tmp_path / "written"
    write_json(written / "config.json", config)
    write_json(written / "tokenizer_config.json", {**vocabulary.transformers_settings(), **vocabulary.special_names})
    write_json(written / "special_tokens_map.json", dict(vocabulary.special_names))
    ours = vocabulary.tokenizer()
    ours.save(str(written / "tokenizer.json"))
    theirs = AutoTokenizer.from_pretrained(written)
    for text in HARD_TEXTS:
        assert theirs(text)["input_ids"] == ours.encode(text).ids, text
    assert theirs.pad_token_id == vocabulary.pad_id
    if transformers.__version__ < "5":  # which gives a PreTrainedTokenizerFast no token types
        has_segments = config["model_type"] in ("bert", "electra")
        assert ("token_type_ids" in theirs("a gene")) is has_segments


def test_the_padding_token_has_its_own_id(mpnet: Path) -> None:
    assert read(mpnet).pad_id == MPNET_UNCASED.index("<pad>")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cls_token": "[CLS]"}, r"tokenizer_config\.json' has cls_token '\[CLS\]', expected '<s>': only MPNet's own"),
        ({"eos_token": "[SEP]"}, r"has eos_token '\[SEP\]', expected '</s>'"),
        ({"tokenizer_class": "XLMRobertaTokenizer"}, r"names the class 'XLMRobertaTokenizer', expected one of Bert"),
        ({"tokenizer_class": "BertTokenizer"}, r"lacks \[CLS\], \[MASK\], \[PAD\], \[SEP\]: it is no BERT vocabulary"),
    ],
)
def test_another_tokenizer_is_refused_by_name(mpnet: Path, settings: Mapping[str, Any], message: str) -> None:
    write_json(mpnet / "tokenizer_config.json", settings)
    with pytest.raises(CheckpointError, match=message):
        read(mpnet)


def test_an_unknown_model_type_without_a_tokenizers_class_is_refused(mpnet: Path) -> None:
    (mpnet / "tokenizer_config.json").unlink()
    write_json(mpnet / "config.json", {"model_type": "xlnet", "vocab_size": len(MPNET_UNCASED)})
    with pytest.raises(CheckpointError, match=r"config\.json' has model_type 'xlnet', expected one of bert"):
        read(mpnet)


@pytest.mark.parametrize("missing", ["<pad>", "<mask>", "[UNK]"])
def test_a_vocabulary_without_a_special_token_is_refused(tmp_path: Path, missing: str) -> None:
    tokens = tuple(token for token in MPNET_UNCASED if token != missing)
    folder = write_vocabulary(tmp_path / "folder", tokens, MPNET_CONFIG)
    with pytest.raises(CheckpointError, match=rf"vocab\.txt' lacks {missing.replace('[', '.')}: it is no MPNet voc"):
        read(folder)


def test_a_byte_order_mark_before_the_first_special_token_is_refused(mpnet: Path) -> None:
    text = (mpnet / "vocab.txt").read_text(encoding="utf-8")
    (mpnet / "vocab.txt").write_text(f"\ufeff{text}", encoding="utf-8")
    with pytest.raises(CheckpointError, match="begins with a byte-order mark, so that transformers does not find <s>"):
        read(mpnet)


def test_no_class_belongs_to_two_families() -> None:
    names = [name for family in FAMILIES for name in (*family.classes, *family.model_types)]
    assert len(set(names)) == len(names)
