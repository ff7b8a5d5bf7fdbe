"""The files of contenders, each made in a process of its own.

python -m benchmarks.harness.prepare NAME WORK, which only `prepare_all` starts
"""

import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from benchmarks.harness.bench import ALL_ENTRIES, Bench, Record
from benchmarks.harness.subjects import Subject
from benchmarks.harness.worker import WorkerError, contender_folder
from benchmarks.machine.installed import installed_bytes
from biobert_onnx._file_status import is_file


def prepare_all(bench: Bench) -> None:
    """Make the files of every contender, in the order of the table: one may use the files of an earlier one."""
    for name in bench.records:
        bench.each(lambda name, record: _prepare(bench, name, record), [name], title="preparing")


def _prepare(bench: Bench, name: str, record: Record) -> None:
    """Make the contender's files in a process of its own; record the seconds, the bytes and the installed bytes."""
    try:
        record["installed_bytes"] = installed_bytes(ALL_ENTRIES[name].installs)
    except PackageNotFoundError as error:
        raise WorkerError(f"the package {error.name} is not installed: the extra 'benchmark' has it") from None
    shared = bench.records.get(ALL_ENTRIES[name].files_of or "")
    if shared:
        if "failure" in shared:
            raise WorkerError(f"prepare: it uses the files of {ALL_ENTRIES[name].files_of}, which failed")
        record |= {key: shared[key] for key in ("export_seconds", "artifact_bytes")}
        return
    folder = contender_folder(bench.subject, name)
    folder.mkdir()
    begin = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.harness.prepare", name, bench.subject.work]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise WorkerError(f"prepare: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    record["export_seconds"] = time.perf_counter() - begin
    files = [path for path in folder.rglob("*") if is_file(path)]
    files = files or list(Path(bench.subject.checkpoint).glob("*.safetensors"))
    record["artifact_bytes"] = sum(path.stat().st_size for path in files)


def main(name: str, work: str) -> None:
    """Make the files of the contender `name` of the subject in the folder `work`."""
    subject = Subject.read(Path(work))
    ALL_ENTRIES[name].prepare(subject, contender_folder(subject, name))


if __name__ == "__main__":
    main(*sys.argv[1:])
