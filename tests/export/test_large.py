"""BERT-large's width, heads and a vocabulary of another size, by the same path; four of its layers, to be quick."""

import copy
from pathlib import Path

import pytest

from benchmarks.standin import LARGE, write_standin
from biobert_onnx import SentenceEncoder
from biobert_onnx_export import export

pytestmark = pytest.mark.large


def test_a_large_checkpoint_exports_and_encodes(tmp_path: Path) -> None:
    config = copy.deepcopy(LARGE)
    config.num_hidden_layers = 4
    write_standin(tmp_path / "large", config)
    manifest = export(tmp_path / "large", tmp_path / "int8")
    assert manifest.dim == 1024
    assert manifest.quantization["outlier_layers"] == ["encoder.layer.3"]
    assert manifest.fidelity["gated"]["cosine_min"] >= 0.99
    bytes_of_float32 = (tmp_path / "large" / "model.safetensors").stat().st_size
    embeddings = 58_996 * 1024 * 4
    assert manifest.files["model.onnx_data"].size < embeddings + (bytes_of_float32 - embeddings) / 3
    assert SentenceEncoder(tmp_path / "int8").encode(["I hate cancer"]).shape == (1, 1024)
