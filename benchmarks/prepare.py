"""Makes one contender's files: python -m benchmarks.prepare NAME WORK."""

import sys
from pathlib import Path

from benchmarks.bounds import BOUNDS
from benchmarks.contenders import CONTENDERS
from benchmarks.subjects import Subject
from benchmarks.worker import contender_folder

if __name__ == "__main__":
    name, work = sys.argv[1:]
    subject = Subject.read(Path(work))
    {**CONTENDERS, **BOUNDS}[name].prepare(subject, contender_folder(subject, name))
