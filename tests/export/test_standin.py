"""The hard case: 12 x 768 with the activation outliers of trained BERTs, or its first six layers to be quick."""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from benchmarks.inputs.usual_recipe import write_usual_int8
from benchmarks.standin import BIOBERT, OUTLIER_LAYERS, write_standin
from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx.catalog.published import hidden_states
from biobert_onnx.comparison.agreement import cosines
from biobert_onnx_export import export
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.texts import TextSets
from tests.support.tensorflow_checkpoints import write_tensorflow

TEXTS = TextSets.read(None).held_out["gated"][::4]


@pytest.fixture(scope="module", params=[6, pytest.param(BIOBERT.num_hidden_layers, marks=pytest.mark.large)])
def layers(request: pytest.FixtureRequest) -> int:
    """Half of the network is exported in half of the time."""
    return int(request.param)


@pytest.fixture(scope="module")
def work(layers: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("standin")
    config = copy.deepcopy(BIOBERT)
    config.num_hidden_layers = layers
    write_standin(folder / "checkpoint", config)
    return folder


@pytest.fixture(scope="module")
def folder(work: Path) -> Path:
    export(work / "checkpoint", work / "int8")
    return work / "int8"


def token_ids(checkpoint: Checkpoint, texts: Sequence[str]) -> list[list[int]]:
    return [encoding.ids for encoding in checkpoint.vocabulary.tokenizer().encode_batch_fast(list(texts))]


def test_int8_is_faithful_and_the_usual_recipe_is_not(work: Path, folder: Path) -> None:
    checkpoint = Checkpoint.read(str(work / "checkpoint"))
    ids = token_ids(checkpoint, TEXTS)
    expected = Reference(checkpoint, work, pooling="mean", samples=ids[:2]).embeddings(ids)
    write_usual_int8(work / "reference.onnx", work / "usual.onnx", heads=12, hidden=768)
    usual = cosines(usual_vectors(work / "usual.onnx", ids), expected)
    ours = cosines(SentenceEncoder(folder).encode(TEXTS), expected)
    assert usual.mean() < 0.97, "the stand-in has become too easy"
    assert ours.mean() >= 0.997
    assert ours.min() >= 0.99


def usual_vectors(graph: Path, token_ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    hidden = [hidden_states(session, np.array([ids], dtype=np.int64)) for ids in token_ids]
    return np.concatenate([states.mean(axis=1) for states in hidden])


def test_the_manifest_has_high_cosines_and_the_outlier_layers(layers: int, folder: Path) -> None:
    manifest = Manifest.read(folder)
    assert (manifest.dim, manifest.max_length, manifest.casing) == (768, 512, "cased")
    assert manifest.quantization["outlier_layers"] == [
        f"encoder.layer.{index}" for index in OUTLIER_LAYERS if index < layers
    ]
    assert manifest.fidelity["gated"]["cosine_mean"] >= 0.997
    assert manifest.fidelity["gated"]["cosine_min"] >= 0.99
    assert manifest.fidelity["general"]["cosine_min"] >= 0.99


def test_every_text_has_the_same_bits_alone_and_in_company(folder: Path) -> None:
    together = SentenceEncoder(folder, threads=2).encode(TEXTS)
    single = SentenceEncoder(folder, threads=1)
    assert (together == np.vstack([single.encode([text]) for text in TEXTS])).all()


@pytest.mark.usefixtures("tensorflow")
def test_at_full_size_tensorflow_gives_the_bits_of_pytorch(work: Path, tmp_path: Path) -> None:
    expected = Checkpoint.read(str(work / "checkpoint")).tensors
    found = Checkpoint.read(str(write_tensorflow(work / "checkpoint", tmp_path / "tf", slots=()))).tensors
    assert list(found) == list(expected)
    assert all(found[name].tobytes() == tensor.tobytes() for name, tensor in expected.items())
