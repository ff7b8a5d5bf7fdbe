"""Checkpoints in tar archives, as dmis-lab publishes them: unpacked into a temporary folder, or refused."""

import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from biobert_onnx_export.errors import CheckpointError

SUFFIXES = (".tar.gz", ".tgz", ".tar")

CONFIG = "bert_config.json"
"""Lies beside the weights in every archive of a BERT that TensorFlow trained, and in no other folder of it."""

MOST_FILES = 1000
MOST_BYTES = 8 * 2**30
"""BioBERT-Large with both of its optimizer's slots a weight takes 4.4 GB."""

CHUNK = 2**20


def is_archive(path: Path) -> bool:
    """Whether `path` is named like an archive of a checkpoint.

    >>> is_archive(Path("biobert_v1.1_pubmed.tar.gz")), is_archive(Path("biobert-v1.1"))
    (True, False)
    """
    return path.name.endswith(SUFFIXES)


def name_of(path: Path) -> str:
    """The name of the folder or archive at `path`, without the archive's suffix.

    >>> name_of(Path("downloads/biobert_v1.1_pubmed.tar.gz"))
    'biobert_v1.1_pubmed'
    """
    name = path.absolute().name
    return name.removesuffix(next((suffix for suffix in SUFFIXES if name.endswith(suffix)), ""))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """`path` itself if it is a folder; the checkpoint's folder inside the archive `path`, until the block ends.

    Raises CheckpointError for an archive that is damaged, holds anything but plain files below itself, more than
    MOST_FILES of them or MOST_BYTES, or not exactly one checkpoint. Nothing is left of it.
    """
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="biobert-onnx-") as scratch:
        _unpack(path, Path(scratch))
        yield _only_checkpoint(path, Path(scratch))


def _unpack(path: Path, folder: Path) -> None:
    files = size = 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                files, size = files + 1, size + member.size
                _check_member(path, member)
                _check_size(path, files, size)
                archive.extract(member, folder, filter="data")
            _read_to_the_end(archive)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise CheckpointError(f"'{path}' cannot be unpacked ({error}): download it again") from error


def _check_member(path: Path, member: tarfile.TarInfo) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise CheckpointError(f"'{path}' holds '{name}', outside of its own folder: do not use this archive")
    if not (member.isfile() or member.isdir()):
        raise CheckpointError(f"'{path}' holds '{name}', a link or a device, expected plain files: unpack it yourself")


def _check_size(path: Path, files: int, size: int) -> None:
    if files > MOST_FILES or size > MOST_BYTES:
        raise CheckpointError(
            f"'{path}' holds more than {MOST_FILES} files or {MOST_BYTES / 2**30:.0f} GiB: if that is right, unpack it "
            "yourself and give the folder"
        )


def _read_to_the_end(archive: tarfile.TarFile) -> None:
    """Read what follows the last file, so that gzip compares its checksum."""
    while archive.fileobj and archive.fileobj.read(CHUNK):
        pass


def _only_checkpoint(path: Path, folder: Path) -> Path:
    folders = sorted(config.parent for config in folder.rglob(CONFIG))
    if not folders:
        raise CheckpointError(f"'{path}' holds no {CONFIG}: if it is a checkpoint, unpack it and give its folder")
    if len(folders) > 1:
        names = ", ".join(found.relative_to(folder).as_posix() for found in folders)
        raise CheckpointError(f"'{path}' holds {len(folders)} checkpoints, {names}: unpack it and give one's folder")
    return folders[0]
