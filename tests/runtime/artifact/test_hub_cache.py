"""Artifacts in caches of huggingface_hub: every layout loads, and no other chain of links does."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from biobert_onnx import ArtifactError, SentenceEncoder
from biobert_onnx.artifact.paths import PACKED_FOLDER, PACKED_KEY, PACKED_WEIGHTS
from biobert_onnx.cli.main import main
from tests.runtime.artifact.test_damage import resealed
from tests.support.hub_cache import COMMIT, LAYOUTS, in_cache, link, snapshot_folder
from tests.support.systems import proc
from tests.support.texts import TEXTS


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_a_cache_gives_the_artifacts_bits(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, layout: str
) -> None:
    snapshot = in_cache(artifact, tmp_path / "hub", layout)
    with SentenceEncoder(snapshot, threads=2) as found:
        assert (found.encode(TEXTS) == encoder.encode(TEXTS)).all()
        assert (found.encode(TEXTS[:1]) == encoder.encode(TEXTS[:1])).all()  # alone: the session without packing


@pytest.mark.parametrize("layout", ["links", "store", "graphs in the store"])
def test_the_commands_take_a_snapshot_of_every_layout(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path, layout: str
) -> None:
    snapshot = in_cache(artifact, tmp_path / "hub", layout)
    assert [main([command, str(snapshot)]) for command in ("verify", "info", "prepack", "verify")] == [0, 0, 0, 0]
    assert (SentenceEncoder(snapshot).encode(TEXTS) == encoder.encode(TEXTS)).all()
    other = in_cache(artifact, tmp_path / "other", "copies")
    assert main(["prepack", str(other), "--quiet"]) == 0
    for name in (PACKED_WEIGHTS, PACKED_KEY):
        assert (snapshot / PACKED_FOLDER / name).read_bytes() == (other / PACKED_FOLDER / name).read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory map of the process")
def test_weights_in_the_store_are_mapped_and_not_copied(artifact: Path, tmp_path: Path) -> None:
    snapshot = in_cache(artifact, tmp_path / "hub", "store")
    encoder = SentenceEncoder(snapshot, threads=1)
    encoder.encode(TEXTS)
    stored = os.path.realpath(snapshot / "model.onnx_data")
    assert stored in proc("self/maps").read_text(encoding="utf-8")
    del encoder


def test_a_cache_behind_a_link_is_followed(artifact: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    in_cache(artifact, tmp_path / "disk" / "hub", "store")
    (tmp_path / "hub").symlink_to(tmp_path / "disk" / "hub")
    assert (SentenceEncoder(snapshot_folder(tmp_path / "hub")).encode(TEXTS[:2]) == encoder.encode(TEXTS[:2])).all()
    (tmp_path / "mine").symlink_to(snapshot_folder(tmp_path / "hub"))
    assert (SentenceEncoder(tmp_path / "mine").encode(TEXTS[:2]) == encoder.encode(TEXTS[:2])).all()


def test_a_download_into_a_folder_of_ones_own_is_an_artifact(
    artifact: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(artifact, tmp_path / "own"))
    notes = folder / ".cache" / "huggingface" / "download"  # what local_dir= leaves beside the files
    notes.mkdir(parents=True)
    (notes / "manifest.json.metadata").write_text(f"{COMMIT}\n{'0' * 40}\n1.0\n", encoding="utf-8")
    assert (SentenceEncoder(folder).encode(TEXTS[:2]) == encoder.encode(TEXTS[:2])).all()
    assert main(["verify", str(folder)]) == 0


def moved(snapshot: Path, folder: Path) -> Path:
    """The snapshot's links at another place, each to the blob that it led to."""
    for path in list(snapshot.rglob("*")):
        if path.is_symlink():
            link(folder / path.relative_to(snapshot), path.parent / path.readlink())
    return folder


@pytest.mark.parametrize(
    "place",
    [
        "elsewhere",
        f"models--someone--tiny/{COMMIT}",
        "models--someone--tiny/snapshots/main",
        f"models--someone--tiny/snapshots/{COMMIT}/{COMMIT}",
        f"models--someone--other/snapshots/{COMMIT}",
        f"someone--tiny/snapshots/{COMMIT}",
        f"hub/models--someone--tiny/snapshots/{COMMIT}",
    ],
)
def test_links_into_the_store_from_a_folder_that_is_no_snapshot_of_it_are_refused(
    artifact: Path, tmp_path: Path, place: str
) -> None:
    snapshot = in_cache(artifact, tmp_path / "hub", "store")
    with pytest.raises(ArtifactError, match=r"manifest\.json' leads outside the folder"):
        SentenceEncoder(moved(snapshot, tmp_path / "hub" / place))


def out_of_the_store(path: Path, blob: Path, real: Path) -> None:
    outside = real.parents[3] / "outside"
    shutil.copyfile(real, outside)
    link(blob, outside)


def beside_the_store(path: Path, blob: Path, real: Path) -> None:
    other = real.parents[2] / "blobs-of-mine" / real.parent.name / real.name
    other.parent.mkdir(parents=True)
    shutil.copyfile(real, other)
    link(blob, other)


def by_a_link_in_the_store(path: Path, blob: Path, real: Path) -> None:
    digest = hashlib.sha256(b"a link").hexdigest()
    link(real.parents[1] / digest[:2] / digest, real)
    link(blob, real.parents[1] / digest[:2] / digest)


def by_a_store_entry_that_leads_out(path: Path, blob: Path, real: Path) -> None:
    outside = real.parents[3] / "outside"
    real.rename(outside)
    link(real, outside)
    link(blob, real)


def under_another_prefix(path: Path, blob: Path, real: Path) -> None:
    other = real.parents[1] / ("00" if real.parent.name != "00" else "11") / real.name
    other.parent.mkdir(exist_ok=True)
    shutil.copyfile(real, other)
    link(blob, other)


def under_a_name_that_is_no_hash(path: Path, blob: Path, real: Path) -> None:
    other = real.with_name(real.name[:2] + "passwords")
    shutil.copyfile(real, other)
    link(blob, other)


def without_the_repositorys_link(path: Path, blob: Path, real: Path) -> None:
    path.unlink()
    link(path, real)


def by_one_link_more(path: Path, blob: Path, real: Path) -> None:
    link(blob.with_name("another"), real)
    link(blob, blob.with_name("another"))


def by_the_blob_of_another_repository(path: Path, blob: Path, real: Path) -> None:
    other = real.parents[2] / "models--someone--other" / "blobs" / blob.name
    link(other, real)
    path.unlink()
    link(path, other)


@pytest.mark.parametrize("name", ["manifest.json", "encoder.onnx", "model.onnx_data", "1_Pooling/config.json"])
@pytest.mark.parametrize(
    "lead",
    [
        out_of_the_store,
        beside_the_store,
        by_a_link_in_the_store,
        by_a_store_entry_that_leads_out,
        under_another_prefix,
        under_a_name_that_is_no_hash,
        without_the_repositorys_link,
        by_one_link_more,
        by_the_blob_of_another_repository,
    ],
)
def test_any_other_way_out_of_a_snapshot_is_refused(
    artifact: Path, tmp_path: Path, lead: Callable[[Path, Path, Path], None], name: str
) -> None:
    snapshot = in_cache(artifact, tmp_path / "hub", "store")
    path = snapshot / name
    blob, real = Path(os.path.normpath(path.parent / path.readlink())), Path(os.path.realpath(path))
    blob.unlink()
    lead(path, blob, real)
    assert path.is_file()
    with pytest.raises(ArtifactError, match=rf"{path.name}' leads outside the folder: do not use it"):
        SentenceEncoder(snapshot)


def test_a_graph_in_a_snapshot_whose_weights_have_another_name_is_refused(artifact: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(artifact, tmp_path / "artifact"))
    resealed(folder, "encoder.onnx", lambda content: content.replace(b"model.onnx_data", b"tokenizer.json1"))
    snapshot = in_cache(folder, tmp_path / "hub", "store")
    link(snapshot / "tokenizer.json1", Path(os.path.realpath(snapshot / "tokenizer.json")))
    with pytest.raises(ArtifactError, match=r"onnxruntime cannot load '.*encoder\.onnx'"):
        SentenceEncoder(snapshot, engine="onnxruntime")
