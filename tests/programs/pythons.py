"""Run the runtime's tests on every Python at hand, with the oldest and the newest dependencies: `make test-pythons`.

The wheel is built once and installed into an environment for each run, with the packages of the extras http, pandas and
parquet; tests/runtime then runs on the installed wheel and not on the checkout. Spark has runs of its own, which must
be named. The runs are:

  3.11, 3.12, ...  each Python that is found: the running one, those of pyenv, python3.X on the PATH; and, for root
                   where there is debootstrap, that of Debian sid, in build/sid. The packages are those of
                   constraints.txt.
  oldest           the oldest Python, with the oldest versions that pyproject.toml accepts
  newest           the newest Python, with the newest versions there are
  at-hand          the newest Python outside of build/sid, with constraints.txt, without the slow tests that depend on
                   Python least: what CI runs
  spark-3.11, ...  tests/runtime/spark alone, with the oldest pyspark that pyproject.toml accepts on that Python

The results replace those of the same names in benchmarks/results/platforms/pythons.json; `at-hand` leaves no record.
With --vectors nothing is tested, and the runs compare bits alone, in a minute each. The program exits with 1 if a test
fails, or if two runs disagree on a bit of the kernels' vectors.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

from benchmarks.machine.environment import environment  # noqa: E402
from benchmarks.report.platforms import HASH_DIGITS, counts_cell  # noqa: E402
from benchmarks.results import RESULTS  # noqa: E402
from biobert_onnx.encoding.engines import KERNELS  # noqa: E402
from tests.support.pytest_runs import QUICK_TESTS, counted_tests, tiny_artifact  # noqa: E402

WORK = PROJECT / "build" / "pythons"
CHROOT = PROJECT / "build" / "sid"
RECORD = RESULTS / "platforms" / "pythons.json"
FACTS = PROJECT / "tests" / "programs" / "platform_facts.py"

EXTRAS = ("http", "pandas", "parquet")
SPARK_EXTRAS = ("spark",)
TEST_PACKAGES = ("huggingface_hub", "hypothesis", "jsonschema", "pytest")
"""What tests/runtime imports beside the wheel and its extras."""

OLDEST, NEWEST, AT_HAND, SPARK = "oldest", "newest", "at-hand", "spark-"

IN_CHROOT = """set -e
mount --bind "$1" "$2$1"; mount --bind /proc "$2/proc"; mount --rbind /dev "$2/dev"
mount --bind /etc/resolv.conf "$2/etc/resolv.conf"; mount --bind /etc/ssl/certs "$2/etc/ssl/certs"
root=$2; project=$1; shift 2
exec chroot "$root" env --unset=TMPDIR --unset=PYTEST_DEBUG_TEMPROOT --chdir="$project" "$@"
"""
"""Shell: CHECKOUT ROOT COMMAND... runs the command in ROOT, where the checkout has the same path. For `unshare`, which
takes the mounts away when the command ends. Folders for temporary files outside of ROOT are not there, so the variables
that name one are unset."""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python: the words that start it, its version, "t" if it has no GIL, and whether it is the one in CHROOT."""

    command: tuple[str, ...]
    version: tuple[int, ...]
    threading: str
    in_chroot: bool

    @property
    def python_version(self) -> str:
        """The first two numbers."""
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def full_version(self) -> str:
        """All three numbers."""
        return ".".join(map(str, self.version))

    @property
    def name(self) -> str:
        """How people name it: 3.14, or 3.14t without the GIL."""
        return self.python_version + self.threading


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: its name, its Python, what pip takes beside the wheel, what pytest takes, and a note for the record."""

    name: str
    interpreter: Interpreter
    constraints: Path | None
    note: str
    extras: tuple[str, ...] = EXTRAS
    tests: tuple[str, ...] = ("tests/runtime",)


def main() -> int:
    """Run what is named, or all runs but Spark's, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="RUN", help="runs to do (default: all Pythons, oldest, newest)")
    parser.add_argument("--vectors", action="store_true", help="compare the vectors alone, and run no tests")
    arguments = parser.parse_args()
    names = arguments.names
    WORK.mkdir(parents=True, exist_ok=True)
    found = interpreters(with_chroot=names != [AT_HAND])
    runs = chosen({run.name: run for run in all_runs(found)}, names)
    wheel, artifact = build_wheel(), tiny_artifact(WORK)
    results = {}
    for run in runs:
        results[run.name] = result(run, wheel, artifact, with_tests=not arguments.vectors)
        if run.name != AT_HAND:
            write_record(results)
    return verdict(results)


def chosen(runs: Mapping[str, Run], names: Sequence[str]) -> list[Run]:
    """Return the runs named, or all that need no name."""
    if unknown := set(names) - set(runs):
        sys.exit(f"no run is called {', '.join(sorted(unknown))}; here are: {', '.join(runs)}")
    return [runs[name] for name in names or runs if names or not name.startswith((AT_HAND, SPARK))]


# ---- The Pythons.


def interpreters(*, with_chroot: bool) -> list[Interpreter]:
    """Return the interpreters that pyproject.toml accepts, the oldest first: of each X.Y the newest one."""
    accepted = SpecifierSet(pyproject()["project"]["requires-python"])
    commands: dict[tuple[str, ...], bool] = dict.fromkeys(((path,) for path in paths_of_pythons()), False)
    if with_chroot and prepare_chroot():
        commands[(*chroot_command(), "/usr/bin/python3")] = True
    found: dict[str, Interpreter] = {}
    for command, in_chroot in commands.items():
        each = asked(command, in_chroot)
        if each is not None and each.full_version in accepted:
            found[each.name] = max(found.get(each.name, each), each, key=lambda it: (it.version, not it.in_chroot))
    return sorted(found.values(), key=lambda each: (not each.threading, each.version))


def paths_of_pythons() -> Iterator[str]:
    """Yield the paths of Pythons outside of the chroot."""
    yield sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob("versions/*/bin/python3")))
    for folder in os.get_exec_path():
        yield from (str(path) for path in sorted(Path(folder).glob("python3.*")) if re.search(r"3\.\d+t?$", path.name))


def asked(command: tuple[str, ...], in_chroot: bool) -> Interpreter | None:
    """Return the Python that `command` starts; None for none, as pyenv's placeholders are, and for a pre-release."""
    code = "import sys; print(*sys.version_info[:4], *('t' for flag in sys.abiflags if flag == 't'))"
    done = subprocess.run([*command, "-c", code], capture_output=True, text=True)
    match done.stdout.split():
        case [major, minor, micro, "final", *threading] if done.returncode == 0:
            version = (int(major), int(minor), int(micro))
            return Interpreter(command=command, version=version, threading="".join(threading), in_chroot=in_chroot)
    return None


def prepare_chroot() -> bool:
    """Make CHROOT unless it is there, and return True; False, and a line on standard error, where it cannot be made."""
    if not (CHROOT / "usr/bin/python3").exists():
        if os.getuid() or shutil.which("debootstrap") is None:
            print("the Python of Debian sid is left out: that needs root, and the package debootstrap", file=sys.stderr)
            return False
        packages = "--include=python3,python3-venv,ca-certificates,gcc,libc6-dev"
        call("debootstrap", "--variant=minbase", packages, "sid", str(CHROOT))
    (CHROOT / PROJECT.relative_to("/")).mkdir(parents=True, exist_ok=True)
    (CHROOT / "etc/resolv.conf").touch()
    return True


def chroot_command() -> tuple[str, ...]:
    """Return the words that run in CHROOT the command that follows them."""
    return ("unshare", "--mount", "sh", "-c", IN_CHROOT, "sh", str(PROJECT), str(CHROOT))


# ---- The runs.


def all_runs(found: Sequence[Interpreter]) -> Iterator[Run]:
    """Yield every run there is on these interpreters."""
    pinned = PROJECT / "constraints.txt"
    for each in found:
        yield Run(name=each.name, interpreter=each, constraints=pinned, note="the versions of `constraints.txt`")
    yield Run(
        name=OLDEST,
        interpreter=found[0],
        constraints=oldest_versions(EXTRAS, found[0], WORK / "oldest.txt"),
        note="the oldest versions that `pyproject.toml` accepts",
    )
    yield Run(name=NEWEST, interpreter=found[-1], constraints=None, note="the newest versions of that day")
    at_hand = [each for each in found if not each.in_chroot]
    yield Run(name=AT_HAND, interpreter=at_hand[-1], constraints=pinned, note="", tests=QUICK_TESTS)
    for each in at_hand:
        yield Run(
            name=f"{SPARK}{each.name}",
            interpreter=each,
            constraints=oldest_versions(SPARK_EXTRAS, each, WORK / f"spark-{each.name}.txt"),
            note="the tests of Spark alone, with the oldest pyspark that `pyproject.toml` accepts there",
            extras=SPARK_EXTRAS,
            tests=("tests/runtime/spark",),
        )


def oldest_versions(extras: Iterable[str], interpreter: Interpreter, path: Path) -> Path:
    """Write, as constraints of pip, the least version of each package that the runtime and `extras` ask for.

    Raises ValueError if pyproject.toml has none for a package.
    """
    requirements = list(required(extras, interpreter))
    found = {each.name: version for each in requirements if (version := least(each))}
    if missing := {each.name for each in requirements} - set(found):
        raise ValueError(f"pyproject.toml has no least version of {', '.join(sorted(missing))}, expected >= or ==")
    path.write_text("".join(f"{name}=={version}\n" for name, version in found.items()), encoding="utf-8")
    return path


def least(requirement: Requirement) -> str:
    """Return the version behind >= or ==, "" without one.

    >>> least(Requirement("pandas<4,>=2.2.2"))
    '2.2.2'
    """
    return next((each.version for each in requirement.specifier if each.operator in (">=", "==")), "")


def required(extras: Iterable[str], interpreter: Interpreter) -> Iterator[Requirement]:
    """Yield what pyproject.toml requires on this Python, with the extras that those extras name."""
    project = pyproject()["project"]
    versions = {"python_version": interpreter.python_version, "python_full_version": interpreter.full_version}
    optional = project["optional-dependencies"]
    waiting = [*project["dependencies"], *(line for extra in extras for line in optional[extra])]
    while waiting:
        requirement = Requirement(waiting.pop(0))
        if requirement.name == project["name"]:
            waiting += [line for extra in requirement.extras for line in optional[extra]]
        elif requirement.marker is None or requirement.marker.evaluate(versions):
            yield requirement


def pyproject() -> dict[str, Any]:
    """Return the content of pyproject.toml."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


# ---- One run.


def build_wheel() -> Path:
    """Build the wheel with its kernels and return it."""
    folder = WORK / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    words = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(PROJECT)]
    call(*words, quiet=True, BIOBERT_ONNX_KERNELS="1")
    (wheel,) = folder.glob("*.whl")
    return wheel


def result(run: Run, wheel: Path, artifact: Path, *, with_tests: bool) -> dict[str, Any]:
    """Install, ask for the facts, test, and return the entry of the record; its tests are None without them."""
    folder = WORK / run.name
    print(f"== {run.name}: Python {run.interpreter.full_version}, {run.note or ' '.join(run.tests)}", flush=True)
    install(run, wheel, folder)
    python = [*(chroot_command() if run.interpreter.in_chroot else ()), str(folder / "bin/python")]
    facts = json.loads(call(*python, str(FACTS), str(artifact), quiet=True))
    package = Path(facts["package"])
    if not package.is_relative_to(folder):
        raise RuntimeError(f"the tests would run on {package}, expected the wheel that was installed into {folder}")
    engines = facts["engines"]
    if reasons := [f"{name}: {answer['reason']}" for name, answer in engines.items() if "reason" in answer]:
        raise RuntimeError(f"expected both engines to run, but {'; '.join(reasons)}")
    started, found = time.monotonic(), environment()
    tests = None
    if with_tests:
        report, variables = WORK / f"{run.name}.xml", clean_environment()
        tests = counted_tests(python, run.tests, artifact=artifact, report=report, variables=variables)
    return {
        "name": run.name,
        **{key: found[key] for key in ("date", "revision", "cpu")},
        **{key: facts[key] for key in ("system", "python", "versions")},
        "kernel": engines[KERNELS]["kernel"],
        "vectors_sha256": {name: answer["sha256"] for name, answer in engines.items()},
        "tests": tests,
        "seconds": round(time.monotonic() - started),
        "note": run.note,
    }


def install(run: Run, wheel: Path, folder: Path) -> None:
    """Make the run's environment anew."""
    shutil.rmtree(folder, ignore_errors=True)
    call(*run.interpreter.command, "-m", "venv", str(folder))
    python = [*(chroot_command() if run.interpreter.in_chroot else ()), str(folder / "bin/python")]
    constraints = [] if run.constraints is None else ["--constraint", str(run.constraints)]
    what = [f"{wheel}[{','.join(run.extras)}]", *TEST_PACKAGES]
    call(*python, "-m", "pip", "install", "--quiet", *constraints, *what)


def call(*words: str, quiet: bool = False, **variables: str) -> str:
    """Run a command that must end with 0, and return what it wrote if it was to be `quiet`."""
    output = subprocess.PIPE if quiet else None
    where = clean_environment() | variables
    return subprocess.run(words, check=True, cwd=PROJECT, env=where, text=True, stdout=output).stdout or ""


def clean_environment() -> dict[str, str]:
    """Return the environment variables without the one that would put the checkout before the wheel."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}


# ---- The record.


def write_record(results: Mapping[str, dict[str, Any]]) -> None:
    """Put the results in place of those of the same names."""
    kept = json.loads(RECORD.read_text(encoding="utf-8"))["runs"] if RECORD.exists() else []
    runs = {each["name"]: each for each in kept} | {**results}
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    content = {"environment": environment(), "runs": list(runs.values())}
    RECORD.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def verdict(results: Mapping[str, dict[str, Any]]) -> int:
    """Print a line a run and the sums, and return the exit code."""
    for name, each in results.items():
        counts = counts_cell(each["tests"])
        print(f"{name}: Python {each['python']}, {counts}, kernels {each['vectors_sha256']['kernels'][:HASH_DIGITS]}")
    tests = [each["tests"] for each in results.values() if each["tests"] is not None]
    sums = {word: sum(counts[word] for counts in tests) for word in ("passed", "failed", "skipped")}
    print(", ".join(f"{count} {word}" for word, count in sums.items()))
    hashes = {each["vectors_sha256"]["kernels"] for each in results.values()}
    if len(hashes) > 1:
        print(f"the kernels gave {len(hashes)} different sets of vectors, expected one", file=sys.stderr)
    return int(sums["failed"] > 0 or len(hashes) > 1)


if __name__ == "__main__":
    if platform.system() != "Linux":
        sys.exit("this program was made for Linux")
    sys.exit(main())
