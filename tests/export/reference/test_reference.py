"""The reference gives transformers' vectors, or is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import Manifest
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference.reference import Reference, has_optimum
from biobert_onnx_export.reference.targets import Targets
from biobert_onnx_export.reference.texts import TextSets, TokenSets
from biobert_onnx_export.reference.vectors import relative_difference
from tests.support.checkpoints import transformers_vectors

TEXTS = TextSets.read(None).held_out["general"]


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_reference_vectors_are_those_of_transformers(
    source: Checkpoint, tokens: TokenSets, tiny_checkpoint: Path, tmp_path: Path, pooling: str
) -> None:
    reference = Reference(source, tmp_path, pooling=pooling, samples=tokens.samples[:1])
    expected = transformers_vectors(tiny_checkpoint, TEXTS, pooling=pooling, lower_case=False, max_length=128)
    found = reference.embeddings(tokens.held_out["general"])
    assert relative_difference(found, expected) < 1e-5


def test_targets_are_the_references_vectors_of_each_set(
    reference: Reference, targets: Targets, tokens: TokenSets
) -> None:
    assert targets.held_out.keys() == tokens.held_out.keys() == {"gated", "general"}
    for target in (targets.samples, *targets.held_out.values()):
        assert (target.vectors == reference.embeddings(target.token_ids)).all()
    assert targets.gated is targets.held_out["gated"]


def test_the_difference_to_zeros_is_not_a_number() -> None:
    assert np.isnan(relative_difference(np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)))


WITHOUT_OPTIMUM = """
import sys
sys.modules["optimum"] = None
from biobert_onnx_export import export
print(export(sys.argv[1], sys.argv[2]).checkpoint["reference"])
"""


def test_pytorch_is_the_reference_where_optimum_is_missing(
    artifact: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT_OPTIMUM, str(tiny_checkpoint), str(tmp_path / "out")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("torch ")
    for name in ("encoder.onnx", "model.onnx", "model.onnx_data", "tokenizer.json"):
        assert (tmp_path / "out" / name).read_bytes() == (artifact / name).read_bytes(), name
    expected = "optimum-onnx " if has_optimum() else "torch "
    assert Manifest.read(artifact).checkpoint["reference"].startswith(expected)
