"""The build of the C kernels: wheels with and without them, installs in place, and the rule of the Makefile."""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hatch_build
from hatch_build import KERNEL_FLAGS, LIBRARY_IN_WHEEL, PLATFORM, VARIABLE

PROJECT = Path(__file__).parents[1]
LIBRARY = Path("runtime") / LIBRARY_IN_WHEEL
PARTS = ("pyproject.toml", "README.md", "LICENSE", ".gitignore", "hatch_build.py", "Makefile", "runtime", "export")
STALE = b"of earlier sources"
GCC = shutil.which("cc") or shutil.which("gcc")

needs_compiler = pytest.mark.skipif(
    sys.platform != "linux" or GCC is None or platform.machine() not in KERNEL_FLAGS,
    reason="needs Linux on x86-64 or aarch64 with a C compiler",
)

QUICK = """#!/bin/sh
exec {compiler} "$@" -O0
"""
"""A compiler that is done sooner."""

OLD = """#!/bin/sh
case " $* " in *-mamx-int8*|*-mavxvnni*|*i8mm*) echo "cc: error: unrecognized command-line option" >&2; exit 1;; esac
exec {compiler} "$@" -O0
"""
"""A compiler that knows neither AMX nor AVX-VNNI nor i8mm, as gcc 9."""

BROKEN = """#!/bin/sh
case " $* " in *" -c "*) echo "disk full error" >&2; exit 1;; esac
exec {compiler} "$@"
"""
"""A compiler that says what it compiles for, and compiles nothing."""


def compiler(folder: Path, script: str) -> str:
    path = folder / "compiler"
    path.write_text(script.format(compiler=GCC), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def copy_of_project(folder: Path) -> Path:
    """What a build reads of the project, with a library of earlier sources in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        path = PROJECT / name
        ignored = shutil.ignore_patterns("__pycache__", "_kernels.so*")
        shutil.copytree(path, folder / name, ignore=ignored) if path.is_dir() else shutil.copy(path, folder / name)
    (folder / LIBRARY).write_bytes(STALE)
    return folder


def run(
    command: list[str], folder: Path, variables: dict[str, str], *, succeeds: bool = True
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("CC", VARIABLE, PLATFORM)}
    done = subprocess.run(command, cwd=folder, env=inherited | variables, capture_output=True, text=True)
    assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
    return done


def build(project: Path, out: Path, *options: str, variables: dict[str, str], succeeds: bool = True) -> str:
    """Build into the folder `out`, and return what the build says."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), *options, "."]
    done = run(command, project, variables, succeeds=succeeds)
    return done.stdout + done.stderr


def kernels_of(library: Path) -> list[str]:
    loaded = ctypes.CDLL(str(library))
    loaded.kernel_name.restype = ctypes.c_char_p
    return [loaded.kernel_name(ctypes.c_int64(index)).decode() for index in range(loaded.kernel_count())]


def only_wheel(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The wheel of the sdist by the old compiler, and what the build said."""
    folder = tmp_path_factory.mktemp("sdist")
    project = copy_of_project(folder / "project")
    said = build(project, folder / "dist", variables={"CC": compiler(folder, OLD)})
    return only_wheel(folder / "dist"), said


def test_windows_is_told_that_the_kernels_are_not_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("CC", VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    (tmp_path / "stale.so").write_bytes(STALE)
    assert hatch_build.build(tmp_path / "stale.so") is None
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().err == (
        "warning: no kernels, everything will run on onnxruntime: they are for Linux and macOS\n"
    )


@pytest.mark.parametrize(
    "target", ["x86_64-w64-mingw32", "x86_64-pc-windows-msvc", "x86_64-pc-cygwin", "aarch64-w64-mingw32"]
)
def test_a_compiler_for_windows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.setenv("CC", compiler(tmp_path, f"#!/bin/sh\necho {target}\n"))
    with pytest.raises(
        hatch_build.BuildError, match=f"compiles for '{target}', expected x86_64 or aarch64 with Linux or"
    ):
        hatch_build.Compiler.find()


@needs_compiler
def test_a_wheel_holds_the_library_without_sources_and_fits_every_python_of_its_platform(
    built: tuple[Path, str],
) -> None:
    wheel, _ = built
    assert wheel.name.endswith(f"-py3-none-linux_{platform.machine()}.whl")
    assert LIBRARY_IN_WHEEL in names(wheel)
    assert not [name for name in names(wheel) if name.endswith((".c", ".h"))]


@needs_compiler
def test_kernels_that_the_compiler_refuses_are_left_out_and_named(built: tuple[Path, str], tmp_path: Path) -> None:
    wheel, said = built
    with zipfile.ZipFile(wheel) as archive:
        library = Path(archive.extract(LIBRARY_IN_WHEEL, tmp_path))
    refused = set(KERNEL_FLAGS[platform.machine()]) & {"amx", "avxvnni", "neon_i8mm"}
    assert set(kernels_of(library)) <= {"plain", *KERNEL_FLAGS[platform.machine()]} - refused
    for name in refused:
        assert f"the kernel {name} is left out: " in said


@needs_compiler
def test_the_wheel_of_a_checkout_has_the_bytes_of_the_sdists_and_leaves_the_checkout_alone(
    built: tuple[Path, str], tmp_path: Path
) -> None:
    checkout = copy_of_project(tmp_path / "another" / "place")
    build(checkout, tmp_path / "dist", "--wheel", variables={"CC": compiler(tmp_path, OLD)})
    assert only_wheel(tmp_path / "dist").read_bytes() == built[0].read_bytes()
    assert (checkout / LIBRARY).read_bytes() == STALE


@needs_compiler
def test_an_editable_install_has_in_place_every_kernel_whose_flags_the_compiler_takes(tmp_path: Path) -> None:
    project = copy_of_project(tmp_path / "project")
    code = "import hatchling.build; hatchling.build.build_editable('.')"
    run([sys.executable, "-c", code], project, {"CC": compiler(tmp_path, QUICK)})
    (tmp_path / "empty.c").touch()
    taken = {
        name
        for name, flags in KERNEL_FLAGS[platform.machine()].items()
        if subprocess.run([str(GCC), *flags, "-c", "empty.c"], cwd=tmp_path, capture_output=True).returncode == 0
    }
    assert set(kernels_of(project / LIBRARY)) == {"plain", *taken}
    assert only_wheel(project).name.endswith("-any.whl")


WITHOUT_LIBRARY = [
    pytest.param({"PATH": "/nowhere"}, "no C compiler is on the PATH", id="no compiler"),
    pytest.param({"CC": "nonesuch"}, "CC is 'nonesuch', which is not on the PATH", id="a compiler that is not there"),
    pytest.param({"CC": "false"}, "cannot name its target: it ended with status 1", id="a compiler that only fails"),
    pytest.param({"CC": "echo riscv64-linux-gnu"}, "compiles for 'riscv64-linux-gnu", id="another machine"),
    pytest.param({"CC": "echo x86_64-w64-mingw32"}, "compiles for 'x86_64-w64-mingw32", id="Windows"),
]


@pytest.mark.parametrize(("variables", "reason"), WITHOUT_LIBRARY)
def test_without_a_library_the_build_in_place_says_why_and_removes_an_old_one(
    variables: dict[str, str], reason: str, tmp_path: Path
) -> None:
    old = tmp_path / "_kernels.so"
    old.write_bytes(STALE)
    done = run([sys.executable, str(PROJECT / "hatch_build.py"), str(old)], tmp_path, variables)
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: no kernels, everything will run on onnxruntime: ")
    assert reason in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("variables", "reason"), WITHOUT_LIBRARY)
def test_whoever_insists_gets_the_reason_as_an_error(variables: dict[str, str], reason: str, tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "hatch_build.py"), str(tmp_path / "_kernels.so")]
    done = run(command, tmp_path, variables | {VARIABLE: "1"}, succeeds=False)
    (line,) = done.stderr.splitlines()
    assert line.startswith("BIOBERT_ONNX_KERNELS is 1, and the kernels cannot be compiled: ")
    assert reason in line


def test_another_value_of_the_variable_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "hatch_build.py"), str(tmp_path / "_kernels.so")]
    done = run(command, tmp_path, {VARIABLE: "yes"}, succeeds=False)
    expected = "expected 0 (no kernels), 1 (an error without kernels), or not set"
    assert done.stderr == f"BIOBERT_ONNX_KERNELS is 'yes', {expected}\n"


@needs_compiler
@pytest.mark.parametrize("choice", ["0", ""])
def test_a_wheel_without_a_library_is_pure_and_holds_no_old_one(choice: str, tmp_path: Path) -> None:
    variables = {"CC": compiler(tmp_path, BROKEN), VARIABLE: choice}
    said = build(copy_of_project(tmp_path / "project"), tmp_path / "dist", "--wheel", variables=variables)
    assert only_wheel(tmp_path / "dist").name.endswith("-py3-none-any.whl")
    assert LIBRARY_IN_WHEEL not in names(only_wheel(tmp_path / "dist"))
    warning = "no kernels, everything will run on onnxruntime: "
    reason = f"{tmp_path}/compiler cannot compile kernel_plain.c: disk full error"
    assert (f"{warning}{reason}" in said) == (choice == "")


@needs_compiler
def test_whoever_insists_gets_no_wheel_without_a_library(tmp_path: Path) -> None:
    variables = {"CC": compiler(tmp_path, BROKEN), VARIABLE: "1"}
    said = build(
        copy_of_project(tmp_path / "project"), tmp_path / "dist", "--wheel", variables=variables, succeeds=False
    )
    assert "BIOBERT_ONNX_KERNELS is 1, and the kernels cannot be compiled" in said
    assert not list((tmp_path / "dist").glob("*.whl"))


def test_the_platform_of_a_wheel_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = hatch_build.Compiler(command=("gcc",), machine="aarch64", system="linux")
    assert compiler.wheel_tag == "py3-none-linux_aarch64"
    monkeypatch.setenv(PLATFORM, "manylinux_2_28")
    assert compiler.wheel_tag == "py3-none-manylinux_2_28_aarch64"


@pytest.mark.parametrize("name", ["manylinux_2_28_x86_64", "manylinux2014", "windows"])
def test_a_platform_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "hatch_build.py"), str(tmp_path / "_kernels.so")]
    done = run(command, tmp_path, {PLATFORM: name}, succeeds=False)
    expected = "expected for example manylinux_2_28, without the machine, or not set"
    assert done.stderr == f"{PLATFORM} is {name!r}, {expected}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_compiles_again_where_a_source_is_newer_and_goes_on_without_a_compiler(tmp_path: Path) -> None:
    project = copy_of_project(tmp_path)
    newest = max(path.stat().st_mtime for path in (project / LIBRARY.parent / "source").iterdir())
    newest = max(newest, (project / "hatch_build.py").stat().st_mtime)
    os.utime(project / LIBRARY, (newest + 10, newest + 10))
    make = ["make", f"PYTHON={sys.executable}", str(LIBRARY)]
    run([*make, "--question"], project, {})
    os.utime(project / LIBRARY.parent / "source" / "kernel_plain.c", (newest + 20, newest + 20))
    assert "warning: no kernels" in run(make, project, {"CC": "false"}).stderr
    assert not (project / LIBRARY).exists()


@pytest.mark.skipif(
    shutil.which("aarch64-linux-gnu-gcc") is None, reason="needs a compiler for aarch64: gcc-aarch64-linux-gnu"
)
def test_a_compiler_for_another_machine_gives_the_wheel_its_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "aarch64-linux-gnu-gcc")
    found = hatch_build.Compiler.find()
    assert (found.machine, found.wheel_tag) == ("aarch64", "py3-none-linux_aarch64")
