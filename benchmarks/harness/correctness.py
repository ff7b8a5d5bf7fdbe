"""The check of a contender's vectors against the reference's. A contender with wrong vectors is not measured."""

from collections.abc import Sequence

import numpy as np

from benchmarks.harness.agreement import BATCH, reference_vectors
from benchmarks.harness.bench import Bench, Record
from biobert_onnx._types import FloatArray
from biobert_onnx.comparison.agreement import cosines

MIN_COSINE = {"float32": 0.9999, "CPU's default": 0.99, "bfloat16": 0.99, "int8": 0.8}
"""Mean cosine to the reference that each precision must reach. A CPU's default is bfloat16 where the CPU has it."""


def check_vectors(bench: Bench, texts: Sequence[str], names: Sequence[str]) -> None:
    """Record the fidelity of every contender's vectors of `texts`, and refuse wrong ones.

    Raises ValueError if the reference failed.
    """
    reference = reference_vectors(bench, texts)

    def check(name: str, record: Record) -> None:
        worker = bench.worker(name)
        together = worker.vectors(texts, batch=BATCH)
        alone = np.vstack([worker.vectors([text], batch=1) for text in texts])
        judge(record, together, alone, reference)

    bench.each(check, names, title="vectors")


def judge(record: Record, together: FloatArray, alone: FloatArray, reference: FloatArray) -> None:
    """Record the fidelity of a contender's vectors, (texts, dim) float32, and refuse the contender if they are wrong.

    `together` are its vectors of all texts in batches, `alone` those of each text in a call of its own.
    """
    cosine, self_cosine = cosines(together, reference), cosines(together, alone)
    record["fidelity"] = {
        "texts": len(reference),
        "cosine_mean": float(cosine.mean()),
        "cosine_p1": float(np.percentile(cosine, 1)),
        "cosine_min": float(cosine.min()),
        "changed_by_batch": int((together != alone).any(axis=1).sum()),
        "batch_cosine_min": float(self_cosine.min()),
    }
    minimum = MIN_COSINE[record["precision"]]
    if not cosine.mean() >= minimum:
        record["refusal"] = f"mean cosine {cosine.mean():.4f} to the reference, its precision needs at least {minimum}"
