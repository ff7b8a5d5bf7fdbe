"""Files under a name that is not theirs: named for what they are, with what to do."""

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.archives import unpacked
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.file_kinds import check_content
from biobert_onnx_export.errors import listed
from tests.support.folders import UNCASED, write_checkpoint, write_json

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 433264448\n"
PAGE = "<!DOCTYPE html>\n<html><head><style>p {}</style></head><body>Access is <b>restricted</b></body></html>\n"

WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
    "model.ckpt-1.index",
)


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


def with_weights_of(folder: Path, name: str, content: str) -> Path:
    """The file `name` in `folder`, the only one of weights, with `content`."""
    (folder / "model.safetensors").unlink()
    (folder / name).write_text(content)
    return folder / name


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_pointer_in_place_of_weights_says_git_lfs_pull(folder: Path, name: str) -> None:
    path = with_weights_of(folder, name, POINTER)
    with pytest.raises(CheckpointError, match="git lfs pull") as raised:
        Checkpoint.read(str(folder))
    assert str(path) in str(raised.value) and "433,264,448 bytes" in str(raised.value)
    assert "weights_only" not in str(raised.value)


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_page_in_place_of_weights_is_shown(folder: Path, name: str) -> None:
    path = with_weights_of(folder, name, PAGE)
    with pytest.raises(CheckpointError, match="a web page that begins with 'Access is restricted'") as raised:
        Checkpoint.read(str(folder))
    assert str(path) in str(raised.value) and "weights_only" not in str(raised.value)


@pytest.mark.parametrize("name", WEIGHTS)
def test_empty_weights_are_named(folder: Path, name: str) -> None:
    with_weights_of(folder, name, "")
    with pytest.raises(CheckpointError, match=rf"{name}' cannot be read \(it is empty\): download it again"):
        Checkpoint.read(str(folder))


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
@pytest.mark.parametrize(("content", "message"), [(POINTER, "git lfs pull"), (PAGE, "web page"), ("", "empty")])
def test_a_shard_that_is_none_is_named(folder: Path, kind: str, content: str, message: str) -> None:
    stem = "model" if kind == "safetensors" else "pytorch_model"
    shard = f"{stem}-00001-of-00001.{kind}"
    with_weights_of(folder, f"{stem}.{kind}.index.json", f'{{"weight_map": {{"a": "{shard}"}}}}')
    (folder / shard).write_text(content)
    with pytest.raises(CheckpointError, match=rf"{shard}' cannot be read .*{message}"):
        Checkpoint.read(str(folder))


@pytest.mark.parametrize("shard", ["model.ckpt-1.data-00000-of-00001"])
def test_a_pointer_in_place_of_tensorflows_data_is_named_without_tensorflow(folder: Path, shard: str) -> None:
    with_weights_of(folder, "model.ckpt-1.index", "an index")
    (folder / shard).write_text(POINTER)
    with pytest.raises(CheckpointError, match=rf"{shard}' cannot be read .*git lfs pull"):
        Checkpoint.read(str(folder))


@pytest.mark.parametrize("name", ["config.json", "modules.json"])
@pytest.mark.parametrize(("content", "message"), [(POINTER, "git lfs pull"), (PAGE, "web page"), ("", "empty")])
def test_json_that_is_none_is_named(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(CheckpointError, match=rf"{name}' cannot be read .*{message}"):
        Checkpoint.read(str(folder))


@pytest.mark.parametrize(("content", "message"), [(POINTER, "git lfs pull"), (PAGE, "web page")])
def test_an_archive_that_is_none_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "biobert.tar.gz").write_text(content)
    expected = pytest.raises(CheckpointError, match=rf"biobert\.tar\.gz' cannot be read .*{message}")
    with expected, unpacked(tmp_path / "biobert.tar.gz"):
        pass


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("version https://hawser.github.com/spec/v1\noid x\nsize 5\n", "a file of 5 bytes"),
        ("version https://git-lfs.github.com/spec/v1\r\noid x\r\nsize 12\r\n", "run 'git lfs pull'"),
        ("\n  <html><body>Sign in</body></html>", "begins with 'Sign in'"),
        ("\ufeff<!doctype HTML><title>404</title>", "begins with '404'"),
        ("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "begins with 'AccessDenied'"),
        ("<html><script>go()</script></html>", r"begins with '<html><script>go\(\)</script></html>'"),
        ("<html><body>" + "long " * 100, r"long \.\.\.'"),
    ],
)
def test_variants_of_pointers_and_pages_are_known(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "vocab.txt").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        check_content(tmp_path / "vocab.txt")


@pytest.mark.parametrize("content", ["[PAD]\n[UNK]\n", "<s>\n<pad>\n", "version\nof\n", "{}", "\n\n[PAD]"])
def test_vocabularies_and_json_are_what_they_are(tmp_path: Path, content: str) -> None:
    (tmp_path / "file").write_text(content)
    check_content(tmp_path / "file")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_content(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match="is no file, expected one"):
        check_content(tmp_path)


def test_a_stand_in_beside_the_weights_that_are_read_does_not_matter(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_text(POINTER)
    assert Checkpoint.read(str(folder)).weights_name == "model.safetensors"


def write_torch_script(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), path)


@pytest.mark.parametrize(
    "write",
    [
        write_torch_script,
        lambda path: torch.save(torch.nn.Linear(2, 2), path),
        lambda path: path.write_bytes(b"\x80\x04."),
        lambda path: path.write_bytes(safetensors.torch.save({"a": torch.zeros(3)})),
        lambda path: path.write_bytes(bytes(range(256))),
    ],
)
def test_no_error_of_pickles_advises_to_run_their_code(folder: Path, write: Callable[[Path], object]) -> None:
    write(with_weights_of(folder, "pytorch_model.bin", ""))
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin' cannot be read") as raised:
        Checkpoint.read(str(folder))
    assert "weights_only" not in str(raised.value) and "Weights only" not in str(raised.value)


NAMES = (
    *("modules.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "sentence_bert_config.json", "config_sentence_transformers.json", "model.safetensors.index.json"),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["a link that leads nowhere", "a link to itself", "a folder", "a pipe"])
def test_what_is_no_file_is_refused_and_not_taken_for_absent(tmp_path: Path, name: str, kind: str) -> None:
    folder = write_checkpoint(tmp_path / "folder", UNCASED)
    path = folder / name
    path.unlink(missing_ok=True)
    if "sentence" in name:
        entry = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
        write_json(folder / "modules.json", [entry])
    if name.startswith("model."):
        (folder / "model.safetensors").unlink()
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(name if kind == "a link to itself" else "../../blobs/missing")
    with pytest.raises(CheckpointError, match=rf"{name}' (cannot be read|is no file)"):
        Checkpoint.read(str(folder))


def test_names_that_are_too_long_or_not_printable_are_shown_in_short() -> None:
    assert listed(["b" * 500, "\x1b[31m\n"]) == r"'\x1b[31m\n'; 'bbbbbbbbbbbbbbbbb...bbbbbbbbbbbbbbbbbb'"
