"""Artifacts kept from the day that their format was new: this version reads its own and refuses those before."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import ArtifactError, SentenceEncoder, TruncationWarning
from biobert_onnx.artifact.manifest import FORMAT
from biobert_onnx.cli.main import main
from tests.support.damage import edit_manifest
from tests.support.pages import PROJECT

DATA = PROJECT / "tests" / "data"
KEPT = DATA / f"format-{FORMAT}"

LEAST_COSINE = {"int8": 0.9999, "fp32": 0.999999}
"""CPUs add float32 numbers in different orders, and where that crosses a rounding step of int8 the vector moves."""


def test_the_present_format_has_a_kept_artifact_and_each_before_a_manifest() -> None:
    before = {f"format-{number}-manifest.json" for number in range(1, FORMAT)}
    assert {path.name for path in DATA.iterdir()} == {KEPT.name, *before}


@pytest.mark.parametrize("precision", LEAST_COSINE)
def test_a_kept_artifact_gives_the_vectors_that_it_gave(precision: str) -> None:
    kept = json.loads((KEPT / "vectors.json").read_text(encoding="utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        vectors = SentenceEncoder(KEPT / precision).encode(kept["texts"])
    expected = np.array(kept[precision], dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((vectors * expected).sum(axis=1) / lengths).min() >= LEAST_COSINE[precision]
    assert vectors.shape == expected.shape


@pytest.mark.parametrize("precision", LEAST_COSINE)
def test_a_kept_artifact_is_whole(precision: str) -> None:
    assert main(["verify", str(KEPT / precision)]) == 0


@pytest.mark.parametrize("number", range(1, FORMAT))
def test_a_kept_manifest_of_an_older_format_says_export_again(number: int, tmp_path: Path) -> None:
    shutil.copyfile(DATA / f"format-{number}-manifest.json", tmp_path / "manifest.json")
    with pytest.raises(ArtifactError, match=rf"has format {number}, expected {FORMAT}: .* older .*: export it again$"):
        SentenceEncoder(tmp_path)


def test_a_kept_artifact_under_the_next_number_says_upgrade(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(KEPT / "int8", tmp_path / "artifact"))
    edit_manifest(folder, "format", value=FORMAT + 1)
    with pytest.raises(ArtifactError, match=rf"has format {FORMAT + 1}, expected {FORMAT}: .* newer .*: upgrade"):
        SentenceEncoder(folder)
