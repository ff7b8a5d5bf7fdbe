"""The tables of docs/serving.md have what the record of the servers holds."""

from typing import Any

from benchmarks.report.serving import serving_lines
from benchmarks.results import read_record

RECORD = read_record("serving/all-MiniLM-L6-v2")


def test_no_answer_was_lost_in_the_committed_record() -> None:
    checked = RECORD["checked"]
    assert [each["lost"] for each in checked.values()] == [0, 0]
    assert all(each["requests"] >= 1000 for each in checked.values())


def test_a_peer_that_was_not_measured_has_no_row_and_one_that_was_has_its_medians() -> None:
    servers = {name: found for name, found in RECORD["servers"].items() if name != "infinity"}
    assert not [line for line in serving_lines(RECORD | {"servers": servers}) if line.startswith("| infinity")]
    rounds = [figures(rate=10, latency=100), figures(rate=30, latency=300), figures(rate=20, latency=200)]
    loads = dict.fromkeys(servers["biobert-onnx, kernels"], rounds)
    lines = serving_lines(RECORD | {"servers": servers | {"infinity": loads}})
    assert "| infinity, float32 on PyTorch | 20 | 20 | 20 | 20 | 200.0 | 200.0 / 400.0 |" in list(lines)


def figures(*, rate: float, latency: float) -> dict[str, Any]:
    return {"requests_per_second": rate, "latency_ms": {"p50": latency, "p99": 2 * latency}}
