"""From a checkpoint to an artifact: the steps in order, in a temporary folder that is renamed at the end."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from biobert_onnx._atomic_files import work_folder
from biobert_onnx.artifact.manifest import FileRecord, Manifest
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.gate import Report, write_faithful_graphs
from biobert_onnx_export.graph.artifact_graphs import write_calibration_graph, write_graphs
from biobert_onnx_export.graph.bert import float_plan
from biobert_onnx_export.graph.matmul import RowSite
from biobert_onnx_export.publish.model_card import write_model_card
from biobert_onnx_export.publish.side_files import write_side_files
from biobert_onnx_export.quantize.calibration import calibrate
from biobert_onnx_export.quantize.quantized_plan import ALPHA, WEIGHT_BITS
from biobert_onnx_export.reference.known_answers import known_answers
from biobert_onnx_export.reference.targets import Yardstick
from biobert_onnx_export.reference.texts import TextSets

PRECISIONS = ("int8", "fp32")
MIN_COSINE = 0.99

RECORDED = ("biobert-onnx", "numpy", "onnx", "onnxruntime", "optimum-onnx", "tokenizers", "torch", "transformers")
"""Distributions whose versions decide the artifact's bytes."""


def export(
    checkpoint: str | os.PathLike[str],
    artifact: str | os.PathLike[str],
    *,
    pooling: str | None = None,
    precision: str = "int8",
    max_length: int | None = None,
    calibration: str | os.PathLike[str] | None = None,
    min_cosine: float = MIN_COSINE,
    revision: str | None = None,
    token: str | None = None,
    report: Report = lambda message: None,
) -> Manifest:
    """Write the artifact of `checkpoint` (folder, archive, Hub id or name) to the new folder `artifact`.

    Returns its manifest.

    `pooling`: mean, cls or pooler; None takes the checkpoint's own, else mean.
    `precision`: int8 or fp32.
    `max_length`: tokens that texts are cut to; None takes the checkpoint's own limit.
    `calibration`: a text file, one text a line, whose odd lines calibrate and whose even lines are reported on; None
    takes the bundled biomedical text.
    `min_cosine`: least cosine to the float32 reference allowed for any text of the report.
    `report` is called with one line at the start of each step.

    Raises FileExistsError if `artifact` exists, CheckpointError for the checkpoint, FidelityError if no recipe keeps
    `min_cosine`, ValueError for other arguments. On any error nothing is left.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}, expected one of {', '.join(PRECISIONS)}")
    if not -1 <= min_cosine <= 1:
        raise ValueError(f"min_cosine is {min_cosine}, expected -1 to 1")
    texts = TextSets.read(None if calibration is None else Path(calibration))
    with _new_folder(Path(artifact)) as (work, folder):
        report("reading the checkpoint")
        source = Checkpoint.read(os.fspath(checkpoint), revision=revision, token=token)
        pooling, max_length = source.pooling(pooling), source.max_length(max_length)
        report("converting the float32 reference and taking its vectors")
        yardstick = Yardstick.make(source, texts, work, pooling=pooling, max_length=max_length)
        report("building the float32 graph")
        write_graphs(source, float_plan(source), folder, pooling=pooling)
        yardstick.check_parity(folder)
        answers = known_answers(source, folder, report=report)
        quantization: Mapping[str, Any] = {}
        if precision == "int8":
            quantization = _quantize(source, texts, yardstick, work, folder, min_cosine=min_cosine, report=report)
        report("checking and writing the artifact")
        yardstick.check_graphs(folder)
        write_side_files(source, folder, pooling=pooling, max_length=max_length)
        return _write_manifest(
            source, yardstick, folder, max_length=max_length, quantization=quantization, answers=answers
        )


def _quantize(
    source: Checkpoint,
    texts: TextSets,
    yardstick: Yardstick,
    work: Path,
    folder: Path,
    *,
    min_cosine: float,
    report: Report,
) -> dict[str, Any]:
    """Write the int8 graphs of the first recipe that passes the gate into `folder`; returns the manifest's record."""
    report("calibrating")
    graph, site_outputs = write_calibration_graph(source, work)
    statistics = calibrate(graph, site_outputs, yardstick.calibration, threads=usable_cpus())
    recipe, plan = write_faithful_graphs(source, statistics, yardstick, folder, min_cosine=min_cosine, report=report)
    return {
        "recipe": recipe.name,
        "weight_bits": WEIGHT_BITS,
        "smoothing_alpha": ALPHA,
        "outlier_layers": list(plan.outliers),
        "row_sites": [site for site, how in plan.sites.items() if isinstance(how, RowSite)],
        "float32_sites": sorted(recipe.floats),
        "calibration": {
            "source": texts.source,
            "texts": len(texts.calibration),
            "sha256": hashlib.sha256("\n".join(texts.calibration).encode()).hexdigest(),
        },
    }


def _write_manifest(
    source: Checkpoint,
    yardstick: Yardstick,
    folder: Path,
    *,
    max_length: int,
    quantization: Mapping[str, Any],
    answers: Mapping[str, Any],
) -> Manifest:
    """Write model card and manifest, the last files of the artifact in `folder`; returns the manifest."""
    manifest = Manifest(
        name=source.source,
        dim=yardstick.dim,
        max_length=max_length,
        max_positions=source.geometry.max_position_embeddings,
        pooling=yardstick.pooling,
        normalized=source.modules.normalized,
        precision="int8" if quantization else "fp32",
        casing=source.vocabulary.casing,
        checkpoint={**source.identity(), "known_answers": answers},
        versions={name: version(name) for name in RECORDED},
        quantization=quantization,
        fidelity=yardstick.fidelity(folder),
        files={},
    )
    write_model_card(folder, manifest)
    manifest = replace(manifest, files=_file_records(folder))
    manifest.write(folder)
    return manifest


def _file_records(folder: Path) -> dict[str, FileRecord]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): FileRecord.of(path) for path in paths}


@contextmanager
def _new_folder(target: Path) -> Iterator[tuple[Path, Path]]:
    """A scratch folder beside `target`, and a folder inside it that becomes `target` if the block ends well."""
    if target.exists() or target.is_symlink():
        raise FileExistsError(f"'{target}' exists: choose a new folder, or remove it first")
    with work_folder(target) as work:
        folder = work / "artifact"
        folder.mkdir()
        yield work, folder
        _rename(folder, target)


def _rename(folder: Path, target: Path) -> None:
    """Give `folder` the name `target`; a folder that is not empty cannot be replaced, whoever comes last."""
    try:
        folder.rename(target)
    except OSError as error:
        if not target.exists():
            raise
        raise FileExistsError(f"'{target}' was made by someone else meanwhile: choose a new folder") from error
