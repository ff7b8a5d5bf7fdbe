"""Exit codes: one table for the code, the help and the docs; what is 1 and what is 2."""

import re
from pathlib import Path

import pytest

from biobert_onnx.cli import info
from biobert_onnx.cli.exit_codes import ERRORS, MEANINGS, JobError, exit_code
from biobert_onnx.cli.main import main
from biobert_onnx.errors import ArtifactError, BundleError
from biobert_onnx.files.rows import ColumnError, InputError
from tests.runtime.cli.command import refused, run

PAGE = Path(__file__).parents[3] / "docs" / "command.md"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError(), 1),
        (ArtifactError(), 1),
        (BundleError(), 1),
        (JobError(), 1),
        (OSError(), 1),
        (PermissionError(), 1),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), 1),
        (ValueError(), 2),
        (ColumnError(), 2),
        (FileNotFoundError(), 2),
        (FileExistsError(), 2),
        (ModuleNotFoundError("Parquet needs the extra"), 2),
        (ModuleNotFoundError("No module named 'biobert_onnx.x'", name="biobert_onnx.x"), None),
        (ImportError(), None),
        (TypeError(), None),
        (KeyError(), None),
        (AssertionError(), None),
    ],
)
def test_every_error_has_its_code_or_is_a_mistake_of_the_program(error: Exception, code: int | None) -> None:
    assert exit_code(error) == code


def test_every_code_of_an_error_has_a_meaning() -> None:
    assert {code for _, code in ERRORS} <= set(MEANINGS)


def test_the_help_and_the_page_have_the_table() -> None:
    shown = run("--help").stdout.decode()
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    for code, meaning in MEANINGS.items():
        assert f"{code:3}  {meaning}" in shown
        assert rows.pop(str(code)) == meaning
    assert rows == {}


def test_a_mistake_of_the_program_keeps_its_traceback(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(manifest: object) -> None:
        import biobert_onnx.absent  # type: ignore[import-not-found] # noqa: F401

    monkeypatch.setattr(info, "print_fidelity", broken)
    with pytest.raises(ModuleNotFoundError, match=r"biobert_onnx\.absent"):
        main(["info", str(artifact)])


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.jsonl", '{"text": "a"}\n{\n', 1),
        ("a.jsonl", '{"text": "a"}\n{"text": 7}\n', 1),
        ("a.jsonl", '{"text": "a"}\n{"text": null}\n', 1),
        ("a.jsonl", '{"text": "a"}\n{"id": 1}\n', 1),
        ("a.jsonl", '{"id": 1}\n{"text": "a"}\n', 2),
        ("a.csv", "text\n1,2\n", 1),
        ("a.csv", "text,text\n1,2\n", 1),
        ("a.csv", "", 1),
        ("a.csv", "id,title\n1,2\n", 2),
        ("a.csv", "id;text\n1;2\n", 2),
        ("a.txt.gz", "", 1),
        ("a.parquet", "", 1),
        ("a.json", "[]", 2),
    ],
)
def test_a_bad_file_is_a_failure_and_a_wrong_name_bad_use(
    artifact: Path, tmp_path: Path, name: str, content: str, code: int
) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_text(content)
    refused(code, "encode", artifact, tmp_path / name, "-o", tmp_path / "out.npy")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        (b"id,title\n1,2\n", ("--format", "csv"), 2),
        (b"text\n1,2\n", ("--format", "csv"), 1),
        (b'{"id": 1}\n', ("--format", "jsonl"), 2),
        (b"{\n", ("--format", "jsonl"), 1),
        (b"\xff\n", (), 1),
    ],
)
def test_standard_input_gives_the_codes_of_a_file(
    artifact: Path, tmp_path: Path, content: bytes, options: tuple[str, ...], code: int
) -> None:
    refused(code, "encode", artifact, "-", "-o", tmp_path / "out.npy", *options, stdin=content)
    assert list(tmp_path.iterdir()) == []
