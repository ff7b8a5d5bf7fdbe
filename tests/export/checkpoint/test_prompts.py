"""The prompts of a folder and the default one are read as sentence-transformers reads them, or refused."""

from pathlib import Path

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.prompts import Prompts
from tests.support.folders import write_json

FILE = "config_sentence_transformers.json"


def read(folder: Path, content: object) -> Prompts:
    write_json(folder / FILE, content)
    return Prompts.read(folder)


def test_a_folder_without_the_file_has_no_prompts(tmp_path: Path) -> None:
    prompts = Prompts.read(tmp_path)
    assert (prompts.texts, prompts.default, prompts.default_text, prompts.rules()) == ({}, None, "", ())


def test_the_default_prompt_is_named_by_a_rule(tmp_path: Path) -> None:
    prompts = read(tmp_path, {"prompts": {"query": "query: ", "passage": ""}, "default_prompt_name": "query"})
    assert (prompts.texts, prompts.default) == ({"query": "query: ", "passage": ""}, "query")
    assert prompts.default_text == "query: "
    (rule,) = prompts.rules()
    assert str(rule) == f"prompt: 'query: ' ({FILE} has default_prompt_name 'query')"


def test_prompts_without_a_default_wait_to_be_asked_for(tmp_path: Path) -> None:
    prompts = read(tmp_path, {"prompts": {"query": "query: ", "passage": "passage: ", "other": ""}})
    assert prompts.default_text == ""
    (rule,) = prompts.rules()
    assert str(rule) == f"prompt: none unless asked for ({FILE} names query, passage and no default)"


@pytest.mark.parametrize(
    "content",
    [
        {"prompts": {}, "default_prompt_name": None},
        {"prompts": {"query": "", "document": None}, "default_prompt_name": "query"},
        {"default_prompt_name": "document"},
        {"__version__": {"sentence_transformers": "2.2.2"}},
    ],
)
def test_empty_prompts_change_nothing(tmp_path: Path, content: object) -> None:
    prompts = read(tmp_path, content)
    assert (prompts.default_text, prompts.rules()) == ("", ())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"prompts": None}, "has prompts None, expected an object"),
        ({"prompts": ["query: "]}, r"has prompts \['query: '\], expected an object"),
        ({"prompts": {"query": "\ud800"}}, r"cannot be used: prompts\['query'\] holds a lone surrogate"),
        ({"prompts": {"\ud800": "a"}}, "cannot be used: prompts holds a lone surrogate"),
        ({"prompts": {"query": "a" * 8193}}, r"cannot be used: prompts\['query'\] is .* of 8,193 characters"),
        ({"prompts": {"query": 7}}, "has prompts {'query': 7}, expected a text for each name"),
        (
            {"prompts": {"a": "b"}, "default_prompt_name": "c"},
            r"default_prompt_name 'c', expected a name in prompts \(a",
        ),
        ({"default_prompt_name": "c"}, r"default_prompt_name 'c', expected a name in prompts \(none there\)"),
        ({"default_prompt_name": 3}, "has default_prompt_name 3, expected a text"),
        ({"similarity_fn_name": "jaccard"}, "has similarity_fn_name 'jaccard', expected one of cosine, dot"),
        ({"model_type": "SparseEncoder"}, "has model_type 'SparseEncoder', expected 'SentenceTransformer'"),
        ([], "holds a list, expected a JSON object"),
    ],
)
def test_wrong_settings_name_file_and_key(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(CheckpointError, match=FILE + "' .*" + message if message[0] != "h" else FILE + "' " + message):
        read(tmp_path, content)
