"""Every pooling, and every module after it, gives a text the same bits in any batch and the same vector when padded."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.sessions import open_session
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.sentence_modules import ACTIVATIONS, Dense, LayerNorm, Normalize, SentenceModule
from biobert_onnx_export.gate.measure import encoder_vectors, model_vectors, parity
from biobert_onnx_export.graph.artifact_graphs import write_graphs
from biobert_onnx_export.graph.network import float_plan
from biobert_onnx_export.graph.plan import Plan
from biobert_onnx_export.quantize.quantized_network import QuantizedNetwork
from biobert_onnx_export.quantize.recipes import STATIC
from biobert_onnx_export.reference.after_pooling import apply
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.vectors import pool, relative_difference
from tests.support.checkpoints import DIM

RANDOM = np.random.default_rng(5)
LENGTHS = (2, 3, 16, 47, 128)


def dense(inputs: int, outputs: int, activation: str, *, bias: bool = True) -> Dense:
    weight = RANDOM.normal(0, inputs**-0.5, (outputs, inputs)).astype(np.float32)
    vector = RANDOM.normal(0, 0.1, outputs).astype(np.float32)
    return Dense(place="2_Dense", weight=weight, bias=vector if bias else None, activation=activation)


def layer_norm(size: int) -> LayerNorm:
    weight, bias = RANDOM.normal(1, 0.2, size).astype(np.float32), RANDOM.normal(0, 0.2, size).astype(np.float32)
    return LayerNorm(place="3_LayerNorm", weight=weight, bias=bias)


SUBJECTS: Mapping[str, tuple[str, tuple[SentenceModule, ...]]] = {
    **{mode: (mode, ()) for mode in ("mean", "max", "mean_sqrt_len_tokens", "weightedmean", "cls", "pooler")},
    "two": ("cls+mean", ()),
    "all, two of them twice": ("weightedmean+mean+max+cls+mean_sqrt_len_tokens+pooler+mean+max", ()),
    "the first token alone": ("pooler+cls", (dense(2 * DIM, 7, "Tanh"),)),
    **{f"Dense {each}": ("mean", (dense(DIM, 33, each),)) for each in ACTIVATIONS},
    "without bias": ("max", (dense(DIM, 64, "Identity", bias=False), Normalize())),
    "LayerNorm": ("cls+max", (layer_norm(2 * DIM),)),
    "a chain": ("mean", (Normalize(), dense(DIM, 50, "GELU"), layer_norm(50), dense(50, 13, "Tanh"), Normalize())),
}

of_each_subject = pytest.mark.parametrize("subject", SUBJECTS)


def with_modules(source: Checkpoint, subject: str) -> tuple[Checkpoint, str]:
    pooling, after_pooling = SUBJECTS[subject]
    return replace(source, modules=replace(source.modules, after_pooling=after_pooling)), pooling


def token_ids(count: int, length: int) -> np.ndarray:
    ids = np.random.default_rng(length).integers(5, 1500, (count, length))
    ids[:, 0], ids[:, -1] = 2, 3
    return ids


@pytest.fixture(scope="module")
def plans(source: Checkpoint, network: QuantizedNetwork) -> dict[str, Plan]:
    return {"fp32": float_plan(source), "int8": network.plan(STATIC)}


@of_each_subject
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_text_has_the_same_bits_in_batches_of_one_two_and_seven(
    source: Checkpoint, plans: dict[str, Plan], tmp_path: Path, subject: str, precision: str
) -> None:
    checkpoint, pooling = with_modules(source, subject)
    write_graphs(checkpoint, plans[precision], tmp_path, pooling=pooling)
    session = open_session(tmp_path / "encoder.onnx")

    def run(ids: np.ndarray) -> FloatArray:
        vectors: FloatArray = session.run(["embeddings"], {"input_ids": ids})[0]
        return vectors

    for length in LENGTHS:
        ids = token_ids(7, length)
        together = run(ids)
        assert together.shape == (7, checkpoint.dim(pooling))
        assert np.array_equal(np.vstack([run(ids[row : row + 1]) for row in range(7)]), together)
        assert np.array_equal(np.vstack([run(ids[:2]), run(ids[2:4]), run(ids[4:6]), run(ids[6:])]), together)


@of_each_subject
def test_both_float32_graphs_are_within_the_tolerance_of_the_reference(
    source: Checkpoint, plans: dict[str, Plan], reference: Reference, tmp_path: Path, subject: str
) -> None:
    checkpoint, pooling = with_modules(source, subject)
    write_graphs(checkpoint, plans["fp32"], tmp_path, pooling=pooling)
    texts = [token_ids(1, length) for length in LENGTHS]
    expected = np.vstack(
        [
            apply(checkpoint.modules.after_pooling, pool(reference.hidden_states(ids), checkpoint, pooling))
            for ids in texts
        ]
    )
    ids = [list(map(int, text[0])) for text in texts]
    for found in (encoder_vectors(tmp_path, ids, dim=expected.shape[1]), model_vectors(tmp_path, ids)):
        assert relative_difference(found, expected) <= parity(checkpoint, pooling)


def test_the_tolerance_doubles_with_every_product_and_layer_norm(source: Checkpoint) -> None:
    found = {subject: parity(*with_modules(source, subject)) for subject in SUBJECTS}
    assert [found[name] for name in ("mean", "pooler", "LayerNorm", "without bias")] == [1e-5, 2e-5, 2e-5, 2e-5]
    assert (found["the first token alone"], found["a chain"]) == (4e-5, 8e-5)


def test_tokens_that_are_masked_never_count(source: Checkpoint, plans: dict[str, Plan], tmp_path: Path) -> None:
    pooling = "mean+max+weightedmean+mean_sqrt_len_tokens+cls"
    write_graphs(source, plans["fp32"], tmp_path, pooling=pooling)
    session = open_session(tmp_path / "model.onnx")
    ids = token_ids(2, 16)
    mask = np.array([[1] * 16, [1] * 9 + [0] * 7])
    others = np.where(mask == 0, 77, ids)

    def run(input_ids: np.ndarray) -> FloatArray:
        inputs = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        vectors: FloatArray = session.run(["sentence_embedding"], inputs)[0]
        return vectors

    assert np.array_equal(run(ids), run(others))


def test_the_last_layer_is_cut_to_the_first_tokens_only_if_no_mode_needs_more(
    source: Checkpoint, plans: dict[str, Plan], tmp_path: Path
) -> None:
    for pooling, cut in (("cls", True), ("pooler+cls", True), ("cls+mean", False), ("max", False)):
        (tmp_path / pooling).mkdir()
        write_graphs(source, plans["fp32"], tmp_path / pooling, pooling=pooling)
        assert (b"leading_start" in (tmp_path / pooling / "encoder.onnx").read_bytes()) == cut
