"""Measurements of the graphs in a folder: their vectors by the runtime's own path, compared with the targets."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx.artifact.manifest import LAST
from biobert_onnx.artifact.paths import ENCODER_GRAPH, MODEL_GRAPH, TOKENS_GRAPH
from biobert_onnx.catalog.published import hidden_states
from biobert_onnx.comparison.agreement import cosines, neighbours_kept
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.engines import KERNELS, ONNXRUNTIME
from biobert_onnx.encoding.pairs import PairTokens
from biobert_onnx.encoding.sessions import TOKEN_OUTPUTS, encoder_inputs, inputs_taken, open_session
from biobert_onnx.kernels.engine import KernelEngine
from biobert_onnx.kernels.library import KernelsUnavailableError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.pooling import POOLER, modes
from biobert_onnx_export.checkpoint.sentence_modules import Normalize
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.gate.fidelity import fidelity_record
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.targets import Target
from biobert_onnx_export.reference.vectors import RunBatch, relative_difference, vectors_of

PARITY = 1e-5
"""The largest difference of our float32 graphs to the reference, relative to the largest component, where vectors are
tokens' own values or means of them."""

MODEL_ERROR = 2.0
"""How many times as far from the reference as encoder.onnx may model.onnx be, in 1 - mean cosine.

The two run attention in different kernels. If that moves a value across a rounding step of an int8 graph, the vectors
of a text part by about as much as int8 parts from float32. On the whole, both graphs are as far from float32 as each
other; over a few texts by chance a little more or less, and a fault in one of them is much more.
"""

ROUNDING_ERROR = 1e-6
"""What rounding in float32 may take from a mean cosine."""


@dataclass(frozen=True, kw_only=True)
class GateFigures:
    """What the gate compares with its limits: the least cosine of a text, and the share of the 10 nearest texts kept.

    Each is that of the engine where it is lower, of those that run here.
    """

    worst_cosine: float
    neighbours_kept: float


def encoder_vectors(folder: Path, token_ids: TokenIds, *, dim: int) -> FloatArray:
    """Compute the vectors that encoder.onnx in `folder` gives `token_ids`, (texts, dim) float32."""
    return vectors_of(_on_onnxruntime(folder), token_ids, dim=dim)


def engines(folder: Path) -> dict[str, RunBatch]:
    """Open each engine that runs the encoder in `folder` here, once; returns what computes a micro-batch, by its name.

    The kernels are left out if they do not run here, if they cannot compute the plan, or if there is none.
    """
    onnxruntime = {ONNXRUNTIME: _on_onnxruntime(folder)}
    try:
        session = KernelEngine.of_plan(folder).open(threads=usable_cpus())
    except KernelsUnavailableError:
        return onnxruntime
    return {**onnxruntime, KERNELS: lambda ids: session.run(ids, 1)}


def model_vectors(folder: Path, token_ids: TokenIds) -> FloatArray:
    """Compute the `sentence_embedding` that model.onnx in `folder` gives one padded batch, (texts, dim) float32."""
    longest = max(len(ids) for ids in token_ids)
    session = open_session(folder / MODEL_GRAPH)
    input_ids = np.array([[*ids, *[0] * (longest - len(ids))] for ids in token_ids], dtype=np.int64)
    mask = np.array([[1] * len(ids) + [0] * (longest - len(ids)) for ids in token_ids], dtype=np.int64)
    inputs = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros_like(input_ids)}
    embeddings: FloatArray = session.run(["sentence_embedding"], inputs_taken(session, inputs))[0]
    return embeddings


def parity(checkpoint: Checkpoint, pooling: str) -> float:
    """Return the largest difference that rounding may make to the vectors of `pooling`.

    It is PARITY, and doubles with every product or LayerNorm after the last layer: these round once more, and what they
    leave may be smaller than what they are given.
    """
    steps = sum(not isinstance(module, Normalize) for module in checkpoint.modules.after_pooling)
    return float(PARITY * 2 ** (steps + (POOLER in modes(pooling))))


def check_parity(folder: Path, target: Target, *, tolerance: float) -> None:
    """Raise FidelityError unless both float32 graphs in `folder` give the target's vectors to within `tolerance`.

    The difference is relative to the largest component.
    """
    for name, vectors in _vectors_of_both(folder, target).items():
        difference = relative_difference(vectors, target.vectors)
        if not difference <= tolerance:  # nan fails as well
            raise FidelityError(
                f"the float32 {name} differs from the reference by {difference:.1e} of the largest component, "
                f"expected at most {tolerance}: report it as a fault, with this checkpoint"
            )


def check_pairs(folder: Path, reference: Reference, samples: TokenIds, *, max_length: int, tolerance: float) -> None:
    """Raise FidelityError unless the float32 encoder.onnx in `folder` gives pairs the reference's vectors.

    Each of `samples` is paired with the next one. The difference is relative to the largest component.
    """
    session = open_session(folder / ENCODER_GRAPH)
    for first, second in pairwise(samples):
        ids, split = PairTokens(first, second).framed(max_length)
        input_ids = np.array([ids], dtype=np.int64)
        types = (np.arange(len(ids)) >= split).astype(np.int64)[None]
        found = session.run(["embeddings"], encoder_inputs(session, input_ids, types))[0]
        difference = relative_difference(found, reference.embed(input_ids, types))
        if not difference <= tolerance:  # nan fails as well
            raise FidelityError(
                f"the float32 {ENCODER_GRAPH} differs from the reference by {difference:.1e} of the largest component "
                f"on a pair, expected at most {tolerance}: report it as a fault, with this checkpoint"
            )


def check_token_parity(folder: Path, token_ids: TokenIds) -> None:
    """Raise FidelityError unless both float32 graphs of vectors of tokens in `folder` give the same to within PARITY.

    model.onnx, which `check_parity` holds to the reference, runs attention in another kernel. The difference is
    relative to the largest component.
    """
    tokens, model = open_session(folder / TOKENS_GRAPH), open_session(folder / MODEL_GRAPH)
    for ids in token_ids:
        input_ids = np.array([ids], dtype=np.int64)
        found = tokens.run([TOKEN_OUTPUTS[LAST]], {"input_ids": input_ids})[0]
        difference = relative_difference(found, hidden_states(model, input_ids))
        if not difference <= PARITY:  # nan fails as well
            raise FidelityError(
                f"the float32 {TOKENS_GRAPH} differs from {MODEL_GRAPH} by {difference:.1e} of the largest component, "
                f"expected at most {PARITY}: report it as a fault, with this checkpoint"
            )


def check_graphs(folder: Path, target: Target) -> None:
    """Raise FidelityError unless all graphs in `folder` are valid ONNX, and model.onnx is near enough to the `target`.

    It may be MODEL_ERROR times as far from it as encoder.onnx.
    """
    for graph in sorted(folder.glob("*.onnx")):
        onnx.checker.check_model(graph)
    error = {
        name: 1 - cosines(vectors, target.vectors).mean() for name, vectors in _vectors_of_both(folder, target).items()
    }
    if not error[MODEL_GRAPH] <= MODEL_ERROR * error[ENCODER_GRAPH] + ROUNDING_ERROR:
        raise FidelityError(
            f"{MODEL_GRAPH} has a mean cosine of {1 - error[MODEL_GRAPH]:.6f} to the reference, and {ENCODER_GRAPH} "
            f"{1 - error[ENCODER_GRAPH]:.6f}: report it as a fault, with this checkpoint"
        )


def worst_cosine(folder: Path, target: Target) -> float:
    """Return the least cosine of the graph in `folder` to the target, over its texts and the engines that run here."""
    return _least([cosines(_vectors(run, target), target.vectors).min() for run in engines(folder).values()])


def gate_figures(folder: Path, target: Target) -> GateFigures:
    """Measure the graph in `folder` on `target`, of 3 texts or more; each engine computes the vectors once."""
    by_engine = [_vectors(run, target) for run in engines(folder).values()]
    return GateFigures(
        worst_cosine=_least([cosines(vectors, target.vectors).min() for vectors in by_engine]),
        neighbours_kept=_least([neighbours_kept(vectors, target.vectors) for vectors in by_engine]),
    )


def _least(figures: list[float]) -> float:
    """Return the least of `figures`; nan, which passes no limit, if one is nan."""
    return float(np.min(figures))


def measure_fidelity(folder: Path, held_out: Mapping[str, Target]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Measure the graph in `folder` on every held-out set; returns the records of the sets, by engine and set."""
    return {
        engine: {
            name: fidelity_record(_vectors(run, target), target.vectors, [len(ids) for ids in target.token_ids])
            for name, target in held_out.items()
        }
        for engine, run in engines(folder).items()
    }


def _on_onnxruntime(folder: Path) -> RunBatch:
    session = open_session(folder / ENCODER_GRAPH)
    return lambda ids: session.run(["embeddings"], encoder_inputs(session, ids))[0]


def _vectors(run: RunBatch, target: Target) -> FloatArray:
    return vectors_of(run, target.token_ids, dim=target.vectors.shape[1])


def _vectors_of_both(folder: Path, target: Target) -> dict[str, FloatArray]:
    return {
        ENCODER_GRAPH: _vectors(_on_onnxruntime(folder), target),
        MODEL_GRAPH: model_vectors(folder, target.token_ids),
    }
