"""The reference as an encoder of texts: the vectors of the gate's targets, from texts, and in `compare`."""

import json
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding.texts import chunks
from biobert_onnx_export import CheckpointError, export
from biobert_onnx_export.reference.encoder import ReferenceEncoder
from biobert_onnx_export.reference.targets import Targets
from biobert_onnx_export.reference.texts import TextSets
from tests.runtime.cli.command import refused, run
from tests.support.checkpoints import DIM, transformers_vectors
from tests.support.texts import TEXTS

GATED = TextSets.read(None).held_out["gated"]


@pytest.fixture
def gated(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(GATED) + "\n", encoding="utf-8")
    return path


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")  # some texts are longer than this model
def test_its_vectors_are_those_of_the_targets(tiny_checkpoint: Path, targets: Targets, tmp_path: Path) -> None:
    encoder = ReferenceEncoder(str(tiny_checkpoint), tmp_path)
    groups = list(encoder.encode_groups(chunks(GATED, aligned_to=64)))
    vectors = np.concatenate([vectors for _, vectors in groups])
    assert [len(group.texts) for group, _ in groups] == [64, 64, 64, 13]
    assert np.abs(vectors - targets.gated.vectors).max() < 1e-5 * np.abs(vectors).max()


def test_texts_of_all_kinds_have_the_vectors_of_transformers(tiny_checkpoint: Path, tmp_path: Path) -> None:
    encoder = ReferenceEncoder(str(tiny_checkpoint), tmp_path, max_length=16)
    with pytest.warns(UserWarning, match="texts have more tokens than max_length and were cut there"):
        ((_, vectors),) = encoder.encode_groups(chunks(TEXTS))
    expected = transformers_vectors(tiny_checkpoint, TEXTS, pooling="mean", lower_case=False, max_length=16)
    assert vectors.shape == (len(TEXTS), DIM)
    assert np.abs(vectors - expected).max() < 1e-5 * np.abs(expected).max()


def test_a_length_that_the_checkpoint_does_not_have_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_length is 129, expected 3 to 128"):
        ReferenceEncoder(str(tiny_checkpoint), tmp_path, max_length=129)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="config"):
        ReferenceEncoder(str(tmp_path), tmp_path)


def test_compare_finds_what_the_gate_measured(artifact: Path, tiny_checkpoint: Path, gated: Path) -> None:
    done = run("compare", artifact, tiny_checkpoint, "--texts", gated, "--json")
    assert done.returncode == 0, done.stderr.decode()
    found, encoder = json.loads(done.stdout), SentenceEncoder(artifact)
    measured = encoder.manifest.kernels_fidelity if encoder.engine == "kernels" else encoder.manifest.fidelity
    assert measured is not None
    record = measured["gated"]
    assert found["b"]["kind"] == "checkpoint"
    assert "pooling: mean" in done.stderr.decode()
    for name in ("cosine_mean", "cosine_p1", "cosine_min", "centred_mean", "centred_min", "rank_correlation"):
        assert found[name] == pytest.approx(record[name], abs=1e-5)
    assert found["neighbours_kept"] == pytest.approx(record["neighbours_kept"], abs=2e-3)


def test_compare_says_what_is_wrong_with_a_checkpoint(artifact: Path, gated: Path, tmp_path: Path) -> None:
    assert "nowhere" in refused(2, "compare", artifact, "nowhere", "--texts", gated)
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in refused(1, "compare", artifact, tmp_path / "empty", "--texts", gated)


def test_a_float32_artifact_agrees_with_its_checkpoint(tiny_checkpoint: Path, gated: Path, tmp_path: Path) -> None:
    export(tiny_checkpoint, tmp_path / "fp32", precision="fp32")
    done = run("compare", tmp_path / "fp32", tiny_checkpoint, "--texts", gated, "--json")
    found = json.loads(done.stdout)
    assert found["cosine_min"] > 0.999999
    assert found["neighbours_kept"] > 0.999
