"""The headline: the graphs that this project writes give transformers' own vectors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks.inputs.minilm import minilm_checkpoint
from biobert_onnx import SentenceEncoder
from biobert_onnx_export import export
from biobert_onnx_export.gate.measure import model_vectors
from biobert_onnx_export.reference.texts import TextSets
from tests.support.checkpoints import transformers_vectors
from tests.support.texts import TEXTS

TOLERANCE = {"mean": 1e-5, "cls": 1e-5, "pooler": 2e-5}
"""Of the largest difference, relative to the largest component."""


@pytest.fixture(scope="session")
def float_artifact(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def artifact(pooling: str) -> Path:
        if pooling not in made:
            made[pooling] = tmp_path_factory.mktemp("fp32") / pooling
            export(tiny_checkpoint, made[pooling], pooling=pooling, precision="fp32")
        return made[pooling]

    return artifact


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_fp32_vectors_equal_transformers(
    tiny_checkpoint: Path, float_artifact: Callable[[str], Path], pooling: str
) -> None:
    expected = transformers_vectors(tiny_checkpoint, TEXTS, pooling=pooling, lower_case=False, max_length=128)
    found = SentenceEncoder(float_artifact(pooling)).encode(TEXTS)
    assert np.abs(found - expected).max() / np.abs(expected).max() <= TOLERANCE[pooling]


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_fp32_vectors_have_the_same_bits_in_any_company(float_artifact: Callable[[str], Path], pooling: str) -> None:
    encoder = SentenceEncoder(float_artifact(pooling), threads=2)
    together = encoder.encode(list(TEXTS) * 8)[: len(TEXTS)]
    assert (together == np.vstack([encoder.encode([text]) for text in TEXTS])).all()


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_model_onnx_pools_a_padded_batch_like_single_texts(float_artifact: Callable[[str], Path], pooling: str) -> None:
    folder = float_artifact(pooling)
    encoder = SentenceEncoder(folder)
    token_ids = encoder._pipeline.tokenizer.token_ids(TEXTS)
    padded = model_vectors(folder, token_ids)
    expected = encoder.encode(TEXTS)
    assert np.abs(padded - expected).max() / np.abs(expected).max() <= TOLERANCE[pooling]


def test_minilm_fp32_vectors_equal_those_of_transformers(tmp_path: Path) -> None:
    checkpoint = minilm_checkpoint(tmp_path)
    manifest = export(checkpoint, tmp_path / "fp32", precision="fp32")
    texts = TextSets.read(None).held_out["gated"][:40]
    expected = transformers_vectors(checkpoint, texts, pooling="mean", lower_case=True, max_length=256)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = SentenceEncoder(tmp_path / "fp32").encode(texts)
    assert np.abs(found - expected).max() / np.abs(expected).max() <= TOLERANCE["mean"]
    assert (manifest.normalized, manifest.casing, manifest.max_length) == (True, "uncased", 256)


def test_both_graphs_are_valid_and_share_one_weights_file(artifact: Path) -> None:
    places = []
    for name in ("encoder.onnx", "model.onnx"):
        onnx.checker.check_model(artifact / name)
        graph = onnx.load(artifact / name, load_external_data=False).graph
        external = {
            tensor.name: {entry.key: entry.value for entry in tensor.external_data}
            for tensor in graph.initializer
            if tensor.external_data
        }
        places.append(external)
        assert {place["location"] for place in external.values()} == {"model.onnx_data"}
        assert all(int(place["offset"]) % 64 == 0 for place in external.values())
    encoder, model = places
    assert all(model[name] == place for name, place in encoder.items())


def test_model_onnx_has_the_names_that_other_tools_expect(artifact: Path) -> None:
    graph = onnx.load(artifact / "model.onnx", load_external_data=False).graph
    assert [value.name for value in graph.input] == ["input_ids", "attention_mask", "token_type_ids"]
    assert [value.name for value in graph.output] == ["last_hidden_state", "sentence_embedding"]
