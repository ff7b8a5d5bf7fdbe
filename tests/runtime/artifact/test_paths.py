"""Which folders are artifacts, and which files belong to them: none that lies outside."""

import os
from collections.abc import Callable
from itertools import product
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder
from biobert_onnx.artifact.paths import ALL_GRAPH_FILES, PACKED_FILES, is_portable
from tests.support.damage import a_folder, a_link_to_outside, a_pipe, copied, edit_manifest, missing
from tests.support.texts import TEXTS


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no artifact folder at '.*nowhere'"):
        SentenceEncoder(tmp_path / "nowhere")


def test_a_file_is_told_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "blank.txt").touch()
    with pytest.raises(ArtifactError, match=r"blank\.txt' is a file, expected an artifact's folder: make one with"):
        SentenceEncoder(tmp_path / "blank.txt")


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


WINDOWS_READS_OTHERWISE = [
    "C:evil.bin", "C:/x", "c:", "\\\\server\\share", "\\evil.bin", "..\\evil.bin", "a/..\\..\\evil.bin",
    "NUL", "nul", "con.txt", "a/Aux.tar.gz", "COM1", "lpt9.bin", "COM¹", "PRN .txt", "CONOUT$",
    "weights.bin:stream", "weights.bin::$DATA", "weights.bin.", "weights.bin ", "a./b", "a /b", "...", "a/ ",
    "a*", "a?", "a|b", "<a>", '"a"',
]  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS_READS_OTHERWISE)
def test_a_name_that_windows_reads_otherwise_is_refused_on_every_system(folder: Path, name: str) -> None:
    assert not is_portable(name)
    edit_manifest(folder, "files", name, value={"size": 1, "sha256": ""})
    with pytest.raises(ArtifactError, match="outside the folder"):
        SentenceEncoder(folder)


@pytest.mark.parametrize("name", ["weights.bin:stream", "con.txt", "weights.bin.", "C:evil.bin"])
def test_such_a_name_is_refused_though_the_file_is_there(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"x")
    edit_manifest(folder, "files", name, value={"size": 1, "sha256": ""})
    with pytest.raises(ArtifactError, match="has a name that may lead outside the folder on Windows"):
        SentenceEncoder(folder)


ACCEPTED = ["a", "A.bin", ".hidden", "a b", "é", "コ", "null", "CON1", "com10", "aux-1", "a.con", "COM", "1_Pooling"]


def test_an_accepted_name_is_on_windows_a_file_in_the_folder_of_the_same_parts() -> None:
    root, parts = PureWindowsPath("D:/artifact"), [*ACCEPTED, *WINDOWS_READS_OTHERWISE]
    accepted = [name for name in (*parts, *map("/".join, product(parts, parts))) if is_portable(name)]
    assert accepted == [*ACCEPTED, *map("/".join, product(ACCEPTED, ACCEPTED))]
    for name in accepted:
        assert (root / name).relative_to(root).parts == PurePosixPath(name).parts


def test_the_names_in_an_artifact_are_names_on_every_system(artifact: Path) -> None:
    assert all(is_portable(name) for name in (*Manifest.read(artifact).files, *ALL_GRAPH_FILES, *PACKED_FILES))


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
