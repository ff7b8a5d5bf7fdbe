"""Damaged artifacts give one ArtifactError that names the file."""

import json
import shutil
from pathlib import Path

import pytest

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder


@pytest.fixture
def folder(artifact: Path, tmp_path: Path) -> Path:
    """A copy of the artifact to damage."""
    return Path(shutil.copytree(artifact, tmp_path / "artifact"))


def edit_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no artifact folder at '.*nowhere'"):
        SentenceEncoder(tmp_path / "nowhere")


def test_a_folder_without_manifest_is_no_artifact(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match=r"holds no manifest\.json"):
        SentenceEncoder(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"format": 1}'])
def test_a_manifest_that_is_no_manifest_is_refused(folder: Path, content: str) -> None:
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ArtifactError, match=r"manifest\.json' cannot be read"):
        SentenceEncoder(folder)


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_another_format_is_refused(folder: Path, number: object) -> None:
    edit_manifest(folder, format=number)
    with pytest.raises(ArtifactError, match=r"format is .*, expected 1"):
        SentenceEncoder(folder)


@pytest.mark.parametrize("name", ["encoder.onnx", "model.onnx", "weights.bin", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name}' is missing"):
        SentenceEncoder(folder)


@pytest.mark.parametrize("name", ["encoder.onnx", "model.onnx", "weights.bin", "tokenizer.json"])
def test_a_truncated_file_is_named(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=rf"{name}' has \d+ bytes, expected"):
        SentenceEncoder(folder)


def test_one_flipped_bit_fails_the_check_of_contents(folder: Path) -> None:
    path = folder / "weights.bin"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    manifest = Manifest.read(folder)
    manifest.check_sizes(folder)
    with pytest.raises(ArtifactError, match=r"weights\.bin' has sha256"):
        manifest.check_contents(folder)


@pytest.mark.parametrize("name", ["../elsewhere", "/etc/hostname", "a/../../b"])
def test_a_manifest_that_names_a_file_outside_the_folder_is_refused(folder: Path, name: str) -> None:
    edit_manifest(folder, files={name: {"size": 1, "sha256": ""}})
    with pytest.raises(ArtifactError, match="outside the folder"):
        SentenceEncoder(folder)


@pytest.mark.parametrize(
    ("name", "message"), [("encoder.onnx", "onnxruntime cannot load"), ("tokenizer.json", "is no")]
)
def test_garbage_of_the_right_size_is_refused(folder: Path, name: str, message: str) -> None:
    path = folder / name
    path.write_bytes(b"\xff" * path.stat().st_size)
    with pytest.raises(ArtifactError, match=message):
        SentenceEncoder(folder)


def test_a_manifest_read_and_written_again_has_the_same_bytes(folder: Path) -> None:
    before = (folder / "manifest.json").read_bytes()
    Manifest.read(folder).write(folder)
    assert (folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"precision": "int8", "quantization": {"float32_sites": []}}, False),
        ({"precision": "int8", "quantization": {"float32_sites": ["encoder.layer.0.output"]}}, True),
        ({"precision": "fp32", "quantization": {}}, True),
    ],
)
def test_a_manifest_tells_whether_any_product_is_float32(
    folder: Path, changes: dict[str, object], expected: bool
) -> None:
    edit_manifest(folder, **changes)
    assert Manifest.read(folder).has_float32_products == expected
