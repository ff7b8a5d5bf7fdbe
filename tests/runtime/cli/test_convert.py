"""`convert`: what it prints, and what it refuses in one line."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.runtime.cli.command import refused, run

needs_export = pytest.mark.skipif(find_spec("torch") is None, reason="the extra 'export' is not installed")


@needs_export
def test_it_prints_how_the_folder_is_loaded(artifact: Path, tmp_path: Path) -> None:
    done = run("convert", artifact, tmp_path / "folder", "--to", "spark-nlp")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"wrote {tmp_path / 'folder'}"
    assert f"    BertSentenceEmbeddings.loadSavedModel({str(tmp_path / 'folder')!r}, spark)" in lines


@needs_export
def test_quiet_prints_nothing(artifact: Path, tmp_path: Path) -> None:
    done = run("convert", artifact, tmp_path / "folder", "--to", "spark-nlp", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "folder" / "model.onnx").is_file()


@needs_export
def test_an_unknown_program_is_named_by_its_option(artifact: Path, tmp_path: Path) -> None:
    line = refused(2, "convert", artifact, tmp_path / "folder", "--to", "onnx")
    assert line == "biobert-onnx: error: --to is 'onnx', expected one of spark-nlp"
    assert list(tmp_path.iterdir()) == []


@needs_export
def test_a_folder_that_exists_is_left_alone(artifact: Path, tmp_path: Path) -> None:
    assert "exists: choose a new folder" in refused(2, "convert", artifact, tmp_path, "--to", "spark-nlp")


def test_a_call_without_a_program_is_refused(artifact: Path, tmp_path: Path) -> None:
    assert "--to" in refused(2, "convert", artifact, tmp_path / "folder")


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra 'export' is installed here")
def test_without_its_extra_it_says_what_to_install(artifact: Path, tmp_path: Path) -> None:
    line = refused(2, "convert", artifact, tmp_path / "folder", "--to", "spark-nlp")
    assert "convert needs the extra 'export'" in line
