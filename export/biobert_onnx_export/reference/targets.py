"""What every graph of one export is measured with: token ids of the text sets and the reference's vectors of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx

from biobert_onnx._types import FloatArray
from biobert_onnx.artifact.paths import ENCODER_GRAPH, MODEL_GRAPH
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.gate.fidelity import cosines, fidelity_record
from biobert_onnx_export.gate.measure import encoder_embeddings, model_embeddings
from biobert_onnx_export.reference.texts import TextSets

PARITY = {"mean": 1e-5, "cls": 1e-5, "pooler": 2e-5}
"""Largest difference of our float32 graph to the reference, relative to the largest component, by pooling."""

MODEL_COSINE = 0.9999
"""Least mean cosine of model.onnx on one padded batch to encoder.onnx.

The two run attention in different kernels; where that moves a value across a rounding step of an int8 graph, the text's
vectors part by about as much as int8 parts from float32. So the mean is held, and each graph to the reference.
"""

SAMPLES = 16
"""Calibration texts that graphs are compared on where all of them would take too long."""

TokenIds = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """Token ids and reference vectors of the calibration's samples and of every report set; all ids to calibrate on."""

    dim: int
    pooling: str
    calibration: TokenIds
    samples: TokenIds
    sample_vectors: FloatArray
    reports: Mapping[str, TokenIds]
    report_vectors: Mapping[str, FloatArray]

    @classmethod
    def make(cls, checkpoint: Checkpoint, texts: TextSets, work: Path, *, pooling: str, max_length: int) -> Self:
        """Convert the checkpoint to its reference graph in the folder `work` and take the vectors of `texts`."""
        from biobert_onnx_export.reference.reference import (
            Reference,  # brings torch, transformers and optimum: many seconds
        )

        tokenizer = checkpoint.vocabulary.tokenizer()
        tokenizer.enable_truncation(max_length)

        def token_ids(lines: Sequence[str]) -> TokenIds:
            return [encoding.ids for encoding in tokenizer.encode_batch_fast(list(lines))]

        calibration = token_ids(texts.calibration)
        samples = calibration[:: max(1, len(calibration) // SAMPLES)]
        reports = {name: token_ids(lines) for name, lines in texts.reports.items()}
        reference = Reference(checkpoint, work, pooling=pooling, samples=samples)
        return cls(
            dim=checkpoint.geometry.hidden_size,
            pooling=pooling,
            calibration=calibration,
            samples=samples,
            sample_vectors=reference.embeddings(samples),
            reports=reports,
            report_vectors={name: reference.embeddings(ids) for name, ids in reports.items()},
        )

    def check_parity(self, folder: Path) -> None:
        """Raise FidelityError unless both float32 graphs in `folder` equal the reference within rounding."""
        for name, vectors in self._sample_vectors_of_both(folder).items():
            difference = np.abs(vectors - self.sample_vectors).max() / np.abs(self.sample_vectors).max()
            if not difference <= PARITY[self.pooling]:
                raise FidelityError(
                    f"the float32 {name} differs from the reference by {difference:.1e} of the largest component, "
                    f"expected at most {PARITY[self.pooling]}: please report this checkpoint"
                )

    def check_graphs(self, folder: Path) -> None:
        """Raise FidelityError unless both graphs in `folder` are valid ONNX and agree with each other."""
        for name in (ENCODER_GRAPH, MODEL_GRAPH):
            onnx.checker.check_model(folder / name)
        encoder, model = self._sample_vectors_of_both(folder).values()
        cosine = cosines(model, encoder).mean()
        if not cosine >= MODEL_COSINE:
            raise FidelityError(
                f"{MODEL_GRAPH} agrees with {ENCODER_GRAPH} to a mean cosine of {cosine:.6f} only, "
                f"expected {MODEL_COSINE}: please report this checkpoint"
            )

    def worst_sample_cosine(self, folder: Path) -> float:
        """Least cosine to the reference of encoder.onnx in `folder` over the calibration's samples."""
        return float(cosines(self._sample_vectors_of(folder), self.sample_vectors).min())

    def worst_cosine(self, folder: Path) -> float:
        """Least cosine to the reference of encoder.onnx in `folder` over the report, the set that is gated."""
        vectors = encoder_embeddings(folder / ENCODER_GRAPH, self.reports["report"], dim=self.dim)
        return float(cosines(vectors, self.report_vectors["report"]).min())

    def fidelity(self, folder: Path) -> dict[str, Mapping[str, Any]]:
        """The fidelity of encoder.onnx in `folder` on every report set, as the manifest holds it."""
        records = {}
        for name, ids in self.reports.items():
            vectors = encoder_embeddings(folder / ENCODER_GRAPH, ids, dim=self.dim)
            records[name] = fidelity_record(vectors, self.report_vectors[name], [len(row) for row in ids])
        return records

    def _sample_vectors_of_both(self, folder: Path) -> dict[str, FloatArray]:
        return {
            ENCODER_GRAPH: self._sample_vectors_of(folder),
            MODEL_GRAPH: model_embeddings(folder / MODEL_GRAPH, self.samples),
        }

    def _sample_vectors_of(self, folder: Path) -> FloatArray:
        return encoder_embeddings(folder / ENCODER_GRAPH, self.samples, dim=self.dim)
