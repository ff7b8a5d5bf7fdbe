"""The artifact's manifest: what was exported, from which bytes, by which versions, and the figures measured."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import Distribution, version
from pathlib import Path
from typing import Any

from biobert_onnx._file_status import is_file
from biobert_onnx.artifact.manifest import FileRecord, Manifest
from biobert_onnx.kernels.plan import layer_name
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.gate import Attempt
from biobert_onnx_export.graph.matmul import PerTokenProducts
from biobert_onnx_export.publish.model_card import write_model_card
from biobert_onnx_export.quantize.int8 import WEIGHT_BITS
from biobert_onnx_export.quantize.smoothing import ALPHA
from biobert_onnx_export.reference.comparison import Comparison
from biobert_onnx_export.reference.texts import TextSets

RECORDED_PACKAGES = (
    "biobert-onnx",
    "numpy",
    "onnx",
    "onnxruntime",
    "optimum-onnx",
    "tokenizers",
    "torch",
    "transformers",
)
"""The distributions whose versions decide the artifact's bytes."""


def quantization_record(attempt: Attempt, texts: TextSets, *, calibrated: int) -> dict[str, Any]:
    """Describe the quantization that passed the gate, as the manifest records it; `calibrated` texts were used."""
    recipe, plan = attempt.recipe, attempt.plan
    per_token = [site for site, products in plan.sites.items() if isinstance(products, PerTokenProducts)]
    return {
        "recipe": recipe.name,
        "weight_bits": WEIGHT_BITS,
        "smoothing_alpha": ALPHA,
        "outlier_layers": [layer_name(layer) for layer in plan.outliers],
        "per_token_sites": [str(site) for site in per_token],
        "float32_sites": sorted(str(site) for site in recipe.float_sites),
        "calibration": {
            "source": texts.source,
            "texts": calibrated,
            "sha256": hashlib.sha256("\n".join(texts.calibration).encode()).hexdigest(),
        },
    }


def write_manifest(
    checkpoint: Checkpoint,
    folder: Path,
    *,
    pooling: str,
    max_length: int,
    pairs: bool,
    token_layers: list[str],
    known_answers: Mapping[str, Any],
    reference: str,
    unknown_rates: Mapping[str, float],
    comparison: Comparison,
    quantization: Mapping[str, Any],
    fidelity: Mapping[str, Any],
    kernels_fidelity: Mapping[str, Any] | None,
) -> Manifest:
    """Write the model card and then the manifest, the last files of the artifact in `folder`; returns the manifest.

    `quantization` is empty for a float32 artifact.
    """
    manifest = Manifest(
        name=checkpoint.source,
        model_type=checkpoint.geometry.family.model_type,
        dim=checkpoint.dim(pooling),
        max_length=max_length,
        max_positions=checkpoint.geometry.positions,
        pooling=pooling,
        normalized=checkpoint.modules.normalized,
        precision="int8" if quantization else "fp32",
        casing=checkpoint.vocabulary.casing,
        prompts=checkpoint.modules.prompts.texts,
        default_prompt=checkpoint.modules.prompts.default,
        include_prompt=checkpoint.modules.include_prompt,
        pairs=pairs,
        token_layers=token_layers,
        token_dim=checkpoint.geometry.hidden_size if token_layers else 0,
        rules=[rule.record() for rule in checkpoint.rules],
        checkpoint={
            **checkpoint.identity(),
            "known_answers": known_answers,
            "unknown_per_thousand": unknown_rates,
            "reference": reference,
            "compared_with": comparison.record(),
        },
        versions=_versions(),
        quantization=quantization,
        fidelity=fidelity,
        kernels_fidelity=kernels_fidelity,
        files={},
    )
    write_model_card(folder, manifest)
    manifest = replace(manifest, files=_file_records(folder))
    manifest.write(folder)
    return manifest


def _versions() -> dict[str, str]:
    """Return the versions of the recorded packages that are installed."""
    return {name: version(name) for name in RECORDED_PACKAGES if any(Distribution.discover(name=name))}


def _file_records(folder: Path) -> dict[str, FileRecord]:
    paths = sorted(path for path in folder.rglob("*") if is_file(path))
    return {path.relative_to(folder).as_posix(): FileRecord.of(path) for path in paths}
