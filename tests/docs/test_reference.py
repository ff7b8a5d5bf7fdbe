"""`make docs`: the API reference holds every public name of the modules that people are told to import from."""

import importlib
import inspect
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pdoc
import pytest

from tests.support.pages import PAGES, PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
MODULES = re.findall(r"biobert_onnx[\w.]*", MAKEFILE.partition("REFERENCE := ")[2].partition("\n\n")[0])
"""What the Makefile renders."""

IGNORED = re.findall(r'-W "ignore:(.+?)"', MAKEFILE)
"""How the warnings begin that it leaves out."""

ADAPTERS = "biobert_onnx.integrations"
"""Not rendered, as each needs its framework."""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the rendered pages; a warning of pdoc's is an error here."""
    folder = tmp_path_factory.mktemp("reference")
    with warnings.catch_warnings():
        for message in IGNORED:
            warnings.filterwarnings("ignore", re.escape(message))
        pdoc.pdoc(*MODULES, output_directory=folder)
    return folder


def public_names(module_name: str) -> Iterator[str]:
    """What a module exports, or else the classes and functions that it defines for others."""
    module = importlib.import_module(module_name)
    if hasattr(module, "__all__"):
        yield from (name for name in module.__all__ if not name.startswith("_"))
        return
    for name, value in vars(module).items():
        own = (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == module_name
        if own and not name.startswith("_"):
            yield name


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_of_a_module_is_in_the_reference(reference: Path, module: str) -> None:
    page = (reference / f"{module.replace('.', '/')}.html").read_text(encoding="utf-8")
    assert [name for name in public_names(module) if f'id="{name}"' not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_module_that_a_page_imports_from_is_in_the_reference(page: Path) -> None:
    imported = re.findall(r"^(?:from|import) (biobert_onnx[\w.]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {module for module in imported if not module.startswith(ADAPTERS)} <= set(MODULES)
