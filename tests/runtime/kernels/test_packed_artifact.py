"""Packed artifacts: the bits of the artifact that they were made from, on the kernels, and on nothing else."""

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder
from biobert_onnx.artifact.manifest import FileRecord
from biobert_onnx.artifact.paths import ALL_GRAPH_FILES, PACKED_FILES, PACKED_FOLDER, PACKED_KEY, PACKED_WEIGHTS, PLAN
from biobert_onnx.catalog.models import find
from biobert_onnx.catalog.published import verify_known_answers
from biobert_onnx.cli.main import main
from biobert_onnx.encoding.engines import prepack
from biobert_onnx.errors import EngineError
from biobert_onnx.serving.settings import SettingError, open_encoder
from tests.support.damage import edit_manifest, emptied, missing, truncated
from tests.support.engines import NO_KERNELS, WITHOUT_KERNELS, needs_kernels
from tests.support.hub_cache import in_cache
from tests.support.packed_artifacts import packed
from tests.support.systems import proc
from tests.support.texts import TEXTS

pytestmark = needs_kernels


@pytest.fixture(scope="module")
def whole(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed artifact that no test changes."""
    return packed(artifact, tmp_path_factory.mktemp("packed") / "artifact")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "artifact"))


@pytest.fixture
def no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which no kernel runs."""
    for name, value in NO_KERNELS.items():
        monkeypatch.setenv(name, value)


def resealed(folder: Path, name: str, content: bytes) -> None:
    """Give the file `name` this content, and its manifest the record of it."""
    (folder / name).write_bytes(content)
    manifest = Manifest.read(folder)
    replace(manifest, files={**manifest.files, name: FileRecord.of(folder / name)}).write(folder)


def of_another_layout(folder: Path) -> Path:
    key = json.loads((folder / PACKED_FOLDER / PACKED_KEY).read_bytes())
    resealed(folder, f"{PACKED_FOLDER}/{PACKED_KEY}", json.dumps(key | {"layout": 99}).encode())
    return folder


def test_it_gives_the_bits_of_the_artifact_that_it_was_made_from(whole: Path, encoder: SentenceEncoder) -> None:
    found = SentenceEncoder(whole, threads=2)
    assert found.engine == "kernels"
    assert (found.encode(TEXTS) == encoder.encode(TEXTS)).all()
    assert (pickle.loads(pickle.dumps(found)).encode(TEXTS) == encoder.encode(TEXTS)).all()
    assert str(whole / PACKED_FOLDER / PACKED_WEIGHTS) in proc("self/maps").read_text(encoding="utf-8")


def test_it_holds_packed_weights_and_all_files_but_the_graphs_and_theirs(whole: Path, artifact: Path) -> None:
    manifest = Manifest.read(whole)
    assert manifest.is_packed and not Manifest.read(artifact).is_packed
    assert manifest.files.keys() == Manifest.read(artifact).files.keys() - set(ALL_GRAPH_FILES) | set(PACKED_FILES)
    found = {path.relative_to(whole).as_posix() for path in whole.rglob("*") if path.is_file()}
    assert found == {"manifest.json", *manifest.files}


def test_packing_an_artifact_again_gives_the_same_bytes(whole: Path, artifact: Path, tmp_path: Path) -> None:
    again = packed(artifact, tmp_path / "again")
    for name in ("manifest.json", *Manifest.read(whole).files):
        assert (again / name).read_bytes() == (whole / name).read_bytes()


def test_verify_and_info_accept_it(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(whole)]) == 0
    assert f"all {len(Manifest.read(whole).files)} files have the sha256" in capsys.readouterr().out
    assert main(["info", str(whole)]) == 0
    out = capsys.readouterr().out
    assert "\nengine here: kernels (" in out
    assert out.endswith(f"{whole / PACKED_FOLDER}: used\n")


@pytest.mark.parametrize("name", PACKED_FILES)
def test_one_changed_byte_is_found_by_verify(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert main(["verify", str(folder)]) == 1
    assert f"'{folder / name}' has sha256 " in capsys.readouterr().err


@pytest.mark.parametrize("damage", [missing, emptied, truncated])
@pytest.mark.parametrize("name", PACKED_FILES)
def test_a_file_of_another_size_is_found_at_load(folder: Path, name: str, damage: object) -> None:
    assert callable(damage)
    damage(folder / name)
    with pytest.raises(ArtifactError, match=f"{name}' .*: export or copy it again"):
        SentenceEncoder(folder)


@pytest.mark.parametrize("name", PACKED_FILES)
def test_a_manifest_that_lacks_one_of_its_files_is_refused(folder: Path, name: str) -> None:
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    del files[name]
    edit_manifest(folder, "files", value=files)
    with pytest.raises(ArtifactError, match=rf"files\.{name} is None, expected an object"):
        SentenceEncoder(folder)


def test_a_plan_that_the_weights_were_not_packed_for_is_refused(folder: Path) -> None:
    plan = json.loads((folder / PLAN).read_bytes())
    resealed(folder, PLAN, json.dumps(plan).encode())
    with pytest.raises(EngineError, match="because its packed weights are damaged, or made for another version"):
        SentenceEncoder(folder)


def test_packed_weights_of_another_version_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EngineError, match="because its packed weights are damaged, or made for another version"):
        SentenceEncoder(of_another_layout(folder))
    assert main(["verify", str(folder)]) == 1
    assert "holds packed weights of another version of biobert-onnx: bundle the artifact" in capsys.readouterr().err


def test_onnxruntime_is_refused_as_there_are_no_graphs(whole: Path) -> None:
    with pytest.raises(EngineError) as error:
        SentenceEncoder(whole, engine="onnxruntime")
    assert str(error.value) == (
        f"engine is 'onnxruntime', but it cannot run '{whole}' here, because a packed artifact has no graphs: leave "
        "engine= out to get the kernels"
    )
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


@pytest.mark.parametrize("engine", [None, "kernels"])
def test_where_no_kernel_runs_nothing_takes_over(whole: Path, no_kernels: None, engine: str | None) -> None:
    with pytest.raises(EngineError) as error:
        SentenceEncoder(whole, engine=engine)
    assert str(error.value) == (
        f"only the kernels run the packed artifact '{whole}', and they cannot here, because {WITHOUT_KERNELS}: take "
        "the artifact that it was made from, which onnxruntime runs, too"
    )


def test_where_no_kernel_runs_info_says_so(whole: Path, no_kernels: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(whole)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"engine here: none, as {WITHOUT_KERNELS}" in lines
    assert lines[-1] == f"{whole / PACKED_FOLDER}: not used: the kernels do not run here"


def test_a_server_that_is_to_run_onnxruntime_names_the_variable(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_ENGINE", "onnxruntime")
    with pytest.raises(SettingError) as error:
        open_encoder(whole)
    assert str(error.value) == (
        f"BIOBERT_ONNX_ENGINE is 'onnxruntime', but onnxruntime cannot run '{whole}' here, because a packed artifact "
        "has no graphs: unset it to get the kernels"
    )


@pytest.mark.parametrize("engine", ["", "kernels"])
def test_a_server_without_kernels_is_not_told_to_take_onnxruntime(
    whole: Path, no_kernels: None, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_ENGINE", engine)
    with pytest.raises(EngineError, match="only the kernels run the packed artifact"):
        open_encoder(whole)


def test_prepack_says_that_it_is_packed_already(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=rf"'{whole}' is packed already, in '{whole / PACKED_FOLDER}': use it as"):
        prepack(whole, tmp_path / "packed")
    assert not list(tmp_path.iterdir())


def test_it_runs_on_its_own_packed_weights(
    whole: Path, artifact: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    other = prepack(artifact, tmp_path / "other") / PACKED_WEIGHTS
    other.write_bytes(bytes(other.stat().st_size))
    assert (SentenceEncoder(whole, prepacked=other.parent).encode(TEXTS) == encoder.encode(TEXTS)).all()


@pytest.mark.parametrize("layout", ["links", "store", "copies"])
def test_a_snapshot_in_the_hubs_cache_gives_the_same_bits(
    whole: Path, encoder: SentenceEncoder, tmp_path: Path, layout: str
) -> None:
    snapshot = in_cache(whole, tmp_path / "hub", layout)
    assert (SentenceEncoder(snapshot).encode(TEXTS) == encoder.encode(TEXTS)).all()
    assert [main([command, str(snapshot)]) for command in ("verify", "info")] == [0, 0]


def test_a_link_of_its_weights_to_elsewhere_is_refused(folder: Path, tmp_path: Path) -> None:
    weights = folder / PACKED_FOLDER / PACKED_WEIGHTS
    weights.rename(tmp_path / "outside")
    weights.symlink_to(tmp_path / "outside")
    with pytest.raises(ArtifactError, match="leads outside the folder"):
        SentenceEncoder(folder)


def test_published_words_are_compared_with_its_vectors_of_tokens(whole: Path) -> None:
    model = find("biobert-v1.1")
    assert model is not None and model.words
    lines = list(verify_known_answers(whole, Manifest.read(whole), model))
    assert [line for line in lines if line.startswith(f"known answers of {model.name}, words: off by at most ")]


def test_numbers_published_of_its_model_that_need_the_graph_are_left_out_by_name(whole: Path) -> None:
    model = find("biobert-v1.1")
    assert model is not None and model.words
    manifest = replace(Manifest.read(whole), token_layers=[], token_dim=0)
    lines = list(verify_known_answers(whole, manifest, model))
    assert lines[0] == f"known answers of {model.name}, words: not compared, as a packed artifact has no model.onnx"
    assert not [line for line in lines[1:] if "words" in line]


def test_the_command_encodes_with_it(whole: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS if text.strip()), encoding="utf-8")
    assert main(["encode", str(whole), str(tmp_path / "texts.txt"), "-o", str(tmp_path / "out.npy"), "-q"]) == 0
    lines = (tmp_path / "texts.txt").read_text(encoding="utf-8").splitlines()
    assert (np.load(tmp_path / "out.npy") == encoder.encode(lines)).all()
