"""The artifact's folder gets its name when it is whole, and never takes the place of another one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from biobert_onnx_export.publish.new_folder import new_folder


def test_the_folder_gets_its_name_at_the_end(tmp_path: Path) -> None:
    with new_folder(tmp_path / "artifact") as (work, folder):
        (folder / "file").touch()
        (work / "scratch").touch()
        assert not (tmp_path / "artifact").exists()
    assert list(tmp_path.rglob("*")) == [tmp_path / "artifact", tmp_path / "artifact" / "file"]


def test_an_error_in_the_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), new_folder(tmp_path / "artifact") as (_, folder):
        (folder / "file").touch()
        raise KeyError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_an_existing_target_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    target = tmp_path / "artifact"
    make(target)
    with pytest.raises(FileExistsError, match="artifact' exists: choose a new folder, or remove it first"):
        new_folder(target).__enter__()
    assert list(tmp_path.iterdir()) == [target]


def test_a_target_made_meanwhile_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "artifact"
    message = "was made by someone else meanwhile: choose a new folder"
    with pytest.raises(FileExistsError, match=message), new_folder(target):
        target.mkdir()
        (target / "theirs").touch()
    assert list(tmp_path.rglob("*")) == [target, target / "theirs"]
