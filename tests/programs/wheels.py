"""Build what a release consists of, twice, and check it: `make wheels`. The result is in build/dist.

- the sdist: all that git tracks, without .ci;
- from the unpacked sdist: a pure wheel, and a wheel with the kernels for each machine, for glibc 2.28 and later;
- an SBOM (CycloneDX) of the runtime and of what it needs, in the versions of constraints.txt; and SHA256SUMS.

gcc compiles the kernels, as for the tests: the bits are those that were tested. zig links them: with Debian's own glibc
they would want symbols of its version. Whatever is built must be committed. The second build is in another folder, with
empty caches, and must have the same bytes. The program ends with the first check that fails.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser
from io import BytesIO
from pathlib import Path

from elftools.elf.elffile import ELFFile

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

from hatch_build import KERNEL_FLAGS, LIBRARY_IN_WHEEL, PLATFORM, VARIABLE  # noqa: E402

WORK = PROJECT / "build" / "wheels"
OUT = PROJECT / "build" / "dist"

GLIBC = (2, 28)
"""The oldest glibc, which onnxruntime's wheels want too."""

TAG = "manylinux_{}_{}".format(*GLIBC)

ELF_MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}

COMPILER = """#!/bin/sh
case " $* " in *" -shared "*) exec {python} -m ziglang cc -target {machine}-linux-gnu.{glibc} "$@" -s;; esac
exec {machine}-linux-gnu-gcc "$@"
"""
"""gcc, but zig links, with the symbols of an old glibc. `-s` leaves out the paths of zig's own files."""

KEPT_ARTIFACT = PROJECT / "tests" / "data" / "format-2" / "int8"
GOLDEN_VECTORS = "tests/runtime/kernels/test_golden_vectors.py"


def main() -> None:
    """Build twice, compare, check, and write the sums."""
    check_tools()
    names = committed_files()
    for folder in (WORK, OUT):
        shutil.rmtree(folder, ignore_errors=True)
    os.environ["SOURCE_DATE_EPOCH"] = output_of("git", "log", "-1", "--format=%ct")  # the time of all files
    commit = subprocess.run(["git", "archive", "HEAD"], cwd=PROJECT, check=True, capture_output=True).stdout
    first = build_all(commit, WORK / "first")
    second = build_all(commit, WORK / "second" / "in another folder")
    check_equal(first, second)
    check_contents(first, names)
    bill_of_materials(first)
    shutil.copytree(first, OUT)
    check_installed()
    write_sums()
    print(f"wrote {OUT}", *sorted(path.name for path in OUT.iterdir()), sep="\n  ")


def check_tools() -> None:
    """End if a compiler is missing."""
    for machine in KERNEL_FLAGS:
        if shutil.which(f"{machine}-linux-gnu-gcc") is None:
            package = f"gcc-{machine.replace('_', '-')}-linux-gnu"
            sys.exit(f"{machine}-linux-gnu-gcc is not on the PATH: install Debian's package {package}")


def committed_files() -> set[str]:
    """Return the names of all files that git tracks. Ends if one is not committed as it is."""
    changed = output_of("git", "status", "--porcelain", "--untracked-files=normal")
    if changed:
        sys.exit(f"not everything is committed, and a release is built of what is:\n{changed}")
    return set(output_of("git", "ls-files").splitlines())


def build_all(commit: bytes, folder: Path) -> Path:
    """Build the sdist from a commit, a tar, and all wheels from the sdist; return their folder."""
    dist, checkout = folder / "dist", folder / "checkout"
    checkout.mkdir(parents=True)
    with tarfile.open(fileobj=BytesIO(commit)) as opened:
        opened.extractall(checkout, filter="data")
    build(checkout, dist, "--sdist", {})
    with tarfile.open(only(dist, "*.tar.gz")) as opened:
        opened.extractall(folder / "sdist", filter="data")
    source = only(folder / "sdist", "*")
    build(source, dist, "--wheel", {VARIABLE: "0"})
    for machine in KERNEL_FLAGS:
        said = build(source, dist, "--wheel", with_compiler(machine, folder))
        expected = f"for {machine}: {', '.join(KERNEL_FLAGS[machine])}, plain"
        check(expected in said, f"not every kernel was compiled, expected {expected}:\n{said}")
    return dist


def build(source: Path, dist: Path, kind: str, variables: Mapping[str, str]) -> str:
    """Build one distribution, and return what the build says."""
    command = [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", str(dist), str(source)]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(done.returncode == 0, done.stdout)
    return done.stdout


def with_compiler(machine: str, folder: Path) -> dict[str, str]:
    """Return the variables for a build with the kernels for `machine`; the compiler and its cache are in `folder`."""
    script = folder / f"cc-{machine}"
    glibc = ".".join(map(str, GLIBC))
    script.write_text(
        COMPILER.format(python=shlex.quote(sys.executable), machine=machine, glibc=glibc), encoding="utf-8"
    )
    script.chmod(0o755)
    cache = str(folder / "zig")
    return {
        VARIABLE: "1",
        PLATFORM: TAG,
        "CC": f"'{script}'",
        "ZIG_GLOBAL_CACHE_DIR": cache,
        "ZIG_LOCAL_CACHE_DIR": cache,
    }


def check_equal(first: Path, second: Path) -> None:
    """End if the files of two folders have other names or bytes."""
    for path in sorted({path.name for folder in (first, second) for path in folder.iterdir()}):
        same = (first / path).read_bytes() == (second / path).read_bytes()
        check(same, f"two builds of {path} differ: compare {first} with {second}")
    print("two builds have the same bytes")


def check_contents(dist: Path, names: set[str]) -> None:
    """Check what is in the distributions, their metadata, and which glibc the libraries want."""
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, sorted(dist.iterdir())))
    with tarfile.open(only(dist, "*.tar.gz")) as opened:
        found = {member.name.partition("/")[2] for member in opened.getmembers()}
    expected = {name for name in names if not name.startswith(".ci/")} | {"PKG-INFO"}
    check(found == expected, f"the sdist has, or lacks: {sorted(found ^ expected)}")
    check(len(list(dist.glob("*.whl"))) == 1 + len(KERNEL_FLAGS), f"expected another number of wheels in {dist}")
    with zipfile.ZipFile(only(dist, "*-py3-none-any.whl")) as pure:
        modules = {name for name in pure.namelist() if ".dist-info/" not in name}
    check(not [name for name in modules if name.endswith((".c", ".h", ".so"))], "the pure wheel holds C")
    for machine in KERNEL_FLAGS:
        check_library(only(dist, f"*-py3-none-{TAG}_{machine}.whl"), machine, modules)


def check_library(wheel: Path, machine: str, modules: set[str]) -> None:
    """Check that a wheel is the pure one with a library for `machine`, which glibc of version GLIBC can load."""
    with zipfile.ZipFile(wheel) as opened:
        found = {name for name in opened.namelist() if ".dist-info/" not in name}
        library = ELFFile(BytesIO(opened.read(LIBRARY_IN_WHEEL)))
    check(found == modules | {LIBRARY_IN_WHEEL}, f"{wheel.name} has, or lacks: {sorted(found ^ modules)}")
    check(library["e_machine"] == ELF_MACHINES[machine], f"the library of {wheel.name} is for {library['e_machine']}")
    shown = output_of(sys.executable, "-m", "auditwheel", "show", str(wheel))
    wanted = re.search(rf'platform\s+tag:\s+"manylinux_(\d+)_(\d+)_{machine}"', shown)
    check(wanted is not None and (int(wanted[1]), int(wanted[2])) <= GLIBC, f"{wheel.name} is no {TAG} wheel:\n{shown}")
    print(f"{wheel.name} would load with glibc {wanted[1]}.{wanted[2]}" if wanted else shown)


def bill_of_materials(dist: Path) -> None:
    """Write the SBOM of the runtime beside its wheels, and check that a second one has the same bytes."""
    metadata = metadata_of(dist)
    needs = needs_of(metadata)
    python = new_environment("sbom", *needs)
    fields = {"name": metadata["Name"], "version": metadata["Version"], "description": metadata["Summary"]}
    fields |= {"license": metadata["License-Expression"], "dependencies": needs}
    lines = ["[project]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items())]
    about = WORK / "sbom" / "pyproject.toml"
    about.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [str(Path(sys.executable).with_name("cyclonedx-py")), "environment", "--output-reproducible"]
    command += ["--pyproject", str(about), "--mc-type", "library", "--of", "JSON", "--validate"]
    bills = [
        subprocess.run([*command, place], check=True, capture_output=True, env=without_time()).stdout
        for place in (str(python), str(python.parents[1]))
    ]
    check(bills[0] == bills[1], "two SBOMs differ")
    (dist / f"{metadata['Name']}-{metadata['Version']}.cdx.json").write_bytes(bills[0])


def metadata_of(dist: Path) -> Message:
    """Return the metadata of the pure wheel."""
    with zipfile.ZipFile(only(dist, "*-py3-none-any.whl")) as pure:
        (name,) = (name for name in pure.namelist() if name.endswith(".dist-info/METADATA"))
        return BytesParser().parsebytes(pure.read(name))


def needs_of(metadata: Message) -> list[str]:
    """Return what a wheel needs without its extras."""
    return [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]


def check_installed() -> None:
    """Install the wheels that run here into new environments, and encode there."""
    needs = needs_of(metadata_of(OUT))
    kernels = new_environment("kernels", "pytest", *needs)
    install(kernels, "--no-index", "--no-deps", "--find-links", str(OUT), "biobert-onnx")  # pip chooses the wheel
    done = run(kernels, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", GOLDEN_VECTORS)
    check(" passed" in done and "does not run the kernel plain" not in done, f"the kernels are not installed:\n{done}")
    pure = new_environment("pure", *needs)
    install(pure, "--no-index", str(only(OUT, "*-py3-none-any.whl")))
    texts, vectors = WORK / "pure" / "texts.txt", WORK / "pure" / "vectors.npy"
    texts.write_text("The p53 gene\nBRCA1\n", encoding="utf-8")
    command = pure.with_name("biobert-onnx")
    print(run(command, "--version"), end="")
    done = run(command, "encode", str(KEPT_ARTIFACT), str(texts), "-o", str(vectors))
    check("2 vectors" in done and "engine onnxruntime" in done, done)


def new_environment(name: str, *packages: str) -> Path:
    """Make a virtual environment of that name with `packages`, without pip; return its Python."""
    folder = WORK / name
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    python = folder / "bin" / "python"
    if packages:
        install(python, *packages)
    return python


def install(python: Path, *arguments: str) -> None:
    """Have the pip of this environment install into that of `python`, in the versions of constraints.txt."""
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-cache-dir"]
    run(*pip, "--constraint", str(PROJECT / "constraints.txt"), *arguments)


def write_sums() -> None:
    """Write the sha256 of each file, as sha256sum --check reads them."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(OUT.iterdir())]
    (OUT / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def run(*command: str | Path) -> str:
    """Run a command in the checkout, without its packages on the path; return what it says, or end with it."""
    words = list(map(str, command))
    done = subprocess.run(
        words, cwd=PROJECT, env=without_time(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    check(done.returncode == 0, f"{' '.join(words)}\n{done.stdout}")
    return done.stdout


def without_time() -> dict[str, str]:
    """The environment without SOURCE_DATE_EPOCH, which cyclonedx would write down, and without PYTHONPATH."""
    return {name: value for name, value in os.environ.items() if name not in ("SOURCE_DATE_EPOCH", "PYTHONPATH")}


def output_of(*command: str) -> str:
    """Return what a command prints, without the last line's end."""
    return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.strip()


def only(folder: Path, pattern: str) -> Path:
    """Return the one file of a folder that has such a name."""
    found = sorted(folder.glob(pattern))
    check(len(found) == 1, f"expected one {pattern} in {folder}, found {len(found)}")
    return found[0]


def check(holds: bool, otherwise: str) -> None:
    """End with a message if a check fails."""
    if not holds:
        sys.exit(f"wheels: {otherwise}")


if __name__ == "__main__":
    main()
