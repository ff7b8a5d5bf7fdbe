"""The size of what a contender's user installs: its distributions and everything that they require.

`python -m benchmarks.machine.installed NAME...`, by the Python of another environment, prints it as JSON.
"""

import json
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import biobert_onnx
from benchmarks.machine.environment import recorded_versions
from biobert_onnx._file_status import is_file


def installed_bytes(names: Iterable[str]) -> int:
    """Return the bytes of the files of the distributions `names` and of what they require, without extras.

    torch counts as the CPU build that the benchmarks run with; its default build on Linux is gigabytes larger.
    """
    return sum(map(_bytes, required_distributions(names).values()))


def required_distributions(names: Iterable[str]) -> dict[str, Distribution]:
    """Return the distributions `names` and all that they require, by name; raises PackageNotFoundError without one."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found[name] = distribution(name)
            waiting += _required(found[name])
    return found


def _required(item: Distribution) -> list[str]:
    requirements = [Requirement(line) for line in item.requires or []]
    return [each.name for each in requirements if _applies(each) and _is_installed(each.name)]


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


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
