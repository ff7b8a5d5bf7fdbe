"""Prompts as sentence-transformers 5.7 has them: its vectors on the same folder, call by call."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from biobert_onnx import SentenceEncoder
from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx_export import export
from tests.support.checkpoints import DIM
from tests.support.texts import TEXTS

pytestmark = pytest.mark.filterwarnings("ignore")  # its own, of the packages that it loads

TOLERANCE = 1e-3
"""Of the largest number: float32 graphs round otherwise than PyTorch."""

FOLDERS: dict[str, tuple[Mapping[str, str], str | None]] = {
    "query and document": ({"query": "Find articles on: ", "document": "title: none | text: "}, None),
    "a default": ({"query": "Find articles on: ", "document": "title: none | text: "}, "document"),
    "query and passage": ({"query": "query: ", "passage": "passage: "}, None),
    "passage by default": ({"passage": "passage: ", "corpus": "corpus: "}, "passage"),
    "query alone, by default": ({"query": "Represent this sentence for searching relevant passages:"}, "query"),
    "empty ones": ({"query": "", "document": ""}, None),
    "none": ({}, None),
}

SENTENCES = list(TEXTS[1:7])
"""Short ones, the empty one among them."""

Encode = Callable[[Any], Any]

CALLS: dict[str, Encode] = {
    "encode": lambda model: model.encode(SENTENCES),
    "encode_query": lambda model: model.encode_query(SENTENCES),
    "encode_document": lambda model: model.encode_document(SENTENCES),
    "encode, prompt": lambda model: model.encode(SENTENCES, prompt="gene: "),
    "encode, no prompt": lambda model: model.encode(SENTENCES, prompt=""),
    "encode_query, prompt": lambda model: model.encode_query(SENTENCES, prompt="gene: "),
    "encode_query, no prompt": lambda model: model.encode_query(SENTENCES, prompt=""),
    "encode_document, prompt": lambda model: model.encode_document(SENTENCES, prompt="gene:"),
}


@pytest.fixture(scope="module")
def sentence_transformer() -> Iterator[Any]:
    """Its class, on one thread: two threads of PyTorch wait for each other on a busy machine."""
    found = pytest.importorskip("sentence_transformers").SentenceTransformer
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield found
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def plain_folder(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint as a sentence-transformers folder without prompts."""
    folder = tmp_path_factory.mktemp("checkpoints") / "sentences"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": DIM, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 100, "do_lower_case": False}))
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling")]
    (folder / "modules.json").write_text(
        json.dumps(
            [
                {"idx": int(name), "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"}
                for name, path, kind in modules
            ]
        )
    )
    return folder


@pytest.fixture(scope="module")
def plain_artifact(plain_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts") / "sentences"
    export(plain_folder, folder, precision="fp32")
    return folder


@pytest.fixture(scope="module", params=FOLDERS)
def models(
    request: pytest.FixtureRequest,
    sentence_transformer: Any,
    plain_folder: Path,
    plain_artifact: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, SentenceEncoder]:
    """sentence-transformers' model of a folder with prompts, and an encoder whose manifest has the same prompts."""
    prompts, default = FOLDERS[request.param]
    work = tmp_path_factory.mktemp("prompts")
    shutil.copytree(plain_folder, work / "folder")
    config = {"prompts": prompts, "default_prompt_name": default}
    (work / "folder" / "config_sentence_transformers.json").write_text(json.dumps(config))
    shutil.copytree(plain_artifact, work / "artifact")
    manifest = Manifest.read(work / "artifact")
    replace(manifest, prompts=prompts, default_prompt=default).write(work / "artifact")
    return sentence_transformer(str(work / "folder"), device="cpu"), SentenceEncoder(work / "artifact")


def check_equal(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("call", CALLS)
def test_vectors_are_those_of_sentence_transformers(models: tuple[Any, SentenceEncoder], call: str) -> None:
    theirs, ours = models
    check_equal(CALLS[call](ours), CALLS[call](theirs))


def test_vectors_by_the_names_of_prompts_are_those_of_sentence_transformers(
    models: tuple[Any, SentenceEncoder],
) -> None:
    theirs, ours = models
    for name in ours.prompts:
        check_equal(ours.encode(SENTENCES, prompt_name=name), theirs.encode(SENTENCES, prompt_name=name))
        check_equal(ours.encode_query(SENTENCES, prompt_name=name), theirs.encode_query(SENTENCES, prompt_name=name))


def test_prompts_are_shown_as_sentence_transformers_shows_them(models: tuple[Any, SentenceEncoder]) -> None:
    theirs, ours = models
    assert {"query": "", "document": "", **ours.prompts} == theirs.prompts
    assert ours.default_prompt_name == theirs.default_prompt_name


def test_a_prompt_changes_vectors_by_more_than_the_tolerance(plain_artifact: Path) -> None:
    encoder = SentenceEncoder(plain_artifact)
    without, with_prompt = encoder.encode(SENTENCES), encoder.encode(SENTENCES, prompt="gene:")
    assert (np.abs(without - with_prompt).max(axis=1) > 10 * TOLERANCE * np.abs(without).max()).all()
