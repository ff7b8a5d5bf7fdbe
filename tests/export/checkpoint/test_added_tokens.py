"""Added tokens are kept whole, as transformers keeps them, from whichever file lists them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import AutoTokenizer, BertTokenizerFast

from biobert_onnx import SentenceEncoder
from biobert_onnx_export import CheckpointError, export
from biobert_onnx_export.checkpoint.tokenizer_families import BERT
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from tests.support.folders import TEXTS, UNCASED, write_checkpoint, write_json, write_tokenizer_json

MARKERS = ("<E1>", "</E1>", "olaparib")
MARKED = ("<E1> BRCA </E1> in Olaparib", "olaparib-treated", "<e1>", "x<E1>y", *TEXTS)
OF_CONFIG = {
    str(len(UNCASED) + index): {"content": token, "special": index < 2, "normalized": index == 2}
    for index, token in enumerate(MARKERS)
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_text("\n".join(UNCASED) + "\n", encoding="utf-8")
    write_json(tmp_path / "config.json", {"model_type": "bert"})
    return tmp_path


def check_like_transformers(folder: Path, *, added: int) -> None:
    vocabulary = Vocabulary.read(folder, size=len(UNCASED) + added)
    theirs = AutoTokenizer.from_pretrained(folder)
    found = [encoding.ids for encoding in vocabulary.tokenizer().encode_batch(list(MARKED))]
    assert found == theirs(list(MARKED))["input_ids"]


@pytest.mark.parametrize("keep", ["everything", "no tokenizer.json", "tokenizer.json alone"])
@pytest.mark.parametrize("special", [True, False])
def test_what_transformers_saved_is_read(folder: Path, keep: str, special: bool) -> None:
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    tokenizer.add_tokens(list(MARKERS), special_tokens=special)
    tokenizer.save_pretrained(folder)
    if keep == "no tokenizer.json":
        (folder / "tokenizer.json").unlink()
    elif keep == "tokenizer.json alone":
        for name in ("vocab.txt", "tokenizer_config.json", "special_tokens_map.json"):
            (folder / name).unlink(missing_ok=True)
    check_like_transformers(folder, added=3)


def test_the_old_added_tokens_json_is_read(folder: Path) -> None:
    write_json(folder / "added_tokens.json", {token: len(UNCASED) + i for i, token in enumerate(MARKERS)})
    check_like_transformers(folder, added=3)


@pytest.mark.parametrize("second", ["</E1>", {"content": "</E1>"}, {"content": "</E1>", "__type": "AddedToken"}])
def test_special_markers_in_the_vocabulary_are_kept_whole(folder: Path, second: object) -> None:
    tokens = [{"[unused1]": "<E1>", "[unused2]": "</E1>"}.get(token, token) for token in UNCASED]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    write_json(folder / "special_tokens_map.json", {"additional_special_tokens": ["<E1>", second]})
    tokenizer = Vocabulary.read(folder, size=len(UNCASED)).tokenizer()
    assert tokenizer.encode("<E1></E1>", add_special_tokens=False).ids == [1, 2]
    if second == {"content": "</E1>"} and transformers.__version__.startswith("5."):
        with pytest.raises(TypeError, match="Input must be a List"):  # it takes objects of the type AddedToken only
            AutoTokenizer.from_pretrained(folder)
    else:
        check_like_transformers(folder, added=0)


@pytest.mark.parametrize("decoder", [{}, {str(len(UNCASED)): {"content": "olaparib"}}])
def test_files_of_older_versions_do_not_count_beside_a_list_in_the_config(
    folder: Path, decoder: Mapping[str, Any]
) -> None:
    tokens = [{"[unused1]": "<E1>"}.get(token, token) for token in UNCASED]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {"added_tokens_decoder": decoder})
    write_json(folder / "special_tokens_map.json", {"additional_special_tokens": ["<E1>"]})
    write_json(folder / "added_tokens.json", {"</E1>": len(UNCASED) + len(decoder)})
    check_like_transformers(folder, added=len(decoder))


@pytest.mark.parametrize("named", [{}, {"mask_token": "[MASK]"}, dict(BERT.special_tokens)])
def test_a_special_token_that_no_file_lists_is_split_as_any_text(folder: Path, named: Mapping[str, str]) -> None:
    write_tokenizer_json(folder, added_tokens=[])
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", **named}
    write_json(folder / "tokenizer_config.json", settings)
    vocabulary = Vocabulary.read(folder, size=len(UNCASED))
    texts = ["[MASK] gene [PAD]", "[CLS][SEP][UNK]"]
    theirs = AutoTokenizer.from_pretrained(folder)
    assert [encoding.ids for encoding in vocabulary.tokenizer().encode_batch(texts)] == theirs(texts)["input_ids"]
    assert vocabulary.special_names == {"pad_token": "[PAD]", **named}


def test_the_artifact_knows_the_special_tokens_of_its_folder_only(tmp_path: Path) -> None:
    checkpoint = write_tokenizer_json(write_checkpoint(tmp_path / "checkpoint", UNCASED), added_tokens=[])
    write_json(
        checkpoint / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
    )
    export(checkpoint, tmp_path / "artifact", precision="fp32")
    encoder, theirs = SentenceEncoder(tmp_path / "artifact"), AutoTokenizer.from_pretrained(tmp_path / "artifact")
    assert encoder.token_counts(["[MASK]"]).tolist() == [len(theirs("[MASK]")["input_ids"])]
    assert theirs.mask_token is None
    assert encoder.token_counts(["[MASK]"])[0] > 3


def test_the_config_decides_how_a_token_is_looked_for(folder: Path) -> None:
    write_tokenizer_json(folder, added_tokens=[{"id": len(UNCASED), "content": "<E1>", "special": False}])
    write_json(
        folder / "tokenizer_config.json",
        {"added_tokens_decoder": {str(len(UNCASED)): {"content": "<E1>", "single_word": True, "special": True}}},
    )
    (added,) = Vocabulary.read(folder, size=len(UNCASED) + 1).added
    assert (added.single_word, added.special) == (True, True)


@pytest.mark.parametrize("padded", [0, 3, 127])
def test_rows_without_a_token_are_padding(folder: Path, padded: int) -> None:
    rules = Vocabulary.read(folder, size=len(UNCASED) + padded).rules
    assert [str(rule) for rule in rules if rule.about == "padded rows"] == (
        [f"padded rows: {padded} word embeddings have no token (vocab_size is {len(UNCASED) + padded})"] * bool(padded)
    )


@pytest.mark.parametrize("rows", [len(UNCASED) - 1, len(UNCASED) + 128])
def test_a_vocabulary_that_does_not_fit_the_matrix_is_refused(folder: Path, rows: int) -> None:
    message = f"has {len(UNCASED)} tokens and 0 added ones, expected {rows}, the vocab_size of its config"
    with pytest.raises(CheckpointError, match=message):
        Vocabulary.read(folder, size=rows)


def test_added_tokens_without_a_row_are_refused(folder: Path) -> None:
    write_json(folder / "tokenizer_config.json", {"added_tokens_decoder": OF_CONFIG})
    with pytest.raises(CheckpointError, match=f"and 3 added ones, expected {len(UNCASED) + 1}, the vocab_size"):
        Vocabulary.read(folder, size=len(UNCASED) + 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"added_tokens_decoder": [1]}, r"has added_tokens_decoder \[1\], expected an object"),
        ({"added_tokens_decoder": {"one": {"content": "a"}}}, "has the id 'one' in added_tokens_decoder, expected a"),
        ({"added_tokens_decoder": {"300": "a"}}, "lists the added token 'a', expected an object with its content"),
        ({"added_tokens_decoder": {"300": {"content": None}}}, "expected an object with its content"),
        ({"added_tokens_decoder": {"300": {"content": "<a>", "lstrip": "no"}}}, "has lstrip 'no' in '<a>', expected"),
        (
            {"added_tokens_decoder": {"7": {"content": "<a>"}}},
            r"the id 7 to two tokens, '\[unused7\]' and '<a>', of which .* over the first",
        ),
        ({"added_tokens_decoder": {"7": {"content": "gene"}}}, "the token 'gene' two ids, .* and 7: download"),
        ({"added_tokens_decoder": {"999": {"content": "<a>"}}}, f"to the id 999 but none of the id {len(UNCASED)}"),
    ],
)
def test_added_tokens_that_make_no_sense_are_refused(folder: Path, settings: Mapping[str, Any], message: str) -> None:
    write_json(folder / "tokenizer_config.json", settings)
    with pytest.raises(CheckpointError, match=message):
        Vocabulary.read(folder, size=len(UNCASED) + 1)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a": 1}, r"has added_tokens \{'a': 1\}, expected a list"),
        ([{"content": "<a>"}], "gives the added token '<a>' the id None, expected a number"),
        ([{"content": "<a>", "id": True}], "gives the added token '<a>' the id True, expected a number"),
        (["<a>"], "lists the added token '<a>', expected an object"),
    ],
)
def test_entries_of_tokenizer_json_that_are_no_tokens_are_refused(
    folder: Path, entries: Sequence[object], message: str
) -> None:
    write_tokenizer_json(folder, added_tokens=entries)
    with pytest.raises(CheckpointError, match=message):
        Vocabulary.read(folder, size=len(UNCASED) + 1)


def test_the_artifact_keeps_added_tokens_whole_and_other_tools_load_it(folder: Path, tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoint", UNCASED, rows=len(UNCASED) + 3)
    write_json(checkpoint / "tokenizer_config.json", {"do_lower_case": True, "added_tokens_decoder": OF_CONFIG})
    export(checkpoint, tmp_path / "artifact", precision="fp32")
    encoder = SentenceEncoder(tmp_path / "artifact")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "artifact")(list(MARKED))["input_ids"]
    assert encoder.token_counts(list(MARKED)).tolist() == [len(ids) for ids in theirs]
    content = json.loads((tmp_path / "artifact" / "tokenizer.json").read_text())
    assert {token["content"] for token in content["added_tokens"]} >= set(MARKERS)
