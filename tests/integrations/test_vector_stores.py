"""The search in docs/vector-stores.md."""

import shlex
from pathlib import Path

import pytest

from biobert_onnx.cli.main import main
from tests.integrations.examples import example, run
from tests.support.pages import PROJECT


def test_the_search_prints_what_the_page_shows(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("duckdb", reason="needs the extra 'interop'")
    pytest.importorskip("pyarrow", reason="needs the extra 'interop'")
    (tmp_path / "build" / "demo").mkdir(parents=True)
    (tmp_path / "build" / "demo" / "all-MiniLM-L6-v2-int8").symlink_to(minilm)
    (tmp_path / "export").symlink_to(PROJECT / "export")
    monkeypatch.chdir(tmp_path)
    _, *arguments = shlex.split(example("vector-stores.md", "DuckDB", "console"))
    assert main(arguments) == 0
    capsys.readouterr()
    run(example("vector-stores.md", "DuckDB", "python"))
    assert capsys.readouterr().out == example("vector-stores.md", "DuckDB", "text")
