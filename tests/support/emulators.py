"""Other CPUs with a Python: qemu's emulators and a small Debian for aarch64, in a folder.

Both are packages of Debian, which apt fetches and dpkg-deb unpacks: apt has lists and a status of its own in that
folder, so nothing is installed on this machine, and nothing needs root. What was unpacked whole is used again.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[2]

RELEASE = "trixie"
"""The release of Debian: its qemu 10.0 knows neoverse-v1, and is linked statically."""

MIRROR = "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

ROOT_PYTHON = "3.13"
ROOT_PACKAGES = (f"python{ROOT_PYTHON}", "libstdc++6")
"""What the root is made of, beside what these depend on; onnxruntime needs the library of C++."""

EMULATOR_PACKAGES = ("qemu-user",)
EMULATORS = ("qemu-aarch64", "qemu-x86_64")

WHEELS = (
    "numpy", "onnxruntime", "tokenizers",  # what the runtime imports, without what these name and never import
    "iniconfig", "packaging", "pluggy", "pygments", "pytest",
)  # fmt: skip
"""The wheels for aarch64, in the versions of constraints.txt."""

COMPILER = "aarch64-linux-gnu-gcc"

PROGRAMS: Mapping[str, str] = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    COMPILER: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "unshare": "util-linux",
}
"""The programs that must be installed, and the packages of Debian that have them."""

HIDE_SYS = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none /sys && exec "$@"', "sh")
"""Words before a command, which then sees an empty /sys, as AWS Lambda's functions on arm64 do.

A folder `sys` in qemu's root would not do: for a file that its root lacks, qemu opens this machine's.
"""

STAMP = "whole.json"


@dataclass(frozen=True)
class Interpreter:
    """A Python on an emulated CPU: the words that start it, and its environment variables."""

    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str, before: Sequence[str] = (), isolated: bool = False) -> str:
        """Run Python with `words`, `before` it those words, and return what it prints; see `output_of`."""
        variables = {} if isolated else {**os.environ, **self.variables}
        return output_of(*before, *self.command, *words, variables=variables)


def output_of(*words: str, variables: Mapping[str, str] | None = None) -> str:
    """Return what a command prints; if it fails, show all that it said and exit."""
    done = subprocess.run(words, cwd=PROJECT, env=variables, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\n{' '.join(words)}\nended with {done.returncode}")
    return done.stdout


def check_requirements() -> None:
    """Exit with all that is missing on this machine, and how to get it."""
    missing = [f"{name} (apt-get install {package})" for name, package in PROGRAMS.items() if not shutil.which(name)]
    if not KEYRING.exists():
        missing.append(f"{KEYRING} (apt-get install debian-archive-keyring)")
    if shutil.which("unshare") and subprocess.run([*HIDE_SYS, "true"], capture_output=True).returncode:
        missing.append("leave to make a mount namespace (run it as root, or allow user namespaces)")
    if os.uname().machine != "x86_64":
        missing.append(f"an x86-64 CPU, whose vectors all others are compared with: this is {os.uname().machine}")
    if missing:
        sys.exit(f"other CPUs cannot be emulated here, because this is missing: {'; '.join(missing)}")


def prepare(folder: Path) -> None:
    """Put emulators, root and wheels for aarch64 into `folder`, each unless it is there whole."""
    once(folder / "emulators", [RELEASE, *EMULATOR_PACKAGES], unpack_emulators)
    once(folder / "root", [RELEASE, *ROOT_PACKAGES], unpack_root)
    once(folder / "wheels", pinned_wheels(), install_wheels)


def once(folder: Path, contents: Sequence[str], make: Callable[[Path], None]) -> None:
    """Let `make` fill the new folder, unless it has these `contents` already."""
    stamp, expected = folder / STAMP, json.dumps(contents)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == expected:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make(folder)
    stamp.write_text(expected, encoding="utf-8")


def unpack_emulators(folder: Path) -> None:
    """Unpack qemu's programs into `folder`."""
    (package,) = fetch("amd64", EMULATOR_PACKAGES, folder / "apt")
    output_of("dpkg-deb", "--extract", str(package), str(folder / "package"))
    for name in EMULATORS:
        shutil.move(folder / "package" / "usr" / "bin" / name, folder / name)
    for work in ("apt", "package"):
        shutil.rmtree(folder / work)


def unpack_root(folder: Path) -> None:
    """Unpack Debian's packages for arm64 into `folder`, where their programs are not run."""
    packages = fetch("arm64", ROOT_PACKAGES, folder / "apt")
    (folder / "lib").symlink_to("usr/lib")  # as base-files would
    for package in packages:
        output_of("dpkg-deb", "--extract", str(package), str(folder))
    shutil.rmtree(folder / "apt")


def fetch(architecture: str, packages: Sequence[str], work: Path) -> list[Path]:
    """Fetch `packages` and all that they depend on, with apt's own files in `work`; return their files."""
    for name in ("lists/partial", "archives/partial"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()  # nothing is installed
    sources = work / "sources.list"
    sources.write_text(f"deb [arch={architecture} signed-by={KEYRING}] {MIRROR} {RELEASE} main\n", encoding="ascii")
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",  # that user may not write here
        "Dir::Cache": work,
        "Dir::Cache::archives": work / "archives",
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "-",
        "Dir::State": work,
        "Dir::State::Lists": work / "lists",
        "Dir::State::status": work / "status",
    }
    apt = ["apt-get", "--quiet", *(f"--option={name}={value}" for name, value in settings.items())]
    output_of(*apt, "--error-on=any", "update")
    output_of(*apt, "--yes", "--download-only", "install", *packages)
    return sorted((work / "archives").glob("*.deb"))


def pinned_wheels() -> list[str]:
    """Return WHEELS with their versions."""
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.partition("==")[0].lower() in WHEELS]


def install_wheels(folder: Path) -> None:
    """Install WHEELS for aarch64 into `folder`."""
    pip_install(folder, *pinned_wheels())


def install_project(folder: Path, work: Path) -> Path:
    """Build the checkout's wheel for aarch64 in `work`, install it into the new `folder`, and return it."""
    for each in (folder, work):
        shutil.rmtree(each, ignore_errors=True)
    variables = {**os.environ, "CC": COMPILER, "BIOBERT_ONNX_KERNELS": "1"}
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work), str(PROJECT)]
    output_of(*build, variables=variables)
    (wheel,) = work.glob("*_aarch64.whl")
    pip_install(folder, str(wheel))
    return wheel


def pip_install(folder: Path, *what: str) -> None:
    """Install packages into `folder`, for the Python of the root, without what they depend on."""
    tags = [*(f"manylinux_2_{minor}_aarch64" for minor in range(28, 16, -1)), "manylinux2014_aarch64", "linux_aarch64"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--implementation", "cp", "--python-version", ROOT_PYTHON, "--target", str(folder)]
    output_of(*command, *(f"--platform={tag}" for tag in tags), *what)


def aarch64(folder: Path, cpu: str, project: Path) -> Interpreter:
    """Return the Python of the root on an ARM of qemu's, with the wheels and what is installed in `project`."""
    path = [folder / "wheels", project, PROJECT]
    root = folder / "root"
    python = root / "usr" / "bin" / f"python{ROOT_PYTHON}"
    command = [folder / "emulators" / "qemu-aarch64", "-L", root, "-cpu", cpu, python, "-B"]
    variables = {"PYTHONHOME": "/usr", "PYTHONPATH": os.pathsep.join(map(str, path))}
    return Interpreter(tuple(map(str, command)), variables)


def x86_64(folder: Path, cpu: str) -> Interpreter:
    """Return the Python that runs this, on an x86-64 CPU of qemu's."""
    path = [PROJECT / "runtime", PROJECT]
    command = [folder / "emulators" / "qemu-x86_64", "-cpu", cpu, sys.executable, "-B"]
    return Interpreter(tuple(map(str, command)), {"PYTHONPATH": os.pathsep.join(map(str, path))})
