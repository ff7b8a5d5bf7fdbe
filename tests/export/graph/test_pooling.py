"""Artifacts that pool [CLS] compute only what it needs of the last layer, and give the vectors of the whole."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from biobert_onnx import SentenceEncoder
from biobert_onnx_export import export
from tests.support.texts import TEXTS


@pytest.fixture(scope="module", params=["cls int8", "cls fp32", "pooler int8", "pooler fp32"])
def folder(request: pytest.FixtureRequest, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pooling, precision = request.param.split()
    folder = tmp_path_factory.mktemp("poolings") / "artifact"
    export(tiny_checkpoint, folder, pooling=pooling, precision=precision)
    return folder


def test_a_text_gets_the_same_bits_alone_and_among_others(folder: Path) -> None:
    together = SentenceEncoder(folder, threads=2).encode(TEXTS)
    encoder = SentenceEncoder(folder, threads=2)
    for _ in range(2):
        assert (np.vstack([encoder.encode([text]) for text in TEXTS]) == together).all()


def test_vectors_are_those_of_the_whole_last_layer(folder: Path) -> None:
    encoder = SentenceEncoder(folder)
    whole = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    for text in TEXTS:
        ids = np.array(encoder._pipeline.tokenizer.token_ids([text]), dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        expected = whole.run(["sentence_embedding"], inputs)[0][0]
        found = encoder.encode([text])[0]
        cosine = found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)
        assert cosine > (0.999 if encoder.manifest.precision == "int8" else 0.999999)


def test_the_last_layer_multiplies_two_rows_of_each_text(folder: Path) -> None:
    graph = onnx.load(folder / "encoder.onnx", load_external_data=False).graph
    slices = [node for node in graph.node if node.name == "leading"]
    assert len(slices) == 1
    (last,) = [node for node in graph.node if node.name == "encoder.layer.3.attention.sum"]
    assert slices[0].output[0] in last.input
