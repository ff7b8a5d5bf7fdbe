"""The demo gives a ratio of speeds only where the load and the spread of the rounds allow it."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from benchmarks.machine.cpu_load import busy_cpus
from benchmarks.peers.contenders import OURS, REFERENCE
from benchmarks.report.speed_comparison import MAX_SPREAD, ratio_sentence, reason_for_doubt
from benchmarks.results import RESULTS

STEADY = {"ours": [1.0, 1.1, 1.2], "theirs": [5.0, 5.5, 5.1]}


@pytest.mark.parametrize(("busy", "doubted"), [(0.0, False), (0.19, False), (0.21, True), (2.0, True)])
def test_two_threads_on_two_cpus_need_both(busy: float, doubted: bool) -> None:
    assert (reason_for_doubt(STEADY, busy_cpus=busy, cpus=2, threads=2) is not None) == doubted


def test_other_processes_may_have_the_cpus_that_are_not_used() -> None:
    assert reason_for_doubt(STEADY, busy_cpus=30.0, cpus=64, threads=2) is None
    assert reason_for_doubt(STEADY, busy_cpus=63.0, cpus=64, threads=2) is not None


def test_rounds_that_differ_too_much_are_named() -> None:
    rounds = {**STEADY, "theirs": [5.0, 5.0, 5.1 * MAX_SPREAD]}
    reason = reason_for_doubt(rounds, busy_cpus=0.0, cpus=2, threads=2)
    assert reason == "the longest round of theirs took 1.5 times as long as the shortest"


def test_no_ratio_stands_in_the_sentence_that_withholds_it() -> None:
    sentence = ratio_sentence([1.0, 1.0], [34.64, 34.64], doubt="other processes kept 2.0 of 2 CPUs busy")
    assert "34" not in sentence
    assert "times" not in sentence


@pytest.mark.parametrize("path", sorted((RESULTS / "peers").glob("*.json")), ids=lambda path: str(path.stem))
def test_the_committed_records_would_be_trusted(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    rounds = {name: record["contenders"][name]["throughput_seconds"] for name in (OURS, REFERENCE)}
    assert reason_for_doubt(rounds, busy_cpus=0.0, cpus=2, threads=2) is None


def work_until(end: float) -> None:
    while time.monotonic() < end:
        pass


def test_a_busy_thread_is_seen_in_the_load() -> None:
    thread = threading.Thread(target=work_until, args=(time.monotonic() + 2,))
    thread.start()
    busy = busy_cpus(1.0)
    thread.join()
    assert 0.3 < busy <= len(os.sched_getaffinity(0))
