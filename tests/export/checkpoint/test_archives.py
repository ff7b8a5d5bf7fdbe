"""Archives: unpacked where nothing can escape, bounded, removed; hostile and damaged ones leave nothing."""

import io
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.archives import MAX_FILES, MAX_UNPACKED_BYTES, unpacked

CONFIG = ("biobert/bert_config.json", b"{}")


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made; empty again after every test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def archive_of(path: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar"])
def test_the_folder_with_the_config_is_found_and_removed(tmp_path: Path, name: str) -> None:
    archive = archive_of(tmp_path / name, ("readme", b""), CONFIG, ("biobert/vocab.txt", b"[PAD]\n"))
    with unpacked(archive) as folder:
        assert (folder / "vocab.txt").read_bytes() == b"[PAD]\n"
    assert not folder.exists()


def test_a_folder_is_left_as_it_is(tmp_path: Path) -> None:
    with unpacked(tmp_path) as folder:
        assert folder == tmp_path
    assert tmp_path.is_dir()


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (("../escaped", b"x"), r"holds '\.\./escaped', outside"),
        (("biobert/../../escaped", b"x"), "outside of its own folder"),
        (("/tmp/escaped", b"x"), "holds '/tmp/escaped', outside"),
        (("C:escaped", b"x"), "holds 'C:escaped', outside"),
        (("biobert/nul.txt", b"x"), "holds 'biobert/nul.txt', outside"),
        (special("biobert/vocab.txt", tarfile.SYMTYPE, "/etc/passwd"), "a link or a device"),
        (special("biobert/vocab.txt", tarfile.LNKTYPE, "biobert/bert_config.json"), "a link or a device"),
        (special("biobert/vocab.txt", tarfile.CHRTYPE), "a link or a device"),
        (special("biobert/vocab.txt", tarfile.FIFOTYPE), "a link or a device"),
    ],
)
def test_what_is_no_plain_file_inside_the_archive_is_refused(
    tmp_path: Path, member: tarfile.TarInfo | tuple[str, bytes], message: str
) -> None:
    archive = archive_of(tmp_path / "hostile.tar.gz", CONFIG, member)
    with pytest.raises(CheckpointError, match=message), unpacked(archive):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"hostile.tar.gz", "scratch"}


def test_too_large_a_file_is_refused_before_it_is_written(tmp_path: Path) -> None:
    huge = tarfile.TarInfo("biobert/model.ckpt-1.data-00000-of-00001")
    huge.size = MAX_UNPACKED_BYTES
    archive = tmp_path / "huge.tar"
    archive.write_bytes(archive_of(tmp_path / "start.tar", CONFIG).read_bytes()[:1024] + huge.tobuf())
    with pytest.raises(CheckpointError, match=r"more than 1000 files or 8 GiB"), unpacked(archive):
        pass


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "many.tar", *((str(number), b"") for number in range(MAX_FILES + 1)))
    with pytest.raises(CheckpointError, match=r"more than 1000 files"), unpacked(archive):
        pass


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar"])
def test_a_truncated_archive_is_refused(tmp_path: Path, name: str) -> None:
    archive = archive_of(tmp_path / name, ("weights", bytes(range(256)) * 400), CONFIG)
    content = archive.read_bytes()
    for size in (0, 10, len(content) // 2):
        archive.write_bytes(content[:size])
        with pytest.raises(CheckpointError, match="cannot be unpacked"), unpacked(archive):
            pass


def test_a_damaged_checksum_of_gzip_is_found(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.tar.gz", CONFIG)
    content = bytearray(archive.read_bytes())
    content[-8] ^= 1
    archive.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cannot be unpacked .*CRC"), unpacked(archive):
        pass


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ((("vocab.txt", b""),), r"holds no bert_config\.json"),
        ((("a/bert_config.json", b"{}"), ("b/bert_config.json", b"{}")), "holds 2 checkpoints, a, b: unpack it"),
    ],
)
def test_an_archive_of_no_or_two_checkpoints_is_refused(
    tmp_path: Path, members: tuple[tuple[str, bytes], ...], message: str
) -> None:
    archive = archive_of(tmp_path / "a.tar.gz", *members)
    with pytest.raises(CheckpointError, match=message), unpacked(archive):
        pass
