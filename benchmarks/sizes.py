"""Count what pip installs for each extra, in the environment that runs this, and write results/sizes/extras.json.

A size is that of a distribution's files and of all that it requires, torch as the CPU build; pip itself is not counted.
The environment needs the extra `test`, which has all of the others that are counted.
"""

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from benchmarks.harness.program import program_parser, run_program
from benchmarks.machine.environment import environment
from benchmarks.machine.installed import installed_bytes
from benchmarks.report.sizes import TITLES
from benchmarks.results import RESULTS, write_record

NAME = "biobert-onnx"


def main() -> None:
    """Count, write the record, print the bytes."""
    parser = program_parser(__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS / "sizes", metavar="FOLDER", help="default: %(default)s")
    options = parser.parse_args()
    try:
        found = {extra: installed_bytes([f"{NAME}[{extra}]" if extra else NAME]) for extra in TITLES}
    except PackageNotFoundError as error:
        raise ValueError(f"the package {error.name} is not installed: the extra 'test' has it") from None
    record = {"environment": environment(), "bytes": found}
    write_record(options.output / "extras.json", record)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    run_program(main)
