"""The files of contenders, each made in a process of its own.

python -m benchmarks.harness.prepare NAME WORK, which only `prepare_all` starts
"""

import json
import shutil
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from benchmarks.harness.bench import ALL_ENTRIES, Bench, Record
from benchmarks.harness.subjects import Subject
from benchmarks.harness.worker import WorkerError, contender_folder
from benchmarks.machine.installed import compile_checkout, installed_bytes
from benchmarks.peers.contender import Contender
from biobert_onnx._file_status import is_file


def prepare_all(bench: Bench) -> None:
    """Make the files of every contender, in the order of the table: one may use the files of an earlier one."""
    compile_checkout()
    for name in bench.records:
        bench.each(lambda name, record: _prepare(bench, name, record), [name], title="preparing")


def _prepare(bench: Bench, name: str, record: Record) -> None:
    """Make the contender's files in a process of its own; record the seconds, the bytes and the installed bytes."""
    contender = ALL_ENTRIES[name]
    record |= installed_facts(contender)
    shared = bench.records.get(contender.files_of or "")
    if shared:
        if "failure" in shared:
            raise WorkerError(f"prepare: it uses the files of {contender.files_of}, which failed")
        record |= {key: shared[key] for key in ("export_seconds", "artifact_bytes")}
        return
    folder = contender_folder(bench.subject, name)
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
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


def installed_facts(contender: Contender) -> Record:
    """Return the installed bytes; of a contender in an environment of its own also what is installed there."""
    if contender.python is None:
        try:
            return {"installed_bytes": installed_bytes(contender.installs)}
        except PackageNotFoundError as error:
            raise WorkerError(f"the package {error.name} is not installed: the extra 'benchmark' has it") from None
    if not is_file(contender.python):
        raise WorkerError(f"its environment is missing: there is no '{contender.python}', see `make benchmark`")
    command = [contender.python, "-m", "benchmarks.machine.installed", *contender.installs]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise WorkerError(f"prepare: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    found = json.loads(done.stdout)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(found["versions"].items()))
    lacks = f"{contender.lacks}; it has an environment of its own: {versions}"
    return {"installed_bytes": found["bytes"], "lacks": lacks}


def main(name: str, work: str) -> None:
    """Make the files of the contender `name` of the subject in the folder `work`."""
    subject = Subject.read(Path(work))
    ALL_ENTRIES[name].prepare(subject, contender_folder(subject, name))


if __name__ == "__main__":
    main(*sys.argv[1:])
