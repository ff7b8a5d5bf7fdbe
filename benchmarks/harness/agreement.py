"""How well a contender's vectors agree with the reference's: the angles, and what a search among the texts finds."""

from collections.abc import Sequence

import numpy as np

from benchmarks.harness.bench import Bench, Record
from benchmarks.harness.worker import WorkerError
from benchmarks.peers.contenders import REFERENCE
from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import Neighbourhood, centred_cosines, cosines

BATCH = 16
"""Texts in a batch, for contenders that do not choose their own; some give a text other vectors in other batches."""


def record_agreement(bench: Bench, texts: Sequence[str], names: Sequence[str]) -> None:
    """Record the agreement of every contender's vectors of `texts` with the reference's, each in a new process.

    The reference itself is compared too: its texts in batches with its texts one by one. Raises ValueError if the
    reference failed.
    """
    reference = reference_vectors(bench, texts)

    def compare(name: str, record: Record) -> None:
        with bench.new_worker(name) as worker:
            vectors = worker.vectors(texts, batch=BATCH)
        record["agreement"] = agreement(vectors, reference)

    bench.each(compare, names, title="agreement")


def reference_vectors(bench: Bench, texts: Sequence[str]) -> FloatArray:
    """Return the reference's vectors of `texts`, each encoded alone; raises ValueError if the reference failed."""
    found: list[FloatArray] = []

    def encode(name: str, record: Record) -> None:
        with bench.new_worker(name) as worker:
            found.append(_finite(worker.vectors(texts, batch=1)))

    bench.each(encode, [REFERENCE], title="the reference's vectors")
    if not found:
        raise ValueError(f"the reference failed: {bench.records[REFERENCE]['failure']}")
    return found[0]


def agreement(vectors: FloatArray, reference: FloatArray) -> Record:
    """Return how well `vectors` agree with `reference`, both (texts, dim) float32, at least 3 texts.

    Cosines of each text: mean, 1st percentile, least; mean and least of the centred ones; the share of the 10 nearest
    texts kept; Spearman's rank correlation of the similarities (biobert_onnx.comparison.agreement). Raises WorkerError
    for vectors of another shape, and for NaN and infinity.
    """
    if vectors.shape != reference.shape:
        raise WorkerError(f"gave vectors of shape {vectors.shape}, expected {reference.shape}")
    cosine, centred = cosines(_finite(vectors), reference), centred_cosines(vectors, reference)
    neighbourhood = Neighbourhood.of(vectors, reference)
    return {
        "texts": len(reference),
        "cosine_mean": float(cosine.mean()),
        "cosine_p1": float(np.percentile(cosine, 1)),
        "cosine_min": float(cosine.min()),
        "centred_mean": float(centred.mean()),
        "centred_min": float(centred.min()),
        "neighbours_kept": neighbourhood.neighbours_kept,
        "rank_correlation": neighbourhood.rank_correlation,
    }


def _finite(vectors: FloatArray) -> FloatArray:
    if not np.isfinite(vectors).all():
        raise WorkerError("gave vectors with NaN or infinity")
    return vectors
