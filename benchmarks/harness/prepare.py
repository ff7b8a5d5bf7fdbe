"""Makes one contender's files: python -m benchmarks.harness.prepare NAME WORK."""

import sys
from pathlib import Path

from benchmarks.harness.subjects import Subject
from benchmarks.harness.worker import contender_folder
from benchmarks.peers.bounds import BOUNDS
from benchmarks.peers.contenders import CONTENDERS

if __name__ == "__main__":
    name, work = sys.argv[1:]
    subject = Subject.read(Path(work))
    {**CONTENDERS, **BOUNDS}[name].prepare(subject, contender_folder(subject, name))
