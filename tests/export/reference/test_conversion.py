"""optimum's graph is PyTorch's, or is refused; skipped where optimum is not installed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx.encoding.ort import onnxruntime
from biobert_onnx_export import FidelityError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference.pytorch import pytorch_model
from biobert_onnx_export.reference.texts import TokenSets
from tests.support.checkpoints import DIM

SLOPE = np.linspace(0, 0.1, DIM, dtype=np.float32)
"""A change of a bias that the LayerNorm after it does not take out."""


def test_the_graph_of_another_checkpoint_is_refused(source: Checkpoint, tokens: TokenSets, tmp_path: Path) -> None:
    pytest.importorskip("optimum.exporters.onnx", reason="make test-transformers5 has no optimum")
    from biobert_onnx_export.reference.conversion import check_against_pytorch, convert

    name = "encoder.layer.0.output.dense.bias"
    another = replace(source, tensors={**source.tensors, name: source.tensors[name] + SLOPE})
    convert(pytorch_model(another), tmp_path / "another.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "another.onnx"), providers=["CPUExecutionProvider"])
    check_against_pytorch(session, pytorch_model(another), tokens.samples[:2])
    message = "optimum's graph differs from PyTorch by .* expected at most 0.0001: install the versions of constraints"
    with pytest.raises(FidelityError, match=message):
        check_against_pytorch(session, pytorch_model(source), tokens.samples[:2])
