"""The size of what a contender's user installs: its distributions and everything that they require.

`python -m benchmarks.machine.installed NAME...`, by the Python of another environment, prints it as JSON.
"""

import compileall
import json
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import benchmarks
import biobert_onnx
from benchmarks.machine.environment import recorded_versions
from biobert_onnx._file_status import is_file


def installed_bytes(names: Iterable[str]) -> int:
    """Return the bytes of the files of the distributions `names`, such as "torch" or "biobert-onnx[export]".

    What they require counts, too; without extras in brackets, what those would add does not. torch counts as the CPU
    build that the benchmarks run with; its default build on Linux is gigabytes larger.
    """
    return sum(map(_bytes, required_distributions(names).values()))


def compile_checkout() -> None:
    """Write the bytecode of this project and its benchmarks, as pip does for what it installs.

    Without it, where PYTHONDONTWRITEBYTECODE is set, every process that starts from the checkout compiles them anew,
    and no other contender's.
    """
    for package in (biobert_onnx, benchmarks):
        compileall.compile_dir(package.__path__[0], quiet=1)


def required_distributions(names: Iterable[str]) -> dict[str, Distribution]:
    """Return the distributions `names` and all that they require, by name; raises PackageNotFoundError without one."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        found.setdefault(name, distribution(name))
        for extra in {"", *wanted.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += _required(found[name], extra)
    return found


def _required(item: Distribution, extra: str) -> list[Requirement]:
    requirements = [Requirement(line) for line in item.requires or []]
    return [each for each in requirements if _applies(each, extra)]


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def main(names: list[str]) -> None:
    """Print the bytes of `names`, and the versions of what a record holds, in this environment."""
    print(json.dumps({"bytes": installed_bytes(names), "versions": recorded_versions()}))


def _bytes(item: Distribution) -> int:
    if canonicalize_name(item.name) == "biobert-onnx":  # installed in place: its wheel holds more than the runtime
        package = Path(biobert_onnx.__file__).parent
        return sum(path.stat().st_size for ending in ("*.py", "*.so") for path in package.rglob(ending))
    paths = [Path(str(item.locate_file(path))) for path in item.files or []]
    return sum(path.stat().st_size for path in paths if is_file(path))


if __name__ == "__main__":
    main(sys.argv[1:])
