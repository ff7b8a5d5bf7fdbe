"""A full disk: the same one line from every command that writes files, and nothing stays."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.cli.command import refused
from tests.support.disks import small_disk
from tests.support.engines import needs_kernels

KIBIBYTES = [4, 300]
"""Room for a folder alone, and for some of the weights."""

FULL = "cannot be written (No space left on device): make room"


@needs_kernels
@pytest.mark.parametrize("kibibytes", KIBIBYTES)
def test_prepack_says_so(artifact: Path, tmp_path: Path, kibibytes: int) -> None:
    with small_disk(tmp_path, kibibytes) as disk:
        line = refused(1, "prepack", artifact, "--into", disk / "packed")
        assert line.startswith(f"biobert-onnx: error: '{disk / 'packed'}' {FULL}")
        assert list(disk.iterdir()) == []


@needs_kernels
@pytest.mark.skipif(
    sys.platform != "linux" or not find_spec("pip") or np.lib.NumpyVersion(np.__version__) < "2.0.0",
    reason="bundle needs Linux, pip and numpy 2",
)
@pytest.mark.parametrize("kibibytes", [*KIBIBYTES, 8_000])  # on the largest one, pip is what has no room
def test_bundle_says_so_of_the_folder_of_temporary_files(artifact: Path, tmp_path: Path, kibibytes: int) -> None:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", kibibytes) as disk:
        line = refused(1, "bundle", artifact, tmp_path / "f.zip", "--engine", "kernels", TMPDIR=str(disk))
        assert line.startswith(f"biobert-onnx: error: '{disk}/biobert-onnx-bundle-")
        assert "No space left on device): make room" in line.replace("OSError: [Errno 28] ", "")
        assert list(disk.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


@pytest.mark.parametrize("ending", [".npy", ".jsonl"])
def test_encode_says_so(artifact: Path, tmp_path: Path, ending: str) -> None:
    with small_disk(tmp_path, 4) as disk:
        line = refused(1, "encode", artifact, "-", "-o", disk / f"out{ending}", stdin=b"Sepsis\n" * 100)
        assert line.startswith(f"biobert-onnx: error: '{disk / 'out'}{ending}' {FULL}")
        assert list(disk.iterdir()) == []
