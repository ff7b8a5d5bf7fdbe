"""A measurement in parts, each of which is kept when it is complete: an interrupted run goes on with the next one."""

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.harness.bench import Record
from biobert_onnx._atomic_files import atomic_file
from biobert_onnx._file_status import is_file


class Parts:
    """The parts of a measurement that are complete, and the records as these have filled them, in a file.

    `records`: those of the contenders, by name. `complete`: when each part began, its seconds, and the load before it.
    """

    def __init__(self, path: Path, conditions: Mapping[str, Any], records: dict[str, Record]) -> None:
        """Take up what the file `path` has; if there is none, no part is complete, and the records are `records`.

        `conditions`: what must be equal for all parts of a measurement. Raises ValueError if the file has others.
        """
        self._path, self._conditions = path, json.loads(json.dumps(conditions))
        self.records, self.complete = records, {}
        if is_file(path):
            kept = json.loads(path.read_text(encoding="utf-8"))
            self._check(kept["conditions"])
            self.records, self.complete = kept["records"], kept["complete"]

    def do(self, name: str, part: Callable[[], None]) -> None:
        """Do the part `name`, which fills the records, unless it is complete, and keep them."""
        if name in self.complete:
            return
        load, begun, begin = os.getloadavg(), datetime.now(UTC), time.monotonic()
        part()
        seconds = round(time.monotonic() - begin)
        self.complete[name] = {"begun": begun.isoformat(timespec="seconds"), "seconds": seconds, "load": load}
        content = {"conditions": self._conditions, "complete": self.complete, "records": self.records}
        with atomic_file(self._path) as file:
            file.write(json.dumps(content).encode())

    def _check(self, kept: Mapping[str, Any]) -> None:
        for name, value in self._conditions.items():
            if kept.get(name) != value:
                raise ValueError(
                    f"'{self._path}' has parts of another measurement: its {name} is {kept.get(name)!r:.200}, and now "
                    f"is {value!r:.200}; measure as before, or remove the folder to begin anew"
                )
