"""Exports that are killed, run out of room, may not write or race another one: a whole artifact or none."""

import errno
import os
import signal
import tempfile
from pathlib import Path

import pytest

from biobert_onnx import Manifest
from biobert_onnx_export import export
from tests.support.disks import small_disk
from tests.support.exports import Export
from tests.support.users import any_user

STEPS = 6
"""The fewest steps that an export reports."""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 2, 4, STEPS])
def test_a_killed_export_leaves_no_target(tiny_checkpoint: Path, tmp_path: Path, step: int, number: int) -> None:
    running = Export(tiny_checkpoint, tmp_path / "artifact")
    for _ in range(step):
        assert running.step()
    assert running.process.pid is not None
    os.kill(running.process.pid, number)
    assert running.outcome()[0] == -number
    assert not (tmp_path / "artifact").exists()
    assert all(path.name.startswith(".artifact.") for path in tmp_path.iterdir())


def test_an_export_after_a_killed_one_succeeds(tiny_checkpoint: Path, tmp_path: Path) -> None:
    running = Export(tiny_checkpoint, tmp_path / "artifact")
    running.step()
    running.process.kill()
    running.outcome()
    assert Export(tiny_checkpoint, tmp_path / "artifact").outcome()[0] == 0
    Manifest.read(tmp_path / "artifact").check_contents(tmp_path / "artifact")


def test_of_two_exports_to_one_target_one_succeeds(tiny_checkpoint: Path, tmp_path: Path) -> None:
    both = [Export(tiny_checkpoint, tmp_path / "artifact") for _ in range(2)]
    outcomes = sorted((each.outcome() for each in both), key=lambda outcome: str(outcome[0]))
    assert [code for code, _ in outcomes] == [0, 1]
    error = str(outcomes[1][1])
    assert error.startswith("FileExistsError: ")
    assert "choose a new folder" in error
    Manifest.read(tmp_path / "artifact").check_contents(tmp_path / "artifact")
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


@pytest.mark.parametrize("largest", [0, 1000, 100_000, 400_000, 1_000_000])
def test_an_export_over_the_file_size_limit_leaves_nothing(tiny_checkpoint: Path, tmp_path: Path, largest: int) -> None:
    code, error = Export(tiny_checkpoint, tmp_path / "artifact", largest=largest).outcome()
    assert f"'{tmp_path / 'artifact'}' cannot be written ({os.strerror(errno.EFBIG)})" in str(error)
    assert code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kibibytes", [100, 2000, 4000, 5000])
def test_an_export_to_a_full_disk_leaves_nothing(tiny_checkpoint: Path, tmp_path: Path, kibibytes: int) -> None:
    with small_disk(tmp_path, kibibytes) as disk:
        code, error = Export(tiny_checkpoint, disk / "artifact").outcome()
        assert "artifact' cannot be written (No space left on device)" in str(error)
        assert code == 1
        assert list(disk.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "setresuid"), reason="this system has no users to change to")
def test_an_export_into_a_read_only_folder_is_refused(tiny_checkpoint: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="biobert-onnx-") as place:
        Path(place).chmod(0o555)
        with (
            any_user(),
            pytest.raises(PermissionError, match=rf"artifact' cannot be written \({os.strerror(errno.EACCES)}\)"),
        ):
            export(tiny_checkpoint, Path(place) / "artifact")
        assert list(Path(place).iterdir()) == []
