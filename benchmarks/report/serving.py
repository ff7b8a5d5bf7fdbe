"""The figures of docs/serving.md, from the record of `benchmarks.serving`."""

from collections.abc import Iterator

from benchmarks.report.samples import Record, markdown_table, median
from biobert_onnx.encoding.engines import ENGINES

APP = "biobert-onnx, {engine}"
ALONE = "encode without a server, {engine}"
PEERS = {
    "sentence-transformers": "sentence-transformers, float32, behind a plain route",
    "infinity": "infinity, float32 on PyTorch",
}
"""The other servers that have a row if they were measured: name in the record, and title."""

CLIENTS = {"1 clients": "1 client", "8 clients": "8", "32 clients": "32", "128 clients": "128"}
ONE_CLIENT, ONE_CALLER, RESTED_CALLER = "1 clients", "1 caller", "1 caller, after a rest of 1 ms"
BESIDE_LONG_TEXTS, NO_ROUTE = "1 client beside 600 long texts", "1 client, no such route"


def serving_lines(record: Record) -> Iterator[str]:
    """Yield the tables of requests, line by line: medians over the rounds of the record."""
    yield from _request_table(record)
    yield from _latency_table(record)
    yield f"\n{_checks(record)}"


def _request_table(record: Record) -> Iterator[str]:
    titles = {APP.format(engine=engine): f"this app, {engine}" for engine in ENGINES} | PEERS
    rows = [
        [
            title,
            *(f"{_rate(record, name, load):.0f}" for load in CLIENTS),
            f"{_latency(record, name, ONE_CLIENT):.1f}",
            " / ".join(f"{_latency(record, name, BESIDE_LONG_TEXTS, percent):.1f}" for percent in ("p50", "p99")),
        ]
        for name, title in titles.items()
        if name in record["servers"]
    ]
    columns = [*CLIENTS.values(), "1 client, p50, ms", "beside 600 long texts a request, p50 / p99, ms"]
    yield from markdown_table("requests a second", columns, rows)


def _latency_table(record: Record) -> Iterator[str]:
    rows = []
    for engine in ENGINES:
        app, alone = APP.format(engine=engine), ALONE.format(engine=engine)
        latencies = [
            _latency(record, alone, ONE_CALLER),
            _latency(record, alone, RESTED_CALLER),
            _latency(record, app, ONE_CLIENT),
            _latency(record, app, NO_ROUTE),
        ]
        rows.append([engine, *(f"{latency:.1f}" for latency in latencies)])
    columns = ["`encode` in a loop", "`encode` after a rest of 1 ms", "a request", "a request for no route (404)"]
    yield from markdown_table("one sentence, p50, ms", columns, rows)


def _rate(record: Record, server: str, load: str) -> float:
    return median([figures["requests_per_second"] for figures in record["servers"][server][load]])


def _latency(record: Record, server: str, load: str, percent: str = "p50") -> float:
    return median([figures["latency_ms"][percent] for figures in record["servers"][server][load]])


def _checks(record: Record) -> str:
    asked = sum(checked["requests"] for checked in record["checked"].values())
    lost = sum(checked["lost"] for checked in record["checked"].values())
    return f"Of {asked:,} answers that were checked bit by bit, {lost} were lost or wrong."


def memory_lines(record: Record) -> Iterator[str]:
    """Yield the table of memory by kind of request, line by line."""
    by_engine = [record["memory"][APP.format(engine=engine)] for engine in ENGINES]
    rows = [[request, *(_above_idle(found, request) for found in by_engine)] for request in by_engine[0]["requests"]]
    columns = [f"{engine}: peak, after" for engine in ENGINES]
    yield from markdown_table("8 requests at once, MiB above idle", columns, rows)
    idle = " and ".join(
        f"{found['idle_mib']} MiB with {engine}" for engine, found in zip(ENGINES, by_engine, strict=True)
    )
    yield f"\nIdle, the app takes {idle}."


def _above_idle(found: Record, request: str) -> str:
    return ", ".join(
        f"{max(0, found['requests'][request][key] - found['idle_mib'])}" for key in ("peak_mib", "after_mib")
    )
