"""The artifact's folder: written under a hidden name, renamed when it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biobert_onnx._atomic_files import work_folder
from biobert_onnx._file_status import exists


@contextmanager
def new_folder(target: Path) -> Iterator[tuple[Path, Path]]:
    """Yield a work folder beside `target`, and a folder inside it that becomes `target` if the block ends well.

    The work folder is removed at the end. Raises FileExistsError if `target` exists, before or after the block.
    """
    if exists(target, follow_links=False):
        raise FileExistsError(f"'{target}' exists: choose a new folder, or remove it first")
    with work_folder(target) as work:
        folder = work / "artifact"
        folder.mkdir()
        yield work, folder
        _rename(folder, target)


def _rename(folder: Path, target: Path) -> None:
    """Rename `folder` to `target`; the system refuses to replace a folder that is not empty."""
    try:
        folder.rename(target)
    except OSError as error:
        if not exists(target):
            raise
        raise FileExistsError(f"'{target}' was made by someone else meanwhile: choose a new folder") from error
