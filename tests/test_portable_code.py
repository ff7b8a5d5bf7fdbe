"""Rules of code that runs on every system and Python: read from its source, because most tests run on one system."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

SOURCES = sorted(
    path.relative_to(PROJECT).as_posix()
    for folder in ("runtime", "export", "benchmarks")
    for path in (PROJECT / folder).rglob("*.py")
)

QUESTIONS = {"exists", "is_file", "is_dir", "is_symlink"}
"""Methods of paths that answer False where there is no permission, from Python 3.14 on."""

FUNCTIONS = {"exists", "lexists", "isfile", "isdir"}
"""The same in os.path, on every Python."""


def calls(name: str) -> Iterator[ast.Call]:
    tree = ast.parse((PROJECT / name).read_text(encoding="utf-8"))
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def method(call: ast.Call) -> str:
    """The name after the last dot of what is called; that of a plain function is without one."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def keywords(call: ast.Call) -> dict[str | None, object]:
    return {each.arg: ast.literal_eval(each.value) for each in call.keywords if isinstance(each.value, ast.Constant)}


def opens_text(call: ast.Call) -> bool:
    """Whether `call` is the method `open` of a path, with a mode for text."""
    mode = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    return method(call) == "open" and isinstance(mode, str) and "b" not in mode


@pytest.mark.parametrize("name", SOURCES)
def test_no_permission_is_never_taken_for_no_file(name: str) -> None:
    of_hadoop = {"target.exists()"} if name == "runtime/biobert_onnx/spark/saved_artifact.py" else set()
    asked = [call for call in calls(name) if not call.args and method(call) in QUESTIONS]
    asked += [call for call in calls(name) if ast.unparse(call.func) in {f"os.path.{each}" for each in FUNCTIONS}]
    assert not {ast.unparse(call) for call in asked} - of_hadoop, "ask biobert_onnx._file_status"


@pytest.mark.parametrize("name", [*SOURCES, "hatch_build.py"])
def test_text_is_written_as_utf_8_with_lf_on_every_system(name: str) -> None:
    for call in calls(name):
        if method(call) == "write_text" or opens_text(call):
            given = keywords(call)
            assert (given.get("encoding"), given.get("newline")) == ("utf-8", "\n"), ast.unparse(call)


@pytest.mark.parametrize("name", [*SOURCES, "hatch_build.py"])
def test_text_is_read_in_a_named_encoding(name: str) -> None:
    for call in calls(name):
        if method(call) == "read_text":
            assert "encoding" in {each.arg for each in call.keywords}, ast.unparse(call)
