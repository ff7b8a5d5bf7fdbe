"""A pipeline on the tests' artifact, under NLU's name of the model."""

from pathlib import Path

import pytest

from biobert_onnx import nlu
from biobert_onnx.catalog.names import DEFAULT as MODEL


@pytest.fixture(scope="session")
def folder(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the tests' artifact under Spark NLP's name."""
    folder = tmp_path_factory.mktemp("models")
    (folder / MODEL).symlink_to(artifact)
    return folder


@pytest.fixture(scope="session")
def pipeline(folder: Path) -> nlu.Pipeline:
    return nlu.load("en.embed_sentence.biobert.pubmed_base_cased", folder=folder, threads=2)
