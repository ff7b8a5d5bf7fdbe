"""Names of models: which artifact folder they stand for."""

from pathlib import Path

import pytest

from biobert_onnx import ArtifactError
from biobert_onnx.catalog.names import find_artifact

SPARK_NLP = "sent_biobert_pubmed_base_cased"
NLU = "en.embed_sentence.biobert.pubmed_base_cased"


@pytest.fixture
def folder(artifact: Path, tmp_path: Path) -> Path:
    """A folder that holds the tests' artifact under Spark NLP's name."""
    (tmp_path / SPARK_NLP).symlink_to(artifact)
    return tmp_path


@pytest.mark.parametrize("name", [SPARK_NLP, NLU])
def test_a_models_name_is_looked_for_in_the_folder_given(name: str, folder: Path) -> None:
    assert find_artifact(name, folder=folder) == folder / SPARK_NLP


def test_a_models_name_is_looked_for_in_the_working_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert find_artifact(NLU) == folder / SPARK_NLP


def test_a_path_is_the_artifact_itself(artifact: Path) -> None:
    assert find_artifact(artifact) == artifact


def test_a_missing_model_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=f"make it with 'biobert-onnx export {SPARK_NLP} {tmp_path}/{SPARK_NLP}'"):
        find_artifact(NLU, folder=tmp_path)
    with pytest.raises(ArtifactError, match=f"make it with 'biobert-onnx export sapbert {tmp_path}/sapbert'"):
        find_artifact("sapbert", folder=tmp_path)
    with pytest.raises(ArtifactError, match=r"no artifact at '.*/mine': make it with 'biobert-onnx export CHECKPOINT "):
        find_artifact("mine", folder=tmp_path)
