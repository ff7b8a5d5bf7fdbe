"""A contender's process pays for its own imports only, is held to its CPUs after them, and says why it cannot run."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from benchmarks.harness.bench import Bench
from benchmarks.harness.subjects import Subject
from benchmarks.harness.worker import contender_folder
from benchmarks.machine.installed import compile_checkout, installed_bytes, required_distributions
from benchmarks.peers.contender import Contender
from benchmarks.peers.contenders import CONTENDERS, OURS, OURS_ONNXRUNTIME, OURS_PREPACKED, with_owners
from biobert_onnx import encoder

PROJECT = Path(__file__).parents[2]

HELD = """
import os, threading
from benchmarks.machine.cpus import hold_to_first_cpus
stop = threading.Event()
early = threading.Thread(target=stop.wait)
early.start()
hold_to_first_cpus(1)
late = threading.Thread(target=stop.wait)
late.start()
found = [os.sched_getaffinity(thread.native_id) for thread in (early, late)] + [os.sched_getaffinity(0)]
stop.set()
print(found == 3 * [{FIRST}])
"""


ENDING = """
import threading, time
from benchmarks.machine.cpus import hold_to_first_cpus
from benchmarks.machine.threads import read_of_threads
stop = threading.Event()
def start_threads():
    while not stop.is_set():
        threading.Thread(target=time.sleep, args=[0]).start()
beside = [threading.Thread(target=start_threads) for _ in range(2)]
for thread in beside: thread.start()
end = time.monotonic() + 2
while time.monotonic() < end:
    hold_to_first_cpus(2)
    assert "" not in read_of_threads("self", "comm")
stop.set()
print("held")
"""


def run(code: str) -> str:
    """What a new process prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_threads_from_before_and_after_are_held_to_the_first_cpus() -> None:
    first = "min(os.sched_getaffinity(os.getppid()))"
    assert run(HELD.replace("FIRST", first)) == "True"


def test_threads_that_end_meanwhile_are_left_out() -> None:
    assert run(ENDING) == "held"


def test_this_projects_processes_start_with_bytecode_as_those_of_installed_packages_do() -> None:
    cached = Path(cache_from_source(encoder.__file__))
    cached.unlink(missing_ok=True)
    compile_checkout()
    assert cached.is_file()


def test_the_size_of_an_extra_holds_what_it_requires_and_the_project_itself_does_not() -> None:
    assert "starlette" in required_distributions(["biobert-onnx[http]"])
    assert "starlette" not in required_distributions(["biobert-onnx"])
    assert installed_bytes(["biobert-onnx[http]"]) > installed_bytes(["biobert-onnx"]) > installed_bytes(["numpy"])


def imports_on_onnxruntime() -> set[tuple[str, ...]]:
    """What the contenders import that are installed here and run on onnxruntime."""
    on_kernels = (OURS, OURS_PREPACKED)
    found = [each for name, each in CONTENDERS.items() if name not in on_kernels and _needs_onnxruntime(each)]
    return {each.imports for each in found}


def _needs_onnxruntime(contender: Contender) -> bool:
    try:
        return "onnxruntime" in required_distributions(contender.installs)
    except PackageNotFoundError:
        return False


@pytest.mark.parametrize("imports", sorted(imports_on_onnxruntime()), ids=", ".join)
def test_onnxruntime_is_imported_before_its_process_is_held_to_its_cpus(imports: tuple[str, ...]) -> None:
    modules = "\n".join(f"import {module}" for module in imports)
    assert run(f"import sys\n{modules}\nprint('onnxruntime' in sys.modules)") == "True"


def test_a_contender_brings_the_one_whose_files_it_loads() -> None:
    assert with_owners([OURS_ONNXRUNTIME]) == [OURS, OURS_ONNXRUNTIME]
    assert with_owners([OURS]) == [OURS]


def test_both_engines_are_told_apart_by_their_imports() -> None:
    assert "onnxruntime" in CONTENDERS[OURS_ONNXRUNTIME].imports
    assert "onnxruntime" not in CONTENDERS[OURS].imports


def test_a_worker_imports_no_contender_before_the_clock_starts() -> None:
    started = "import benchmarks.harness.subjects, benchmarks.harness.worker, benchmarks.peers.bounds, sys"
    heavy = ("biobert_onnx", "onnxruntime", "torch", "openvino", "ctranslate2", "fastembed", "sentence_transformers")
    assert (
        run(f"{started}\nimport benchmarks.peers.contenders\nprint([n for n in {heavy} if n in sys.modules])") == "[]"
    )


def test_without_a_kernel_the_engines_contender_has_a_reason_and_does_not_fall_back(
    tiny_checkpoint: Path, artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOBERT_ONNX_KERNEL", "no-such-kernel")
    subject = Subject.prepare("tiny", tiny_checkpoint, tmp_path / "work")
    contender_folder(subject, OURS).mkdir()
    (contender_folder(subject, OURS) / "artifact").symlink_to(artifact)
    with Bench(subject, [OURS, OURS_ONNXRUNTIME], threads=1) as bench:
        bench.each(lambda name, record: record.update(bench.worker(name).memory()), list(bench.records), title="memory")
    assert "kernels" in bench.records[OURS]["failure"]
    assert "resident" not in bench.records[OURS]
    assert bench.records[OURS_ONNXRUNTIME]["resident"] > 0
