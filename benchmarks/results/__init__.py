"""The committed records: raw samples and the conditions of each run, as JSON.

Comes in: what a program measured, written as a file. Goes out: the same, read for the report. Every program may import
it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent
"""The folder of the committed records: one folder a program, one file a subject or run."""


def read_records(program: str) -> list[dict[str, Any]]:
    """Read the committed records in the folder `program` of results/, sorted by name."""
    return [read_record(f"{program}/{path.stem}") for path in sorted((RESULTS / program).glob("*.json"))]


def read_record(name: str) -> dict[str, Any]:
    """Read one committed record; `name` is its path in results/, without the ending."""
    record: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return record


def write_record(path: Path, record: Mapping[str, Any], *, indent: int | None = 1) -> None:
    """Write `record` to `path`, whose folders are made; `indent` None: in one line, for thousands of samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=indent) + "\n", encoding="utf-8", newline="\n")
