"""The load run sees wrong bits, leaks and growth, and its processes do all that they say."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from benchmarks.harness.program import TERMINATED
from benchmarks.load import is_enough
from benchmarks.report.load_verdict import COLUMNS, Sample, minutes, verdict
from benchmarks.results import read_record
from biobert_onnx import SentenceEncoder
from biobert_onnx.encoding.engines import ENGINES, ONNXRUNTIME
from tests.support.engines import each_engine
from tests.support.texts import TEXTS

MIB = 1024
WORK_S = 2.0


def report(artifact: Path, folder: Path, *, engine: str = ONNXRUNTIME, change: float = 0) -> dict[str, Any]:
    """What a process of two threads reports after some seconds of work on the tests' texts, 60 of them."""
    texts = [f"{text} {number}" for number in range(5) for text in TEXTS]
    vectors = SentenceEncoder(artifact, engine=engine).encode(texts)
    vectors[7, 3] += change
    np.save(folder / "vectors.npy", vectors)
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    files = (artifact, folder / "texts.json", folder / "vectors.npy", folder / "opened")
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.harness.load_worker", *map(str, files), engine, "2"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        time.sleep(WORK_S)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == TERMINATED
    found: dict[str, Any] = json.loads(out)
    assert (folder / "opened").stat().st_size == found["opened"]
    return found


@each_engine
def test_a_process_under_load_ends_on_sigterm_with_right_bits_and_all_it_took_given_back(
    artifact: Path, tmp_path: Path, engine: str
) -> None:
    found = report(artifact, tmp_path, engine=engine)
    assert found["calls"] > found["opened"] > 0
    assert found["wrong_rows"] == 0
    assert found["after"] == found["before"]


def test_one_wrong_number_is_found(artifact: Path, tmp_path: Path) -> None:
    assert report(artifact, tmp_path, change=1e-6)["wrong_rows"] > 0


def samples(*, growth: float) -> list[Sample]:
    """Ten minutes of eight processes whose anonymous memory grows by `growth` KiB a second."""
    return [(float(second), 2000 * MIB, round(1600 * MIB + growth * second), 100, 80) for second in range(600)]


def raw(*, growth: float = 0, changes: Mapping[str, object] = MappingProxyType({})) -> dict[str, Any]:
    """The raw record of a good run, but for `growth` and for `changes` of its last process."""
    held = {"threads": 3, "files": 9}
    good = {"calls": 9000, "rows": 90_000, "wrong_rows": 0, "opened": 200}
    good |= {"forks": 30, "wrong_forks": 0, "hung_forks": 0}
    processes = [good | {"before": held, "after": held} for _ in range(8)]
    return {"samples": samples(growth=growth), "processes": [*processes[:-1], processes[-1] | dict(changes)]}


def test_a_good_run_has_no_faults() -> None:
    found = verdict(raw())
    assert found["faults"] == []
    assert found["calls"] == 8 * 9000


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        ("wrong bits", {"wrong_rows": 1}),
        ("wrong bits", {"wrong_forks": 1}),
        ("hung after a fork", {"hung_forks": 1}),
        ("threads or files leaked", {"after": {"threads": 4, "files": 9}}),
        ("fewer than 1000 encoders opened", {"opened": -1000}),
    ],
)
def test_a_fault_of_one_process_is_named(fault: str, changes: dict[str, object]) -> None:
    assert verdict(raw(changes=changes))["faults"] == [fault]


def test_memory_that_grows_by_a_tenth_is_a_fault() -> None:
    assert verdict(raw(growth=160 * MIB / 480))["faults"] == ["memory grew"]


def test_each_minute_has_its_medians() -> None:
    found = minutes(samples(growth=1))
    assert len(found) == 10
    assert set(found[0]) == set(COLUMNS)
    assert found[9]["anonymous"] - found[0]["anonymous"] == 540


def test_a_run_ends_after_its_time_and_enough_encoders_or_at_last_without_them() -> None:
    assert not is_enough(599, 600, 5000)
    assert is_enough(600, 600, 1000)
    assert not is_enough(3599, 600, 999)
    assert is_enough(3600, 600, 999)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_committed_records_are_of_ten_minutes_or_more_without_a_fault(engine: str) -> None:
    record = read_record(f"load/load-{engine}")
    assert record | verdict(record) == record
    assert record["seconds"] >= 600
    assert (len(record["processes"]), record["threads"], record["faults"]) == (8, 8, [])
