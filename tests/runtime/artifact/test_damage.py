"""Every way an artifact's folder can be damaged: one ArtifactError that names the file, at load or in `verify`."""

import errno
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from biobert_onnx import ArtifactError, Manifest, SentenceEncoder
from biobert_onnx.artifact.manifest import FileRecord
from biobert_onnx.artifact.paths import PACKED_FOLDER, PACKED_KEY, PACKED_WEIGHTS
from biobert_onnx.cli.main import main
from biobert_onnx.encoding.engines import prepack
from tests.support.damage import (
    a_folder,
    a_link_to_itself,
    a_link_to_outside,
    a_pipe,
    copied,
    emptied,
    longer,
    missing,
    names,
    truncated,
)
from tests.support.engines import needs_kernels
from tests.support.systems import needs_users, proc
from tests.support.texts import TEXTS
from tests.support.users import any_user

READ = ("encoder.onnx", "model.onnx_data", "tokenizer.json")
"""What encoding reads beside the manifest."""


def verify(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that `verify` says of a damaged artifact."""
    assert main(["verify", str(folder)]) == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert captured.out == ""
    return line


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (missing, "is missing, expected"),
        (truncated, "bytes, expected"),
        (emptied, "has 0 bytes, expected"),
        (longer, "bytes, expected"),
        (a_folder, "is no file, expected"),
        (a_pipe, "is no file, expected"),
        (a_link_to_itself, "cannot be read (Too many levels of symbolic links), expected"),
        (a_link_to_outside, "leads outside the folder: do not use it, or copy the artifact without links"),
    ],
)
def test_a_file_that_is_not_there_as_it_was_is_named_at_load_and_in_verify(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], message: str
) -> None:
    for number, name in enumerate(names(artifact)):
        folder = copied(artifact, tmp_path / str(number) / "artifact")
        damage(folder / name)
        with pytest.raises(ArtifactError) as error:
            SentenceEncoder(folder)
        assert str(error.value).startswith(f"'{folder / name}' ") and message in str(error.value)
        assert verify(folder, capsys) == f"biobert-onnx: error: {error.value}"


def flipped(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


@pytest.mark.parametrize("share", [0, 0.5, 1], ids=["first", "middle", "last"])
def test_one_flipped_bit_in_any_file_is_found_by_verify(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], share: float
) -> None:
    for number, name in enumerate(names(artifact)):
        folder = copied(artifact, tmp_path / str(number))
        flipped(folder / name, int(share * (8 * (folder / name).stat().st_size - 1)))
        assert f"'{folder / name}' has sha256 " in verify(folder, capsys)


def test_one_flipped_bit_in_the_manifest_is_found_by_verify(folder: Path) -> None:
    path = folder / "manifest.json"
    content = path.read_bytes()
    for bit in random.Random(3).sample(range(8 * len(content)), 200):
        flipped(path, bit)
        with pytest.raises(ArtifactError, match=r"manifest\.json'"):
            Manifest.read(folder).check_contents(folder)
        path.write_bytes(content)
    Manifest.read(folder).check_contents(folder)


@pytest.fixture
def twin(folder: Path, tmp_path: Path) -> Path:
    """Another whole artifact of the same sizes: as two versions of a checkpoint have them."""
    twin = copied(folder, tmp_path / "twin")
    files = {}
    for name in names(folder):
        content = (twin / name).read_bytes()
        (twin / name).write_bytes(content[:-2] + b" " + content[-1:] if name != "model.onnx_data" else content[::-1])
        files[name] = FileRecord.of(twin / name)
    replace(Manifest.read(folder), files=files).write(twin)
    Manifest.read(twin).check_contents(twin)
    return twin


def test_a_file_of_another_artifact_of_the_same_sizes_is_found_by_verify(
    folder: Path, twin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in names(folder):
        own = (folder / name).read_bytes()
        shutil.copyfile(twin / name, folder / name)
        assert f"'{folder / name}' has sha256 " in verify(folder, capsys)
        (folder / name).write_bytes(own)


def test_the_manifest_of_another_artifact_is_found_by_verify(
    folder: Path, twin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copyfile(twin / "manifest.json", folder / "manifest.json")
    assert "has sha256 " in verify(folder, capsys)


def resealed(folder: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change a file, and the manifest with it, as somebody would who wants it to be believed."""
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(change(content))
    assert (folder / name).read_bytes() != content
    manifest = Manifest.read(folder)
    replace(manifest, files={**manifest.files, name: FileRecord.of(folder / name)}).write(folder)
    manifest.read(folder).check_contents(folder)


@pytest.mark.parametrize("place", [b"../outs.bin", b"/etc/passwd", b"outside.bin"])
def test_a_graph_whose_weights_lie_outside_the_folder_is_refused(folder: Path, tmp_path: Path, place: bytes) -> None:
    shutil.copyfile(folder / "model.onnx_data", tmp_path / "outs.bin")
    (folder / "outside.bin").symlink_to(tmp_path / "outs.bin")
    resealed(folder, "encoder.onnx", lambda content: content.replace(b"model.onnx_data", place))
    with pytest.raises(ArtifactError, match=r"onnxruntime cannot load '.*encoder\.onnx'"):
        SentenceEncoder(folder, engine="onnxruntime")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("encoder.onnx", lambda content: b"\xff" * len(content), r"onnxruntime cannot load '.*encoder\.onnx'"),
        ("encoder.onnx", lambda content: b"", r"onnxruntime cannot load '.*encoder\.onnx'"),
        ("encoder.onnx", lambda content: content.replace(b"embeddings", b"\xe1mbeddings"), "onnxruntime cannot load"),
        ("encoder.onnx", lambda content: content.replace(b"com.microsoft", b"com.someoneel"), "onnxruntime cannot"),
        ("encoder.onnx", lambda content: content.replace(b"input_ids", b"token_ids"), "takes token_ids and gives"),
        ("encoder.onnx", lambda content: content.replace(b"embeddings", b"embeddingz"), "expected input_ids and embed"),
        ("tokenizer.json", lambda content: b"\xff" * len(content), r"tokenizer\.json' is no tokenizer\.json"),
        ("tokenizer.json", lambda content: b"{}", r"tokenizer\.json' is no tokenizer\.json"),
        ("model.onnx_data", lambda content: content[:1000], r"onnxruntime cannot load '.*encoder\.onnx'"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_at_load_though_the_manifest_vouches_for_it(
    folder: Path, capfd: pytest.CaptureFixture[str], name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    resealed(folder, name, change)
    with pytest.raises(ArtifactError, match=message):
        SentenceEncoder(folder, engine="onnxruntime")
    assert capfd.readouterr() == ("", "")


@needs_kernels
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("plan.json", lambda content: b"\xff" * len(content), r"plan\.json' cannot be read"),
        ("plan.json", lambda content: b"[]", r"plan\.json' is no plan: export"),
        (
            "plan.json",
            lambda content: content.replace(b'"mean"', b'"max"'),
            r"has max pooling of .*, expected mean",
        ),
        ("model.onnx_data", lambda content: content[:1000], r"model\.onnx_data' ends at byte 1000, before .* does"),
    ],
)
def test_what_the_kernels_read_is_refused_at_load_though_the_manifest_vouches_for_it(
    folder: Path, capfd: pytest.CaptureFixture[str], name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    resealed(folder, name, change)
    with pytest.raises(ArtifactError, match=message):
        SentenceEncoder(folder)
    assert capfd.readouterr() == ("", "")


def test_a_manifest_of_another_dimension_than_the_graphs_is_refused_at_load(folder: Path) -> None:
    manifest = Manifest.read(folder)
    replace(manifest, dim=manifest.dim + 1).write(folder)
    with pytest.raises(ArtifactError, match=rf"embeddings of {manifest.dim + 1} dimensions, as the manifest says"):
        SentenceEncoder(folder, engine="onnxruntime")


@needs_kernels
def test_a_manifest_of_another_dimension_than_the_plan_is_refused_at_load(folder: Path) -> None:
    manifest = Manifest.read(folder)
    replace(manifest, dim=manifest.dim + 1).write(folder)
    with pytest.raises(ArtifactError, match=rf"expected mean pooling of {manifest.dim + 1} channels"):
        SentenceEncoder(folder)


DENIED = os.strerror(errno.EACCES)


@pytest.fixture
def foreign(artifact: Path) -> Iterator[Path]:
    """A copy of the artifact that any user may read, in a folder that any user can reach."""
    with tempfile.TemporaryDirectory(prefix="biobert-onnx-") as place:
        Path(place).chmod(0o755)
        yield copied(artifact, Path(place) / "artifact")
        Path(place, "artifact").chmod(0o755)


@needs_users
@pytest.mark.parametrize("name", ["manifest.json", *READ])
def test_a_file_that_may_not_be_read_is_named(foreign: Path, name: str) -> None:
    (foreign / name).chmod(0)
    with any_user(), pytest.raises(ArtifactError, match=rf"(?i){name}' cannot be read \(permission denied\)"):
        SentenceEncoder(foreign)


@needs_users
@pytest.mark.parametrize("command", ["verify", "info"])
def test_a_folder_that_may_not_be_entered_is_named(
    foreign: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    foreign.chmod(0)
    with any_user():
        with pytest.raises(ArtifactError, match=rf"cannot be read \({DENIED}\): change its permissions"):
            SentenceEncoder(foreign)
        assert main([command, str(foreign)]) == 1
        assert main([command, str(foreign / "artifact")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(DENIED in line for line in lines)


@needs_users
def test_a_folder_that_may_not_be_written_serves_all_the_same(
    foreign: Path, encoder: SentenceEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = encoder.encode(TEXTS)
    foreign.chmod(0o555)
    foreign.parent.chmod(0o555)
    with any_user():
        assert (SentenceEncoder(foreign).encode(TEXTS) == expected).all()
        assert [main([command, str(foreign)]) for command in ("verify", "info", "prepack")] == [0, 0, 1]
    (line,) = capsys.readouterr().err.splitlines()
    assert f"'{foreign / PACKED_FOLDER}' cannot be written ({DENIED}): make room or get permission there" in line


@pytest.mark.parametrize("damage", [missing, emptied, a_link_to_outside])
@needs_kernels
@pytest.mark.parametrize("name", [PACKED_KEY, PACKED_WEIGHTS])
def test_damaged_packed_weights_are_left_alone_at_load(
    folder: Path, encoder: SentenceEncoder, damage: Callable[[Path], None], name: str
) -> None:
    damage(prepack(folder) / name)
    served = SentenceEncoder(folder, threads=1)
    assert all((served.encode(TEXTS) == encoder.encode(TEXTS)).all() for _ in range(2))
    assert str(folder / PACKED_FOLDER) not in proc("self/maps").read_text(encoding="utf-8")


@needs_kernels
def test_one_flipped_bit_in_packed_weights_is_found_by_verify(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = prepack(folder) / PACKED_WEIGHTS
    flipped(path, 4 * path.stat().st_size)
    assert main(["verify", str(folder)]) == 1
    assert f"'{path}' is not what prepack wrote: run prepack again, or remove" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.replace(b"input_ids", b"token_ids"), r"tokens\.onnx' takes token_ids and gives"),
        (lambda content: content.replace(b"token_embeddings", b"token_embeddingz"), "expected input_ids and token_emb"),
        (lambda content: content.replace(b"token_embeddings", b"\xe1oken_embeddings"), "onnxruntime cannot load"),
        (lambda content: b"", "onnxruntime cannot load"),
    ],
)
def test_a_damaged_tokens_graph_is_an_artifact_error(
    folder: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    resealed(folder, "tokens.onnx", change)
    encoder = SentenceEncoder(folder, engine="onnxruntime")
    encoder.encode(["Sepsis"])
    with pytest.raises(ArtifactError, match=message):
        encoder.encode_tokens(["Sepsis"])
