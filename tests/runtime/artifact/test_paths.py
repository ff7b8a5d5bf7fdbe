"""Which folders are artifacts, and which files belong to them: none that lies outside."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder
from tests.support.damage import a_folder, a_link_to_outside, a_pipe, copied, edit_manifest, missing
from tests.support.texts import TEXTS


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no artifact folder at '.*nowhere'"):
        SentenceEncoder(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", [missing, a_folder, a_pipe])
def test_a_folder_without_manifest_is_no_artifact(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder / "manifest.json")
    with pytest.raises(ArtifactError, match=r"holds no manifest\.json"):
        SentenceEncoder(folder)


def test_a_manifest_behind_a_link_to_outside_is_refused(folder: Path) -> None:
    a_link_to_outside(folder / "manifest.json")
    with pytest.raises(ArtifactError, match=r"manifest\.json' leads outside the folder"):
        SentenceEncoder(folder)


@pytest.mark.parametrize("name", ["../elsewhere", "/etc/hostname", "a/../../b", "..", "x\0y", "\ud800"])
def test_a_manifest_that_names_a_file_outside_the_folder_is_refused(folder: Path, name: str) -> None:
    edit_manifest(folder, "files", name, value={"size": 1, "sha256": ""})
    with pytest.raises(ArtifactError, match="leads outside the folder"):
        SentenceEncoder(folder)


@pytest.mark.parametrize("name", ["", ".", "x" * 300])
def test_a_manifest_that_names_what_is_no_file_is_refused(folder: Path, name: str) -> None:
    edit_manifest(folder, "files", name, value={"size": 1, "sha256": ""})
    with pytest.raises(ArtifactError, match=r"expected 1 bytes: export or copy it again"):
        SentenceEncoder(folder)


def test_links_inside_the_folder_and_to_it_are_followed(folder: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    (folder / "model.onnx_data").rename(folder / "stored")
    (folder / "model.onnx_data").symlink_to("stored")
    (tmp_path / "link").symlink_to(folder)
    assert (SentenceEncoder(tmp_path / "link").encode(TEXTS) == encoder.encode(TEXTS)).all()
    Manifest.read(tmp_path / "link").check_contents(tmp_path / "link")


def test_a_snapshot_in_the_hubs_cache_whose_files_are_links_to_its_blobs_is_an_artifact(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    blobs, snapshot = tmp_path / "blobs", copied(artifact, tmp_path / "snapshots" / "0123abc")
    blobs.mkdir()
    for number, path in enumerate(sorted(path for path in snapshot.rglob("*") if path.is_file())):
        path.rename(blobs / str(number))
        path.symlink_to(os.path.relpath(blobs / str(number), path.parent))
    assert (SentenceEncoder(snapshot).encode(TEXTS) == encoder.encode(TEXTS)).all()
    Manifest.read(snapshot).check_contents(snapshot)
