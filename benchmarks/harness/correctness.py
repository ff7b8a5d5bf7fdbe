"""Whether a contender's vectors are the reference's: nothing else is measured of one whose vectors are not."""

from collections.abc import Sequence

import numpy as np

from benchmarks.harness.bench import Bench, Record
from benchmarks.peers.contenders import REFERENCE
from biobert_onnx._types import FloatArray
from biobert_onnx_export.gate.fidelity import cosines

LEAST_COSINE = {"float32": 0.9999, "CPU's default": 0.99, "bfloat16": 0.99, "int8": 0.8}
"""Least mean cosine to the reference, by precision. A CPU's default is bfloat16 where it has instructions for it."""

BATCH = 16
"""Texts in a batch when it is asked whether a text's vector changes with its batch."""


def check_vectors(bench: Bench, texts: Sequence[str], names: Sequence[str]) -> None:
    """Record the fidelity of every contender's vectors of `texts`, the reference's first; refuse the wrong ones."""
    expected: list[FloatArray] = []

    def check(name: str, record: Record) -> None:
        worker = bench.worker(name)
        together = worker.vectors(texts, batch=BATCH)
        alone = np.vstack([worker.vectors([text], batch=1) for text in texts])
        expected.append(alone)
        judge(record, together, alone, expected[0])

    bench.each(check, [REFERENCE], title="vectors")
    if not expected:
        raise RuntimeError(f"the reference failed: {bench.records[REFERENCE]['failure']}")
    bench.each(check, [name for name in names if name != REFERENCE], title="vectors")


def judge(record: Record, together: FloatArray, alone: FloatArray, reference: FloatArray) -> None:
    """Record the fidelity of the vectors that a contender gave texts `together`, and refuse it if they are wrong."""
    cosine, self_cosine = cosines(together, reference), cosines(together, alone)
    record["fidelity"] = {
        "texts": len(reference),
        "cosine_mean": float(cosine.mean()),
        "cosine_p1": float(np.percentile(cosine, 1)),
        "cosine_min": float(cosine.min()),
        "changed_by_batch": int((together != alone).any(axis=1).sum()),
        "batch_cosine_min": float(self_cosine.min()),
    }
    least = LEAST_COSINE[record["precision"]]
    if not cosine.mean() >= least:
        record["refusal"] = f"mean cosine {cosine.mean():.4f} to the reference, its precision needs at least {least}"
