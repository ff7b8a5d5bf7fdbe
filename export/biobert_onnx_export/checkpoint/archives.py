"""Checkpoints in tar archives, as dmis-lab publishes them: unpacked into a temporary folder, or refused."""

import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from biobert_onnx._file_status import is_folder
from biobert_onnx.artifact.paths import leads_out
from biobert_onnx_export.checkpoint.file_kinds import check_content
from biobert_onnx_export.errors import CheckpointError

SUFFIXES = (".tar.gz", ".tgz", ".tar")

CONFIG = "bert_config.json"
"""The file that lies beside the weights in every archive of a BERT trained with TensorFlow, and only there."""

MAX_FILES = 1000
"""Files that one archive may hold."""

MAX_UNPACKED_BYTES = 8 * 2**30
"""Size of an archive's files together; BioBERT-Large with both slots of its optimizer for each weight takes 4.4 GB."""

READ_BYTES = 2**20
"""Bytes that one read takes."""


def is_archive(path: Path) -> bool:
    """Tell whether `path` has the name of an archive.

    >>> is_archive(Path("biobert_v1.1_pubmed.tar.gz")), is_archive(Path("biobert-v1.1"))
    (True, False)
    """
    return path.name.endswith(SUFFIXES)


def name_of(path: Path) -> str:
    """Return the name of the folder or archive at `path`, without the archive's suffix.

    >>> name_of(Path("downloads/biobert_v1.1_pubmed.tar.gz"))
    'biobert_v1.1_pubmed'
    """
    name = path.absolute().name
    return name.removesuffix(next((suffix for suffix in SUFFIXES if name.endswith(suffix)), ""))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield the checkpoint's folder: `path` itself if it is a folder, else a temporary one with the archive's files.

    Raises CheckpointError for an archive that is damaged or no archive at all, that holds anything but plain files
    below itself, more than MAX_FILES or more than MAX_UNPACKED_BYTES, or that does not hold exactly one checkpoint. The
    temporary folder is removed when the block ends.
    """
    if is_folder(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="biobert-onnx-") as scratch:
        _unpack(path, Path(scratch))
        yield _only_checkpoint(path, Path(scratch))


def _unpack(path: Path, folder: Path) -> None:
    check_content(path, may_be_empty=True)
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
    if leads_out(member.name):
        raise CheckpointError(f"'{path}' holds '{name}', outside of its own folder: do not use this archive")
    if not (member.isfile() or member.isdir()):
        raise CheckpointError(f"'{path}' holds '{name}', a link or a device, expected plain files: unpack it yourself")


def _check_size(path: Path, files: int, size: int) -> None:
    if files > MAX_FILES or size > MAX_UNPACKED_BYTES:
        raise CheckpointError(
            f"'{path}' holds more than {MAX_FILES} files or {MAX_UNPACKED_BYTES / 2**30:.0f} GiB: if that is right, "
            "unpack it yourself and give the folder"
        )


def _read_to_the_end(archive: tarfile.TarFile) -> None:
    """Read the rest of the archive after its last file, so that gzip compares its checksum."""
    while archive.fileobj and archive.fileobj.read(READ_BYTES):
        pass


def _only_checkpoint(path: Path, folder: Path) -> Path:
    folders = sorted(config.parent for config in folder.rglob(CONFIG))
    if not folders:
        raise CheckpointError(f"'{path}' holds no {CONFIG}: if it is a checkpoint, unpack it and give its folder")
    if len(folders) > 1:
        names = ", ".join(found.relative_to(folder).as_posix() for found in folders)
        raise CheckpointError(f"'{path}' holds {len(folders)} checkpoints, {names}: unpack it and give one's folder")
    return folders[0]
