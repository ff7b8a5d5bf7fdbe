"""The layers of the runtime: a folder imports what stands below it and nothing else, and no import runs in a circle."""

import ast
from collections.abc import Container, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import biobert_onnx

PACKAGE = Path(biobert_onnx.__file__).parent

LAYERS = (
    ("cli",),
    ("files", "serving", "integrations"),
    ("nlu",),
    ("spark",),
    ("sentences",),
    ("catalog",),
    ("encoder",),
    ("encoding",),
    ("kernels",),
    ("artifact", "comparison", "embeddings"),
    ("errors", "_atomic_files", "_extras", "_progress", "_types", "version"),
    ("_file_status",),
)
"""From the top: a module imports its own folder and the layers below; only `cli` imports from beside it."""

RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
PUBLIC = ("__init__", "__main__")
"""What stands above all layers."""

EXPORT = ("cli/export.py", "cli/compare.py", "cli/convert.py")
"""The only modules that may import the export package, when their commands run: compare reads checkpoints, and convert
rewrites graphs."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


def imports(module: Path) -> Iterator[str]:
    """The modules of this project that `module` imports anywhere, also in functions and for types only."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def part_of(imported: str) -> str | None:
    """The file or folder at the package's top that `imported` lies in; None if it is not of the package."""
    package, _, rest = imported.partition(".")
    return rest.partition(".")[0] if package == "biobert_onnx" else None


def own_part(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_file_and_folder_has_a_layer() -> None:
    assert {own_part(module) for module in modules()} - set(PUBLIC) == set(RANK)


@pytest.mark.parametrize("module", modules(), ids=name_of)
def test_a_module_imports_its_own_folder_and_the_layers_below(module: Path) -> None:
    own = own_part(module)
    if own in PUBLIC:
        return
    parts = {part for imported in imports(module) if (part := part_of(imported)) is not None}
    assert not {part for part in parts if part not in RANK}, "imported from the package itself, not from a module"
    assert not {part for part in parts - {own} if RANK[part] <= RANK[own]}


@pytest.mark.parametrize("module", modules(), ids=name_of)
def test_only_the_commands_that_need_it_import_the_export_package(module: Path) -> None:
    imported = {name.partition(".")[0] for name in imports(module)}
    assert "biobert_onnx_export" not in imported or name_of(module) in EXPORT


def test_at_most_twelve_modules_stand_at_the_top() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 12


@pytest.mark.parametrize("folder", sorted(PACKAGE.glob("*/__init__.py")), ids=name_of)
def test_a_folder_says_what_it_is_for(folder: Path) -> None:
    assert ast.get_docstring(ast.parse(folder.read_text(encoding="utf-8")))


def test_no_import_runs_in_a_circle() -> None:
    paths = {dotted(module): module for module in modules()}
    graph = {name: {found for each in imports(path) if (found := known(each, paths))} for name, path in paths.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


def dotted(module: Path) -> str:
    return "biobert_onnx." + name_of(module).removesuffix(".py").replace("/", ".")


def known(imported: str, names: Container[str]) -> str | None:
    """The module that `imported`, a module or a name in one, comes from; None for packages and other projects."""
    return next((name for name in (imported, imported.rpartition(".")[0]) if name in names), None)
