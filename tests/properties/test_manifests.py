"""Any manifest is read, or refused by one ArtifactError that names the file; so it is by every command."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biobert_onnx import ArtifactError, Manifest
from biobert_onnx.cli.main import main
from tests.properties.strategies import altered, damaged, json_values, nestings


@pytest.fixture(scope="module")
def folder(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the artifact, whose manifest each example overwrites."""
    return Path(shutil.copytree(artifact, tmp_path_factory.mktemp("fuzz") / "artifact"))


def check(folder: Path, content: bytes) -> None:
    """Read the manifest `content` as the runtime does and as `info` and `verify` do."""
    (folder / "manifest.json").write_bytes(content)
    try:
        Manifest.read(folder).check_sizes(folder)
    except ArtifactError as error:
        assert f"'{folder}" in str(error)
        expected = {1}
    else:
        expected = {0, 1}
    assert main(["info", str(folder)]) in expected
    assert main(["verify", str(folder)]) in expected


def sealed(content: object) -> bytes:
    """`content` with a right sha256 of its own, as somebody would write it who wants it to be believed."""
    text = json.dumps({**content, "sha256": "0" * 64} if isinstance(content, dict) else content)
    return text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1).encode()


@given(content=st.one_of(st.binary(), json_values.map(sealed), nestings.map(str.encode)))
def test_what_is_no_manifest_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"manifest\.json'"):
        Manifest.read(folder)
    assert main(["verify", str(folder)]) == 1


@given(data=st.data())
def test_a_manifest_with_damaged_bytes_is_never_verified(artifact: Path, folder: Path, data: st.DataObject) -> None:
    original = (artifact / "manifest.json").read_bytes()
    content = data.draw(damaged(original))
    check(folder, content)
    assert main(["verify", str(folder)]) == (0 if content == original else 1)


@given(data=st.data())
def test_a_manifest_with_one_other_value_is_refused_or_told_of(
    artifact: Path, folder: Path, data: st.DataObject
) -> None:
    original = json.loads((artifact / "manifest.json").read_bytes())
    check(folder, sealed(data.draw(altered(original))))


def test_a_manifest_with_one_flipped_bit_is_never_verified(artifact: Path, folder: Path) -> None:
    content = bytearray((artifact / "manifest.json").read_bytes())
    for bit in range(0, 8 * len(content), max(1, 4000 // settings().max_examples)):
        content[bit // 8] ^= 1 << bit % 8
        (folder / "manifest.json").write_bytes(content)
        with pytest.raises(ArtifactError, match=r"manifest\.json'"):
            Manifest.read(folder).check_contents(folder)
        content[bit // 8] ^= 1 << bit % 8
