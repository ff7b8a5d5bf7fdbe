"""Shows where an artifact's time goes, by operator: python -m benchmarks.profile ARTIFACT [BATCH TOKENS]."""

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from biobert_onnx.artifact.paths import ENCODER_GRAPH
from biobert_onnx.encoding.sessions import new_session, session_options

RUNS = 20
SHOWN = 10
SHAPE = (8, 32)


def main(artifact: str, batch: int, tokens: int) -> None:
    """Print the median time of a micro-batch on one thread, and each operator's share of the time in operators."""
    graph = Path(artifact) / ENCODER_GRAPH
    chance = np.random.default_rng(0)
    input_ids = chance.integers(1000, 20_000, size=(batch, tokens)).astype(np.int64)
    print(f"{batch} texts of {tokens} tokens: {1000 * _median_seconds(graph, input_ids):.2f} ms on one thread")
    durations = _durations(graph, input_ids)
    total = sum(durations.values())
    for operator, duration in durations.most_common(SHOWN):
        print(f"{operator:24} {100 * duration / total:5.1f} %")


def _median_seconds(graph: Path, input_ids: np.ndarray) -> float:
    session = new_session(graph, session_options(threads=1))
    samples = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        session.run(None, {"input_ids": input_ids})
        samples.append(time.perf_counter() - begin)
    return statistics.median(samples[RUNS // 4 :])


def _durations(graph: Path, input_ids: np.ndarray) -> Counter[str]:
    """Microseconds in each operator over RUNS runs, by onnxruntime's own profiler."""
    with tempfile.TemporaryDirectory() as folder:
        options = session_options(threads=1)
        options.enable_profiling, options.profile_file_prefix = True, str(Path(folder) / "profile")
        session = new_session(graph, options)
        for _ in range(RUNS):
            session.run(None, {"input_ids": input_ids})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    durations: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            durations[event["args"]["op_name"]] += event["dur"]
    return durations


if __name__ == "__main__":
    _, artifact, *shape = sys.argv
    main(artifact, *(map(int, shape) if shape else SHAPE))
