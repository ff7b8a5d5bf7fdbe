"""Make one contender's files: python -m benchmarks.harness.prepare NAME WORK, which only the harness starts."""

import sys
from pathlib import Path

from benchmarks.harness.bench import ALL_ENTRIES
from benchmarks.harness.subjects import Subject
from benchmarks.harness.worker import contender_folder

if __name__ == "__main__":
    name, work = sys.argv[1:]
    subject = Subject.read(Path(work))
    ALL_ENTRIES[name].prepare(subject, contender_folder(subject, name))
