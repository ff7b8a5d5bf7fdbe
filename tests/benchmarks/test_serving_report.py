"""The figures of docs/serving.md are what the record of the servers renders."""

from typing import Any

import pytest

from benchmarks import render
from benchmarks.report.places import filled
from benchmarks.report.serving import serving_page

PAGE = "".join(
    f"{name}\n<!-- benchmarks.render: {name} -->\nold\n<!-- end -->\n" for name in ("memory of serving", "serving")
)


def test_the_page_is_what_the_committed_record_renders() -> None:
    page = render.SERVING.read_text(encoding="utf-8")
    assert serving_page(page, render.read_record(render.SERVING_RECORD)) == page


def test_no_answer_was_lost_in_the_committed_record() -> None:
    checked = render.read_record(render.SERVING_RECORD)["checked"]
    assert [each["lost"] for each in checked.values()] == [0, 0]
    assert all(each["requests"] >= 1000 for each in checked.values())


def test_a_peer_that_was_not_measured_has_no_row_and_one_that_was_has_its_medians() -> None:
    record = dict(render.read_record(render.SERVING_RECORD))
    servers = {name: found for name, found in record["servers"].items() if name != "infinity"}
    assert "| infinity" not in serving_page(PAGE, record | {"servers": servers})
    rounds = [figures(rate=10, latency=100), figures(rate=30, latency=300), figures(rate=20, latency=200)]
    loads = dict.fromkeys(servers["biobert-onnx, kernels"], rounds)
    page = serving_page(PAGE, record | {"servers": servers | {"infinity": loads}})
    assert "| infinity, float32 on PyTorch | 20 | 20 | 20 | 20 | 200.0 | 200.0 / 400.0 |" in page


def figures(*, rate: float, latency: float) -> dict[str, Any]:
    return {"requests_per_second": rate, "latency_ms": {"p50": latency, "p99": 2 * latency}}


@pytest.mark.parametrize(("page", "places"), [("no place\n", 0), (2 * PAGE, 2)])
def test_a_page_without_one_place_is_refused(page: str, places: int) -> None:
    with pytest.raises(ValueError, match=f"has {places} places 'serving', expected one"):
        filled(page, "serving", ["new"])
