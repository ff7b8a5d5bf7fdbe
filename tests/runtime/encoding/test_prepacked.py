"""Packed weights: the same bits, used only where they fit, written whole or not at all."""

import json
import re
import shutil
from pathlib import Path

import pytest

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder
from biobert_onnx.artifact.paths import PACKED_FOLDER, PACKED_KEY, PACKED_WEIGHTS
from biobert_onnx.cli.main import main
from biobert_onnx.encoding.engines import prepack
from biobert_onnx.kernels.prepacked import fitting_weights
from tests.support.engines import needs_kernels
from tests.support.systems import proc
from tests.support.texts import TEXTS

pytestmark = needs_kernels

KEPT = Path(__file__).parents[2] / "data" / "format-2"
"""Artifacts that an older version wrote."""


@pytest.fixture
def copy(artifact: Path, tmp_path: Path) -> Path:
    return shutil.copytree(artifact, tmp_path / "copy", ignore=shutil.ignore_patterns(PACKED_FOLDER))


def mapped(path: Path) -> bool:
    return str(path) in proc("self/maps").read_text(encoding="utf-8")


def test_packed_weights_give_the_same_bits_and_are_mapped(copy: Path, encoder: SentenceEncoder) -> None:
    folder = prepack(copy)
    packed = SentenceEncoder(copy, threads=2)
    assert (packed.encode(TEXTS) == encoder.encode(TEXTS)).all()
    assert (packed.encode(TEXTS[:1]) == encoder.encode(TEXTS[:1])).all()
    assert mapped(folder / PACKED_WEIGHTS)


def test_packed_weights_may_lie_elsewhere(artifact: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    folder = prepack(artifact, tmp_path / "packed")
    packed = SentenceEncoder(artifact, prepacked=folder)
    assert (packed.encode(TEXTS) == encoder.encode(TEXTS)).all()
    assert mapped(folder / PACKED_WEIGHTS)


@pytest.mark.parametrize("name", ["artifact", "layout"])
def test_packed_weights_of_another_kind_are_left_alone(copy: Path, encoder: SentenceEncoder, name: str) -> None:
    folder = prepack(copy)
    content = json.loads((folder / PACKED_KEY).read_text())
    (folder / PACKED_KEY).write_text(json.dumps(content | {name: "another"}))
    assert fitting_weights(folder, Manifest.read(copy)) is None
    assert (SentenceEncoder(copy).encode(TEXTS) == encoder.encode(TEXTS)).all()
    assert not mapped(folder / PACKED_WEIGHTS)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sizes": 3}'])
def test_a_damaged_key_is_as_good_as_none(copy: Path, content: str) -> None:
    folder = prepack(copy)
    (folder / PACKED_KEY).write_text(content)
    assert fitting_weights(folder, Manifest.read(copy)) is None


def test_a_truncated_weights_file_is_not_used(copy: Path) -> None:
    folder = prepack(copy)
    (folder / PACKED_WEIGHTS).write_bytes((folder / PACKED_WEIGHTS).read_bytes()[:-1])
    assert fitting_weights(folder, Manifest.read(copy)) is None


def test_a_changed_weights_file_is_found_by_verify(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = prepack(copy) / PACKED_WEIGHTS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert main(["verify", str(copy)]) == 1
    assert f"'{path}' is not what prepack wrote: run prepack again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        (PACKED_WEIGHTS, b"x" * 100, r"has 100 bytes, expected \d+ bytes"),
        (PACKED_WEIGHTS, None, r"is missing, expected \d+ bytes"),
        (PACKED_KEY, b"{}", "is not what prepack wrote"),
        (PACKED_KEY, b"{", "is not what prepack wrote"),
        (PACKED_KEY, None, r"cannot be read \(.*\)"),
    ],
)
def test_what_is_not_whole_is_named_by_verify_and_info(
    copy: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, fault: str
) -> None:
    path = prepack(copy) / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    reason = f"'{re.escape(str(path))}' {fault}: run prepack again, or remove '{re.escape(str(path.parent))}'\n$"
    assert main(["verify", str(copy)]) == 1
    assert re.search(f"error: {reason}", capsys.readouterr().err)
    assert main(["info", str(copy)]) == 0
    assert re.search(f"not used: {reason}", capsys.readouterr().out)


def test_verify_and_info_say_that_weights_of_another_artifact_are_not_used(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = prepack(copy) / PACKED_KEY
    key.write_text(json.dumps(json.loads(key.read_text()) | {"layout": "another"}))
    line = f"{key.parent}: not used: made from another artifact, or by another version\n"
    for command in ("verify", "info"):
        assert main([command, str(copy)]) == 0
        assert line in capsys.readouterr().out


def test_two_prepacks_write_the_same_bytes(copy: Path, tmp_path: Path) -> None:
    first, second = prepack(copy), prepack(copy, tmp_path / "second")
    for name in (PACKED_WEIGHTS, PACKED_KEY):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_prepacking_again_replaces_and_never_replaces_anything_else(copy: Path, tmp_path: Path) -> None:
    first = prepack(copy)
    (first / "old").touch()
    assert not (prepack(copy) / "old").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError, match="is no folder of packed weights: choose a new folder"):
        prepack(copy, tmp_path / "mine")
    assert sorted(path.name for path in copy.iterdir() if path.name.startswith(".")) == []


def test_an_artifact_that_the_kernels_cannot_run_needs_no_packed_weights(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"needs no packed weights, as .* has precision fp32"):
        prepack(KEPT / "fp32", tmp_path / "packed")


def test_the_command_says_what_it_wrote_and_info_whether_it_is_used(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepack", str(copy)]) == 0
    assert "MiB, for every CPU that has a kernel" in capsys.readouterr().out
    assert main(["info", str(copy)]) == 0
    assert capsys.readouterr().out.endswith(f"{copy / PACKED_FOLDER}: used\n")
    assert main(["verify", str(copy)]) == 0
