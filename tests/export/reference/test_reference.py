"""The reference gives transformers' vectors, or is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx.encoding.ort import onnxruntime
from biobert_onnx_export import FidelityError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference.conversion import check_against_pytorch, convert
from biobert_onnx_export.reference.pytorch import pytorch_model
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.targets import Targets
from biobert_onnx_export.reference.texts import TextSets, TokenSets
from biobert_onnx_export.reference.vectors import relative_difference
from tests.support.checkpoints import transformers_vectors

TEXTS = TextSets.read(None).held_out["general"]

SLOPE = np.linspace(0, 0.1, 96, dtype=np.float32)
"""A change of a bias that the LayerNorm after it does not take out."""


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


def test_the_graph_of_another_checkpoint_is_refused(source: Checkpoint, tokens: TokenSets, tmp_path: Path) -> None:
    name = "encoder.layer.0.output.dense.bias"
    another = replace(source, tensors={**source.tensors, name: source.tensors[name] + SLOPE})
    convert(pytorch_model(another), tmp_path / "another.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "another.onnx"), providers=["CPUExecutionProvider"])
    check_against_pytorch(session, pytorch_model(another), tokens.samples[:2])
    message = "optimum's graph differs from PyTorch by .* expected at most 0.0001: install the versions of constraints"
    with pytest.raises(FidelityError, match=message):
        check_against_pytorch(session, pytorch_model(source), tokens.samples[:2])


def test_the_difference_to_zeros_is_not_a_number() -> None:
    assert np.isnan(relative_difference(np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)))
