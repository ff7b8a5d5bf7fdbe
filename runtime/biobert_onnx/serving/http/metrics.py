"""What /metrics shows, in the format of Prometheus: counts of a process, or of all workers of `biobert-onnx serve`."""

import os
import sys
from pathlib import Path

from biobert_onnx._extras import requires_extra

with requires_extra("http", by="the HTTP app"):
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
    from prometheus_client.exposition import CONTENT_TYPE_LATEST
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's variable for the folder in which workers count together; `serve --workers` sets it."""

CONTENT_TYPE = CONTENT_TYPE_LATEST

BUCKETS_S = (0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 300.0)


class Metrics:
    """The metrics of one app."""

    def __init__(self) -> None:
        disable_created_metrics()  # twice as many lines, of which nothing is made here
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "biobert_onnx_requests", "Requests that were answered.", ("route", "status"), registry=registry
        )
        self._errors = Counter(
            "biobert_onnx_errors",
            "Requests whose answer has a status from 400 on.",
            ("route",),
            registry=registry,
        )
        self._seconds = Histogram(
            "biobert_onnx_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("route",),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._texts = Counter("biobert_onnx_texts", "Texts that were encoded.", ("model",), registry=registry)
        self._tokens = Counter("biobert_onnx_tokens", "Tokens that were encoded.", ("model",), registry=registry)
        self._cut_texts = Counter(
            "biobert_onnx_cut_texts", "Texts that were cut because they had too many tokens.", registry=registry
        )
        self._in_flight = Gauge(
            "biobert_onnx_requests_in_flight",
            "Requests whose body is there and whose answer is not sent yet.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._waiting = Gauge(
            "biobert_onnx_requests_waiting",
            "Requests in flight that wait for others to be encoded.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        if SHARED_FOLDER_VARIABLE in os.environ:
            _forget_dead_processes(Path(os.environ[SHARED_FOLDER_VARIABLE]))

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if status >= 400:
            self._errors.labels(route).inc()

    def count_texts(self, model: str, texts: int, tokens: int) -> None:
        """Count what was encoded."""
        self._texts.labels(model).inc(texts)
        self._tokens.labels(model).inc(tokens)

    def count_cut_texts(self, texts: int) -> None:
        """Count texts that were cut."""
        self._cut_texts.inc(texts)

    def set_in_flight(self, in_flight: int, waiting: int) -> None:
        """Set how many requests are in flight now, and how many of them wait."""
        self._in_flight.set(in_flight)
        self._waiting.set(waiting)

    def text(self) -> bytes:
        """Return all metrics as Prometheus reads them; of all workers where they count together."""
        if SHARED_FOLDER_VARIABLE not in os.environ:
            return bytes(generate_latest(self._registry))
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return bytes(generate_latest(registry))

    def close(self) -> None:
        """Take this process out of the sums of what is in flight."""
        if SHARED_FOLDER_VARIABLE in os.environ:
            mark_process_dead(os.getpid())


def _forget_dead_processes(folder: Path) -> None:
    """Take workers that were killed out of the sums of what is in flight.

    Not on Windows: there, signal 0 is Ctrl-C, and no question whether a process lives.
    """
    if sys.platform == "win32":
        return
    for path in folder.glob("gauge_live*_*.db"):
        process = int(path.stem.rpartition("_")[2])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            mark_process_dead(process)
        except PermissionError:
            continue
