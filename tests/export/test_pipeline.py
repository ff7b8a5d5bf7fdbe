"""An export as a whole: reproducible, gated, and without a trace when it fails."""

import errno
import filecmp
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx.comparison.agreement import Neighbourhood, centred_cosines
from biobert_onnx.encoding.engines import KERNELS
from biobert_onnx_export import CheckpointError, FidelityError, export
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.graph.artifact_graphs import write_graphs
from biobert_onnx_export.graph.network import float_plan
from biobert_onnx_export.graph.plan import sites
from biobert_onnx_export.reference.texts import TextSets
from tests.support.checkpoints import DIM, Tensors, copy_of, edit_json, transformers_vectors

EXPORT_ON_ONE_CPU = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from biobert_onnx_export import export
export(sys.argv[1], sys.argv[2])
"""


def test_two_exports_give_the_same_bytes_on_all_cpus_and_on_one(
    artifact: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    command = [sys.executable, "-c", EXPORT_ON_ONE_CPU, str(tiny_checkpoint), str(again)]
    subprocess.run(command, check=True, capture_output=True)
    names = [path.relative_to(artifact) for path in artifact.rglob("*") if path.is_file()]
    assert filecmp.cmpfiles(artifact, again, map(str, names), shallow=False) == (list(map(str, names)), [], [])


def test_the_manifest_says_what_was_made(artifact: Path, tiny_checkpoint: Path) -> None:
    manifest = Manifest.read(artifact)
    assert (manifest.name, manifest.dim, manifest.max_length, manifest.casing) == ("tiny", DIM, 128, "cased")
    assert (manifest.pooling, manifest.precision, manifest.normalized) == ("mean", "int8", False)
    assert manifest.quantization["recipe"] == "per-token"
    assert manifest.quantization["outlier_layers"] == ["encoder.layer.3"]
    assert manifest.quantization["per_token_sites"] == [str(site) for site in sites(4)]
    assert manifest.quantization["float32_sites"] == []
    assert set(manifest.fidelity) == {"gated", "general"}
    assert "model.safetensors" in manifest.checkpoint["weights"]


def test_the_folder_holds_what_the_manifest_lists_and_nothing_else(artifact: Path) -> None:
    found = {path.relative_to(artifact).as_posix() for path in artifact.rglob("*") if path.is_file()}
    assert found == {*Manifest.read(artifact).files, "manifest.json"}


@pytest.mark.filterwarnings("ignore::biobert_onnx.TruncationWarning")  # some texts are longer than this model
def test_int8_vectors_are_as_faithful_as_the_manifest_says(
    artifact: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    texts = TextSets.read(None).held_out["gated"]
    expected = transformers_vectors(tiny_checkpoint, texts, pooling="mean", lower_case=False, max_length=128)
    found = SentenceEncoder(artifact).encode(texts)
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    cosine = (found * expected).sum(axis=1) / norms
    manifest = Manifest.read(artifact)
    measured = manifest.kernels_fidelity if SentenceEncoder(artifact).engine == KERNELS else manifest.fidelity
    assert measured is not None
    record = measured["gated"]
    assert record["texts"] == len(texts)
    assert record["cosine_mean"] == pytest.approx(cosine.mean(), abs=2e-6)
    assert record["cosine_min"] == pytest.approx(cosine.min(), abs=2e-6)
    assert record["cosine_min"] >= 0.99
    neighbourhood = Neighbourhood.of(found, expected)
    assert record["neighbours_kept"] == pytest.approx(neighbourhood.neighbours_kept, abs=2e-3)
    assert record["rank_correlation"] == pytest.approx(neighbourhood.rank_correlation, abs=1e-5)
    assert record["centred_min"] == pytest.approx(centred_cosines(found, expected).min(), abs=1e-5)


def test_a_gate_that_no_recipe_passes_leaves_nothing(tiny_checkpoint: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(FidelityError, match=r"no recipe keeps .* 0\.99999999 .* lower min_cosine="):
        export(tiny_checkpoint, tmp_path / "artifact", min_cosine=0.99999999, progress=lines.append)
    assert list(tmp_path.iterdir()) == []
    assert [line for line in lines if line.startswith("measuring")] == [
        "measuring the recipe per-token",
        "measuring the recipe per-token+fp32-25%",
        "measuring the recipe per-token+fp32-50%",
    ]


def test_a_more_careful_recipe_passes_where_the_first_fails(
    artifact: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    first = Manifest.read(artifact).fidelity["gated"]["cosine_min"]
    manifest = export(tiny_checkpoint, tmp_path / "artifact", min_cosine=first + 1e-5)
    assert manifest.quantization["recipe"].startswith("per-token+fp32-")
    assert manifest.fidelity["gated"]["cosine_min"] > first
    encoder = SentenceEncoder(tmp_path / "artifact", threads=2)
    once, *again = (encoder.encode(["A text."]) for _ in range(3))
    assert all((vectors == once).all() for vectors in again)


def test_a_calibration_file_is_split_into_calibrated_and_gated(tiny_checkpoint: Path, tmp_path: Path) -> None:
    lines = [f"Sample {index} of {index * index} cells, kept at {index} °C." for index in range(41)]
    (tmp_path / "own.txt").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    manifest = export(tiny_checkpoint, tmp_path / "artifact", calibration=tmp_path / "own.txt")
    assert {name: record["texts"] for name, record in manifest.fidelity.items()} == {
        "gated": 20,
        "bundled": 205,
        "general": 60,
    }
    assert manifest.quantization["calibration"]["source"] == "own.txt"
    assert manifest.quantization["calibration"]["texts"] == 21 + 13


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"one\ntwo\n", "has 2 texts, expected at least 20"),
        (b"\xff\n" * 30, "UTF-8"),
        (None, re.escape(os.strerror(errno.ENOENT))),
    ],
)
def test_a_calibration_file_of_no_use_is_refused(
    tiny_checkpoint: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "own.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        export(tiny_checkpoint, tmp_path / "artifact", calibration=tmp_path / "own.txt")
    assert not (tmp_path / "artifact").exists()


def test_an_existing_target_is_refused_and_untouched(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "artifact").mkdir()
    with pytest.raises(FileExistsError, match="artifact' exists"):
        export(tiny_checkpoint, tmp_path / "artifact")
    assert list(tmp_path.rglob("*")) == [tmp_path / "artifact"]


def test_a_target_made_meanwhile_is_left_alone(tiny_checkpoint: Path, tmp_path: Path) -> None:
    target = tmp_path / "artifact"

    def someone_else(message: str) -> None:
        target.mkdir(exist_ok=True)
        (target / "theirs").touch()

    with pytest.raises(FileExistsError, match="was made by someone else meanwhile: choose a new folder"):
        export(tiny_checkpoint, target, precision="fp32", progress=someone_else)
    assert list(tmp_path.iterdir()) == [target]
    assert list(target.iterdir()) == [target / "theirs"]


def without_hidden_states(tensors: Tensors) -> Tensors:
    """The last LayerNorm gives zeros, so nothing can be compared with them."""
    names = ("encoder.layer.3.output.LayerNorm.weight", "encoder.layer.3.output.LayerNorm.bias")
    return tensors | {name: tensors[name] * 0 for name in names}


def without_pooler_outputs(tensors: Tensors) -> Tensors:
    """The pooler gives zeros."""
    return tensors | {name: tensors[name] * 0 for name in ("pooler.dense.weight", "pooler.dense.bias")}


FIRST_CHECK_OF_HIDDEN_STATES = (
    "optimum's graph differs from PyTorch by nan .* install the versions of constraints"
    if find_spec("optimum") is not None
    else r"the float32 encoder\.onnx differs from the reference by nan .* report it as a fault"
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_hidden_states, FIRST_CHECK_OF_HIDDEN_STATES),
        (
            without_pooler_outputs,
            r"the float32 encoder\.onnx differs from the reference by nan .* report it as a fault",
        ),
    ],
)
def test_a_checkpoint_whose_vectors_are_zero_leaves_nothing(
    tiny_checkpoint: Path, tmp_path: Path, change: Callable[[Tensors], Tensors], message: str
) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "zeros", change)
    with pytest.raises(FidelityError, match=message):
        export(folder, tmp_path / "artifact", precision="fp32", pooling="pooler")
    assert list(tmp_path.iterdir()) == [folder]


def test_graphs_that_do_not_agree_leave_nothing(tiny_checkpoint: Path, tmp_path: Path) -> None:
    source = Checkpoint.read(str(tiny_checkpoint))
    (tmp_path / "other").mkdir()
    write_graphs(source, float_plan(source), tmp_path / "other", pooling="cls")

    def damage(line: str) -> None:
        """Put the model.onnx of another pooling in the artifact's place before the last checks."""
        if line == "checking and writing the artifact":
            (model,) = tmp_path.glob(".artifact.*/artifact/model.onnx")
            model.write_bytes((tmp_path / "other" / "model.onnx").read_bytes())

    message = r"model\.onnx has a mean cosine of 0\.\d+ to the reference, and encoder\.onnx 1\.0+: report it as a fault"
    with pytest.raises(FidelityError, match=message):
        export(tiny_checkpoint, tmp_path / "artifact", precision="fp32", progress=damage)
    assert list(tmp_path.iterdir()) == [tmp_path / "other"]


def test_a_target_in_a_missing_folder_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        export(tiny_checkpoint, tmp_path / "nowhere" / "artifact")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"precision": "int4"}, "precision is 'int4', expected one of int8, fp32"),
        ({"pooling": "median"}, "pooling is 'median', expected one of cls, max, mean"),
        ({"max_length": 129}, "max_length is 129, expected 3 to 128"),
        ({"max_length": 0}, "max_length is 0, expected 3 to 128"),
        ({"min_cosine": 1.5}, "min_cosine is 1.5, expected -1 to 1"),
        ({"min_neighbours": 90}, "min_neighbours is 90, expected 0 to 1"),
        ({"min_neighbours": -0.1}, "min_neighbours is -0.1, expected 0 to 1"),
        ({"min_neighbours": float("nan")}, "min_neighbours is nan, expected 0 to 1"),
    ],
)
def test_options_out_of_range_are_refused_and_leave_nothing(
    tiny_checkpoint: Path, tmp_path: Path, option: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        export(tiny_checkpoint, tmp_path / "artifact", **option)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_an_unknown_family_leaves_nothing(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "modernbert")
    edit_json(folder / "config.json", model_type="modernbert")
    with pytest.raises(CheckpointError, match="only encoders"):
        export(folder, tmp_path / "artifact")
    assert list(tmp_path.iterdir()) == [folder]


def test_the_command_shows_progress_and_one_line_for_a_mistake(tiny_checkpoint: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "biobert_onnx", "export", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=os.environ)

    done = run(tiny_checkpoint, tmp_path / "artifact", "--precision", "fp32", "--pooling", "cls", "--max-length", "64")
    assert done.returncode == 0, done.stderr
    assert "taking the vectors of the float32 reference" in done.stderr
    assert "pooling: cls (by --pooling)" in done.stderr and "max_length: 64 (by --max-length)" in done.stderr
    assert "cls pooling" in done.stdout and "texts cut to 64 tokens" in done.stdout
    for arguments, code in (
        ((tiny_checkpoint, tmp_path / "artifact"), 2),
        (("dmis-lab/biobert-v1.1", tmp_path / "other"), 1),
        (("nowhere", tmp_path / "other"), 2),
        ((tiny_checkpoint / "config.json", tmp_path / "other"), 2),
    ):
        done = run(*arguments)
        errors = [line for line in done.stderr.splitlines() if line.startswith("biobert-onnx: error:")]
        assert (done.returncode, len(errors)) == (code, 1), done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artifact"]


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, biobert_onnx_export; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "optimum"} & set(done.stdout.split())
