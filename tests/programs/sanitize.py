"""Run the kernels' tests with all C compiled under AddressSanitizer and UndefinedBehaviorSanitizer: `make sanitize`.

The tests import a copy of the runtime package, build/sanitize/biobert_onnx, whose library has the sanitizers; the
libraries and programs that tests compile have them too. The first report ends the run. Leaks are not looked for: Python
keeps what it has until the process ends.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

from hatch_build import MACHINES, SOURCE  # noqa: E402
from tests.support.kernel_builds import SANITIZE, build, native_units  # noqa: E402

WORK = PROJECT / "build" / "sanitize"


def main() -> None:
    """Compile, test, and exit as pytest does."""
    os.environ[SANITIZE] = "1"
    package = WORK / SOURCE.parents[1].name
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(SOURCE.parents[1], package, ignore=shutil.ignore_patterns("source", "__pycache__", "_kernels.so*"))
    build(package / "kernels" / "_kernels.so", native_units(MACHINES[platform.machine().lower()]), link=("-shared",))
    environment = {
        "PYTHONPATH": str(WORK),
        "LD_PRELOAD": runtime_library(),
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    # Sanitizers write to the file of standard error, which pytest must not keep to itself: the process ends there.
    pytest = [sys.executable, "-m", "pytest", "--capture=sys", "-p", "no:cacheprovider"]
    command = [*pytest, "tests/runtime/kernels", *sys.argv[1:]]
    sys.exit(subprocess.run(command, cwd=PROJECT, env={**os.environ, **environment}).returncode)


def runtime_library() -> str:
    """The library that must be loaded before all others: Python itself was compiled without sanitizers."""
    command = ["gcc", "-print-file-name=libasan.so"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
