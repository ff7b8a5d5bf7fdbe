"""Packed weights: the same bits, used only where they fit, written whole or not at all."""

import json
import shutil
from pathlib import Path

import pytest

from biobert_onnx import Manifest, SentenceEncoder
from biobert_onnx.artifact.paths import WEIGHTS
from biobert_onnx.cli.main import main
from biobert_onnx.encoding.engines import prepack
from biobert_onnx.kernels.prepacked import FOLDER, KEY, PACKED_WEIGHTS, fitting_weights
from tests.support.texts import TEXTS

CPUINFO = """processor	: 0
vendor_id	: AuthenticAMD
cpu family	: 26
flags		: avx2 avx512_vnni

processor	: 1
vendor_id	: Other
"""


@pytest.fixture
def copy(artifact: Path, tmp_path: Path) -> Path:
    return shutil.copytree(artifact, tmp_path / "copy", ignore=shutil.ignore_patterns(FOLDER))


def mapped(path: Path) -> bool:
    return str(path) in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_packed_weights_give_the_same_bits_and_are_mapped(copy: Path, encoder: SentenceEncoder) -> None:
    folder = prepack(copy)
    packed = SentenceEncoder(copy, threads=2)
    for _ in range(2):  # the first micro-batch runs on the plain graph
        assert (packed.encode(TEXTS) == encoder.encode(TEXTS)).all()
        assert (packed.encode(TEXTS[:1]) == encoder.encode(TEXTS[:1])).all()
    assert mapped(folder / WEIGHTS)


def test_packed_weights_may_lie_elsewhere(artifact: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    folder = prepack(artifact, tmp_path / "packed")
    packed = SentenceEncoder(artifact, prepacked=folder)
    assert (packed.encode(TEXTS) == encoder.encode(TEXTS)).all()
    assert mapped(folder / WEIGHTS)


@pytest.mark.parametrize("name", ["artifact", "onnxruntime", "cpu"])
def test_packed_weights_of_another_kind_are_left_alone(copy: Path, encoder: SentenceEncoder, name: str) -> None:
    folder = prepack(copy)
    content = json.loads((folder / KEY).read_text())
    (folder / KEY).write_text(json.dumps(content | {name: "another"}))
    assert fitting_graph(folder, Manifest.read(copy)) is None
    assert (SentenceEncoder(copy).encode(TEXTS) == encoder.encode(TEXTS)).all()
    assert not mapped(folder / WEIGHTS)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sizes": 3}'])
def test_a_damaged_key_is_as_good_as_none(copy: Path, content: str) -> None:
    folder = prepack(copy)
    (folder / KEY).write_text(content)
    assert fitting_graph(folder, Manifest.read(copy)) is None


def test_a_truncated_weights_file_is_not_used(copy: Path) -> None:
    folder = prepack(copy)
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1])
    assert fitting_graph(folder, Manifest.read(copy)) is None


def test_prepacking_again_replaces_and_never_replaces_anything_else(copy: Path, tmp_path: Path) -> None:
    first = prepack(copy)
    (first / "old").touch()
    assert not (prepack(copy) / "old").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError, match="is no folder of packed weights: choose a new folder"):
        prepack(copy, tmp_path / "mine")
    assert sorted(path.name for path in copy.iterdir() if path.name.startswith(".")) == []


def test_the_command_says_what_it_wrote_and_info_whether_it_is_used(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepack", str(copy)]) == 0
    assert "MiB for this onnxruntime version and this type of CPU" in capsys.readouterr().out
    assert main(["info", str(copy)]) == 0
    assert capsys.readouterr().out.endswith(f"{copy / FOLDER}: used\n")
    assert main(["verify", str(copy)]) == 0


def test_the_type_of_a_cpu_is_that_of_the_first_one(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    found = cpu_type(tmp_path / "cpuinfo")
    assert found == {"vendor_id": "AuthenticAMD", "cpu family": "26", "flags": "avx2 avx512_vnni"}
    assert cpu_type(tmp_path / "absent")
