"""The check of a contender's vectors against the reference's. A contender with wrong vectors is not measured."""

from collections.abc import Sequence

import numpy as np

from benchmarks.harness.bench import Bench, Record
from benchmarks.peers.contenders import REFERENCE
from biobert_onnx._types import FloatArray

MIN_COSINE = {"float32": 0.9999, "CPU's default": 0.99, "bfloat16": 0.99, "int8": 0.8}
"""Mean cosine to the reference that each precision must reach. A CPU's default is bfloat16 where the CPU has it."""

BATCH = 16
"""Texts in a batch of the check whether a text's vector changes with its batch."""


def check_vectors(bench: Bench, texts: Sequence[str], names: Sequence[str]) -> None:
    """Record the fidelity of every contender's vectors of `texts`, the reference's first, and refuse wrong ones.

    Raises ValueError if the reference failed.
    """
    expected: list[FloatArray] = []

    def check(name: str, record: Record) -> None:
        worker = bench.worker(name)
        together = worker.vectors(texts, batch=BATCH)
        alone = np.vstack([worker.vectors([text], batch=1) for text in texts])
        expected.append(alone)
        judge(record, together, alone, expected[0])

    bench.each(check, [REFERENCE], title="vectors")
    if not expected:
        raise ValueError(f"the reference failed: {bench.records[REFERENCE]['failure']}")
    bench.each(check, [name for name in names if name != REFERENCE], title="vectors")


def judge(record: Record, together: FloatArray, alone: FloatArray, reference: FloatArray) -> None:
    """Record the fidelity of a contender's vectors, (texts, dim) float32, and refuse the contender if they are wrong.

    `together` are its vectors of all texts in batches, `alone` those of each text in a call of its own.
    """
    from biobert_onnx.comparison.agreement import cosines

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
