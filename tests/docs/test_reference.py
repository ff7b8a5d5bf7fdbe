"""`make docs`: the API reference holds every public name of both packages, from their docstrings."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pdoc
import pytest

import biobert_onnx
import biobert_onnx_export

PACKAGES = (biobert_onnx, biobert_onnx_export)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the rendered pages; a warning of pdoc's is an error here."""
    folder = tmp_path_factory.mktemp("reference")
    pdoc.pdoc(*(package.__name__ for package in PACKAGES), output_directory=folder)
    return folder


def public_names() -> Iterator[tuple[ModuleType, str]]:
    """Every module that can be imported for use, with the classes and functions that it defines for others."""
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                module = importlib.import_module(found.name)
                for name, value in inspect.getmembers(module, lambda value: inspect.isclass(value) or inspect.isfunction(value)):
                    if value.__module__ == found.name and not name.startswith("_"):
                        yield module, name


def test_every_public_class_and_function_has_its_place_in_the_reference(reference: Path) -> None:
    for module, name in public_names():
        page = (reference / f"{module.__name__.replace('.', '/')}.html").read_text(encoding="utf-8")
        assert f'id="{name}"' in page, f"{module.__name__}.{name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_that_a_package_exports_is_on_its_own_page(reference: Path, package: ModuleType) -> None:
    page = (reference / f"{package.__name__}.html").read_text(encoding="utf-8")
    for name in set(package.__all__) - {"__version__"}:
        assert f'id="{name}"' in page
