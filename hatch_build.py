"""The build of the C kernels: `runtime/biobert_onnx/kernels/source` becomes the shared library `_kernels.so` beside it.

hatchling calls `get_build_hook` for wheels and editable installs. `python hatch_build.py [FILE]` needs the standard
library alone: it compiles in place, or into FILE.

The compiler is $CC, else the first of cc, gcc, clang and Python's own that is on the PATH; a compiler for another
machine is used like any other. On Windows, which the C is not written for, none but $CC is tried. CFLAGS is not read:
the flags decide which bits the kernels compute. The environment variable BIOBERT_ONNX_KERNELS says what happens without
a library: it is not even tried (0), that is an error (1), or, if the variable is not set, one line says so and
everything runs on onnxruntime. Two builds give the same bytes: paths are relative, and the linker writes no random
numbers.

A wheel with the kernels is for the system that compiles it. Who knows that its library loads on older ones names their
tag in BIOBERT_ONNX_PLATFORM, without the machine: manylinux_2_28. `make wheels` does, and checks it.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
    from hatchling.builders.wheel import WheelBuilderConfig

FOLDER = Path(__file__).parent / "runtime" / "biobert_onnx" / "kernels"
SOURCE = FOLDER / "source"
LIBRARY = FOLDER / "_kernels.so"
"""The library's place in a checkout."""

LIBRARY_IN_WHEEL = "biobert_onnx/kernels/_kernels.so"

VARIABLE = "BIOBERT_ONNX_KERNELS"

PLATFORM = "BIOBERT_ONNX_PLATFORM"
"""The environment variable that names the Linux of a wheel."""

BASE_FLAGS = (
    "-std=c11",
    "-D_GNU_SOURCE",  # signals and system calls, beside C11
    "-O3",
    "-fPIC",
    "-fvisibility=hidden",
    "-ffp-contract=off",  # a product and a sum become one rounding only where the source says fma
    "-fno-math-errno",  # the square root is one instruction
    "-Wall",
    "-Wextra",
)
"""The flags of every file. None of them lets a compiler change a result."""

AVX512_FLAGS = ("-march=x86-64-v4", "-mavx512vnni", "-mprefer-vector-width=512")

KERNEL_FLAGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "x86_64": {
        "avx2": ("-march=x86-64-v3",),
        "avxvnni": ("-march=x86-64-v3", "-mavxvnni"),
        "vnni": AVX512_FLAGS,
        "amx": (*AVX512_FLAGS, "-mamx-tile", "-mamx-int8"),
    },
    "aarch64": {
        "neon_dot": ("-march=armv8.2-a+dotprod",),
        "neon_i8mm": ("-march=armv8.2-a+dotprod+i8mm",),
    },
}
"""Machine -> kernel -> the flags of `kernel_NAME.c`, beside BASE_FLAGS. The plain kernel, for any CPU, has none.

A compiler that refuses a kernel (older ones lack -mavxvnni, AMX or i8mm) leaves it out. The files that are no kernels
get a macro for each one that is there: -DHAVE_AMX=1.
"""

MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
"""The first part of a compiler's target, as compilers write it -> the machine."""

OLDEST_MACOS = "11.0"
"""The first macOS on Apple's own CPUs."""

LINK_FLAGS = {
    "linux": ("-shared", "-pthread", "-Wl,-z,defs,-z,noexecstack,-z,now,-z,relro", "-Wl,--build-id=none"),
    "darwin": ("-shared", "-pthread", f"-mmacosx-version-min={OLDEST_MACOS}"),
}
"""System -> how objects become the library. `-z defs` makes a function that nobody has an error of the build."""


class BuildError(Exception):
    """The reason why there is no library."""


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """A C compiler, and the machine and system that it compiles for."""

    command: tuple[str, ...]
    machine: str
    system: str

    @classmethod
    def find(cls) -> "Compiler":
        """Find $CC, or the first compiler on the PATH, and ask it for its target."""
        command = _command()
        target = _run([*command, "-dumpmachine"], "name its target").strip()
        machine = MACHINES.get(target.partition("-")[0])
        system = next((name for name in LINK_FLAGS if f"-{name}" in target), None)
        if machine is None or system is None:
            expected = f"{' or '.join(KERNEL_FLAGS)} with Linux or macOS"
            raise BuildError(f"{shlex.join(command)} compiles for {target!r}, expected {expected}")
        return cls(command=command, machine=machine, system=system)

    @property
    def wheel_tag(self) -> str:
        """The tag of a wheel with a library of this compiler: any Python 3, because ctypes needs no ABI of Python."""
        if self.system == "linux":
            return f"py3-none-{os.environ.get(PLATFORM) or 'linux'}_{self.machine}"
        machine = "arm64" if self.machine == "aarch64" else self.machine
        return f"py3-none-macosx_{OLDEST_MACOS.replace('.', '_')}_{machine}"

    def compile(self, source: str, flags: Sequence[str], objects: Path) -> None:
        """Compile one file of SOURCE to an object of the same name in `objects`."""
        oldest = [f"-mmacosx-version-min={OLDEST_MACOS}"] if self.system == "darwin" else []
        files = ["-c", source, "-o", str(objects / f"{source}.o")]
        _run([*self.command, *BASE_FLAGS, *oldest, *flags, *files], f"compile {source}")

    def link(self, objects: Path, library: Path) -> None:
        """Link all objects of a folder, in the order of their names."""
        names = sorted(path.name for path in objects.glob("*.o"))
        command = [*self.command, *LINK_FLAGS[self.system], *names, "-lm", "-o", str(library)]
        _run(command, "link the library", cwd=objects)


def _command() -> tuple[str, ...]:
    """Return the command of the compiler, with an absolute path."""
    given = os.environ.get("CC")
    if sys.platform == "win32" and not given:
        raise BuildError("they are for Linux and macOS")
    try:
        candidates = [shlex.split(name) for name in ([given] if given else _usual_names())]
    except ValueError as error:
        raise BuildError(f"CC is {given!r}, which is no command: {error}") from error
    for words in filter(None, candidates):
        if path := shutil.which(words[0]):
            return (str(Path(path).absolute()), *words[1:])
    raise BuildError(f"CC is {given!r}, which is not on the PATH" if given else "no C compiler is on the PATH")


def _usual_names() -> list[str]:
    return ["cc", "gcc", "clang", sysconfig.get_config_var("CC") or ""]


def _run(command: Sequence[str], task: str, *, cwd: Path = SOURCE) -> str:
    """Run a compiler, let its warnings through, and return what it prints. Raises BuildError with its first error."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise BuildError(f"{command[0]} cannot {task}: {error.strerror}") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line or "undefined" in line]
        reason = lines[0] if lines else f"it ended with status {done.returncode}"
        raise BuildError(f"{command[0]} cannot {task}: {reason}")
    sys.stderr.write(done.stderr)
    return done.stdout


def compile_library(library: Path) -> Compiler:
    """Compile the library into the file `library`, whole or not at all, and return its compiler."""
    compiler = Compiler.find()
    with tempfile.TemporaryDirectory() as folder:
        objects = Path(folder)
        kernels = _compile_kernels(compiler, objects)
        _compile_others(compiler, kernels, objects)
        compiler.link(objects, objects / LIBRARY.name)
        _replace(objects / LIBRARY.name, library)
    print(f"compiled {library.name} for {compiler.machine}: {', '.join(kernels)}, plain", file=sys.stderr)
    return compiler


def _compile_kernels(compiler: Compiler, objects: Path) -> list[str]:
    """Compile a file a kernel, all at once, and return the names of the kernels without the plain one."""
    flags = KERNEL_FLAGS[compiler.machine]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        plain = pool.submit(compiler.compile, "kernel_plain.c", (), objects)
        tries = {name: pool.submit(compiler.compile, f"kernel_{name}.c", flags[name], objects) for name in flags}
    plain.result()
    return [name for name, tried in tries.items() if _is_there(name, tried)]


def _is_there(name: str, tried: "Future[None]") -> bool:
    try:
        tried.result()
    except BuildError as error:
        print(f"the kernel {name} is left out: {error}", file=sys.stderr)
        return False
    return True


def _compile_others(compiler: Compiler, kernels: Sequence[str], objects: Path) -> None:
    """Compile the files that are no kernels, for the kernels that are there."""
    macros = [f"-DHAVE_{name.upper()}=1" for name in kernels]
    for path in sorted(SOURCE.glob("*.c")):
        if not path.name.startswith("kernel_"):
            compiler.compile(path.name, macros, objects)


def _replace(made: Path, library: Path) -> None:
    """Put a file in its place at once: a process that has the old one loaded keeps it."""
    library.parent.mkdir(parents=True, exist_ok=True)
    beside = library.with_name(f"{library.name}.{os.getpid()}")
    shutil.copyfile(made, beside)
    beside.replace(library)


def build(library: Path) -> str | None:
    """Compile the library as BIOBERT_ONNX_KERNELS says, and return the tag of its wheel; None without a library.

    Without a library the file `library` is removed: one of earlier sources must not be used.
    """
    choice = os.environ.get(VARIABLE, "")
    if choice not in ("", "0", "1"):
        sys.exit(f"{VARIABLE} is {choice!r}, expected 0 (no kernels), 1 (an error without kernels), or not set")
    platform = os.environ.get(PLATFORM, "")
    if not re.fullmatch(r"(manylinux|musllinux)_[0-9]+_[0-9]+|", platform):
        sys.exit(f"{PLATFORM} is {platform!r}, expected for example manylinux_2_28, without the machine, or not set")
    try:
        if choice != "0":
            return compile_library(library).wheel_tag
    except BuildError as error:
        if choice == "1":
            sys.exit(f"{VARIABLE} is 1, and the kernels cannot be compiled: {error}")
        print(f"warning: no kernels, everything will run on onnxruntime: {error}", file=sys.stderr)
    library.unlink(missing_ok=True)
    return None


def get_build_hook() -> "type[BuildHookInterface[WheelBuilderConfig]]":
    """Return the hook, of hatchling's own class."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
    from hatchling.builders.wheel import WheelBuilderConfig

    class KernelsHook(BuildHookInterface[WheelBuilderConfig]):
        """The library, in the checkout for an editable install, and outside of it for a wheel."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Compile before the wheel is made."""
            if version == "editable":
                build(LIBRARY)
                return
            self.folder = tempfile.TemporaryDirectory()
            library = Path(self.folder.name) / LIBRARY.name
            if tag := build(library):
                build_data |= {"tag": tag, "pure_python": False}
                build_data["force_include"][str(library)] = LIBRARY_IN_WHEEL

        def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
            """Remove what was compiled for the wheel."""
            if version != "editable":
                self.folder.cleanup()

    return KernelsHook


if __name__ == "__main__":
    build(Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else LIBRARY)
