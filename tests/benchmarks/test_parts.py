"""A measurement goes on behind its last complete part; a contender may have an environment of its own."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.bench import Record
from benchmarks.harness.parts import Parts
from benchmarks.harness.prepare import installed_facts
from benchmarks.harness.worker import WorkerError
from benchmarks.peers.contenders import CONTENDERS, OURS

CONDITIONS = {"cpu": "a CPU", "rounds": 3, "corpus_sizes": (1000, 2000)}


def parts_of(folder: Path, **changes: Any) -> Parts:
    return Parts(folder / "parts.json", {**CONDITIONS, **changes}, {"ours": {"precision": "int8"}})


def adding(parts: Parts, seconds: float) -> None:
    parts.records["ours"].setdefault("seconds", []).append(seconds)


def test_complete_parts_are_not_done_again_and_keep_their_samples(tmp_path: Path) -> None:
    first = parts_of(tmp_path)
    first.do("throughput", lambda: adding(first, 1.5))
    with pytest.raises(KeyboardInterrupt):
        first.do("latency", lambda: interrupted(first))
    later = parts_of(tmp_path)
    assert list(later.complete) == ["throughput"]
    assert later.records == {"ours": {"precision": "int8", "seconds": [1.5]}}
    later.do("throughput", lambda: adding(later, 9.0))
    later.do("latency", lambda: adding(later, 2.5))
    assert parts_of(tmp_path).records["ours"]["seconds"] == [1.5, 2.5]
    assert {*later.complete["latency"]} == {"begun", "seconds", "load"}


def interrupted(parts: Parts) -> None:
    adding(parts, 9.0)
    raise KeyboardInterrupt


def test_parts_of_another_measurement_are_refused(tmp_path: Path) -> None:
    parts = parts_of(tmp_path)
    parts.do("throughput", lambda: adding(parts, 1.5))
    with pytest.raises(ValueError, match="its rounds is 3, and now is 2; measure as before, or remove the folder"):
        parts_of(tmp_path, rounds=2)


def test_an_environment_of_its_own_tells_its_versions_and_its_size() -> None:
    contender = replace(CONTENDERS[OURS], python=sys.executable, lacks="no streams")
    facts: Record = installed_facts(contender)
    assert facts["installed_bytes"] == installed_facts(CONTENDERS[OURS])["installed_bytes"]
    assert facts["lacks"].startswith("no streams; it has an environment of its own: ")
    assert "biobert-onnx" in facts["lacks"]
    json.dumps(facts)


def test_a_missing_environment_is_named() -> None:
    with pytest.raises(WorkerError, match="its environment is missing: there is no 'nowhere/bin/python'"):
        installed_facts(replace(CONTENDERS[OURS], python="nowhere/bin/python"))
