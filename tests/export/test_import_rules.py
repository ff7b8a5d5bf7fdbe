"""The layout is a rule: a folder imports only folders of earlier steps, and no module imports in a circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import biobert_onnx_export

PACKAGE = Path(biobert_onnx_export.__file__).parent

STEPS = ("errors", "checkpoint", "reference", "graph", "quantize", "gate", "publish", "pipeline", "__init__")
"""The parts of the package; each may import the parts before it."""

MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    return ".".join(("biobert_onnx_export", *path.with_suffix("").parts)).removesuffix(".__init__")


def imported_modules(path: Path) -> Iterator[str]:
    """Every module of this package that `path` imports, in functions as well."""
    names = {module_name(each) for each in MODULES}
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by the full name"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name if name in names else str(node.module) for name in found]
        else:
            continue
        yield from (name for name in found if name.split(".")[0] == "biobert_onnx_export")


def step_of(module: str) -> str:
    """The part of the package that `module` belongs to."""
    return [*module.split("."), "__init__"][1]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_imports_its_own_step_and_earlier_ones(path: Path) -> None:
    own = STEPS.index(step_of(module_name(path)))
    later = [name for name in imported_modules(path) if STEPS.index(step_of(name)) > own]
    assert later == []


def test_no_module_imports_in_a_circle() -> None:
    graph = {module_name(path): set(imported_modules(path)) for path in MODULES}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert set(order) == set(graph)
    assert any(graph.values())


def test_at_most_four_modules_lie_at_the_top() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "errors.py", "pipeline.py"}


def test_every_folder_is_a_step_that_says_what_it_does() -> None:
    folders = [path.parent for path in PACKAGE.glob("*/__init__.py")]
    assert {folder.name for folder in folders} == {name for name in STEPS if (PACKAGE / name).is_dir()}
    for folder in folders:
        docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
        assert docstring.startswith("In: "), folder
        assert "Out: " in docstring and "mport" in docstring, folder
