"""`make test-pythons` finds interpreters, and takes the oldest versions from pyproject.toml."""

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.programs import pythons
from tests.programs.pythons import EXTRAS, SPARK_EXTRAS, Interpreter, all_runs, asked, chosen, oldest_versions, required


def interpreter(*version: int) -> Interpreter:
    return Interpreter(command=("python",), version=version, threading="", in_chroot=False)


def test_the_running_python_is_found() -> None:
    found = {each.name: each for each in pythons.interpreters(with_chroot=False)}
    assert found[f"{sys.version_info[0]}.{sys.version_info[1]}"].version >= sys.version_info[:3]
    assert "3.10" not in found


def test_what_is_no_python_is_no_interpreter() -> None:
    assert asked(("false",), in_chroot=False) is None
    assert asked(("echo", "3", "15", "0", "beta", "in"), in_chroot=False) is None


def test_a_build_without_the_gil_has_a_name_of_its_own(tmp_path: Path) -> None:
    program = tmp_path / "python3.14t"
    program.write_text("#!/bin/sh\necho 3 14 1 final t\n", encoding="utf-8")
    program.chmod(0o755)
    found = asked((str(program),), in_chroot=False)
    assert found is not None and found.name == "3.14t"


def test_the_oldest_versions_are_the_bounds_of_pyproject(tmp_path: Path) -> None:
    path = oldest_versions(EXTRAS, interpreter(3, 11, 0), tmp_path / "oldest.txt")
    pins = [Requirement(line) for line in path.read_text(encoding="utf-8").splitlines()]
    bounds = {each.name: each.specifier for each in required(EXTRAS, interpreter(3, 11, 0))}
    assert {pin.name for pin in pins} == set(bounds) > {"numpy", "onnxruntime", "tokenizers", "pandas", "starlette"}
    for pin in pins:
        (version,) = (each.version for each in pin.specifier)
        assert version in bounds[pin.name]


@pytest.mark.parametrize(("version", "pyspark"), [((3, 11, 7), "3.5"), ((3, 12, 0), "4.0")])
def test_markers_decide_for_the_python_of_the_run(tmp_path: Path, version: tuple[int, int, int], pyspark: str) -> None:
    path = oldest_versions(SPARK_EXTRAS, interpreter(*version), tmp_path / "oldest.txt")
    assert f"pyspark=={pyspark}" in path.read_text(encoding="utf-8").splitlines()


def test_a_package_without_a_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = {"name": "p", "dependencies": ["numpy>=1.26", "tokenizers"], "optional-dependencies": {}}
    monkeypatch.setattr(pythons, "pyproject", lambda: {"project": project})
    with pytest.raises(ValueError, match="no least version of tokenizers, expected >= or =="):
        oldest_versions([], interpreter(3, 11, 0), tmp_path / "oldest.txt")


def test_runs_of_spark_and_of_ci_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "WORK", tmp_path)
    runs = {run.name: run for run in all_runs([interpreter(3, 11, 7), interpreter(3, 13, 0)])}
    assert [run.name for run in chosen(runs, [])] == ["3.11", "3.13", "oldest", "newest"]
    assert [run.interpreter.name for run in chosen(runs, ["at-hand", "spark-3.11"])] == ["3.13", "3.11"]
    with pytest.raises(SystemExit, match=r"no run is called 3\.9; here are: 3\.11, "):
        chosen(runs, ["3.9"])
