"""The package as users get it: sdist -> wheel -> a clean environment without extras, where the runtime's tests run."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from trove_classifiers import classifiers

from tests.support.pytest_runs import QUICK_TESTS

PROJECT = Path(__file__).parents[2]
PAGES = {path.name for path in (PROJECT / "runtime" / "biobert_onnx" / "serving" / "http" / "page").iterdir()}
SOURCES = PROJECT / "runtime" / "biobert_onnx" / "kernels" / "source"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(PROJECT, tmp_path_factory.mktemp("dist"))


def _build(checkout: Path, folder: Path, *options: str) -> Path:
    """Build `checkout` into `folder`, by default an sdist and of it a wheel; returns `folder`."""
    command = [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(folder), str(checkout)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_the_wheel_holds_both_packages_with_types_and_text(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "biobert_onnx/py.typed",
        "biobert_onnx/encoder.py",
        "biobert_onnx_export/py.typed",
        "biobert_onnx_export/reference/data/biomedical.txt",
        *(f"biobert_onnx/serving/http/page/{name}" for name in PAGES),
    } <= names
    assert {name.partition("/")[0] for name in names} == {
        "biobert_onnx",
        "biobert_onnx_export",
        f"biobert_onnx-{wheel.name.split('-')[1]}.dist-info",
    }


def test_the_metadata_of_the_wheel_is_that_of_pyproject(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        found = Metadata.from_email(archive.read(name))  # raises for what the index would refuse
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (found.summary, found.license_expression) == (project["description"], "Apache-2.0")
    assert (found.keywords, found.classifiers) == (sorted(project["keywords"]), project["classifiers"])
    assert str(found.requires_python) == project["requires-python"]
    assert set(found.provides_extra or ()) == set(project["optional-dependencies"])
    assert found.description == (PROJECT / "README.md").read_text(encoding="utf-8")
    assert (found.license_files, found.author) == (["LICENSE"], project["authors"][0]["name"])
    assert set(found.classifiers or ()) <= classifiers


def test_the_sdist_builds_the_same_packages(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "runtime/biobert_onnx/encoder.py"} <= names
    sources = {path.relative_to(PROJECT).as_posix() for path in SOURCES.iterdir()}
    assert {"hatch_build.py", "runtime/biobert_onnx/kernels/source/library.c", *sources} <= names
    assert {"CHANGELOG.md", "constraints.txt", "tests/conftest.py", "docs/README.md"} <= names
    assert not [name for name in names if name.endswith(".so") or name.startswith(".ci")]


def test_links_that_make_site_leaves_in_build_take_nothing_out_of_the_sdist(built: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
        names = archive.getnames()
    (checkout,) = tmp_path.iterdir()
    for name in ("runtime", "export"):
        link = checkout / "build" / "website" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(checkout / name)
    again = _build(checkout, tmp_path / "dist", "--sdist")
    with tarfile.open(again / sdist.name) as archive:
        assert set(archive.getnames()) == set(names)


def test_the_runtimes_tests_pass_without_extras(built: Path, artifact: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    constraints = str(PROJECT / "constraints.txt")
    install = [str(python), "-m", "pip", "install", "--quiet", "--constraint", constraints]
    subprocess.run([*install, str(wheel), "pytest"], check=True)
    freeze = [str(python), "-m", "pip", "freeze"]
    listed = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout.split()
    assert not {line.partition("==")[0] for line in listed} & {"torch", "transformers", "onnx", "optimum", "pyarrow"}
    pytest_run = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--artifact={artifact}"]
    done = subprocess.run([*pytest_run, *QUICK_TESTS], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is installed here" not in done.stdout  # the tests of missing extras are not skipped there
