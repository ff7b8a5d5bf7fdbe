"""Show where the time of an artifact's graph goes on onnxruntime, by operator, for one micro-batch on one thread.

The kernels engine has no operators: perf(1) tells its time by function of the C.
"""

import json
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.program import program_parser, run_program
from biobert_onnx import Manifest
from biobert_onnx.artifact.paths import ENCODER_GRAPH
from biobert_onnx.encoding.sessions import new_session, session_options

RUNS = 20
TOP_OPERATORS = 10

ID_RANGE = (1000, 20_000)
"""Random token ids are drawn from here: words in every BERT's vocabulary."""


def main() -> None:
    """Print the median time of a micro-batch on onnxruntime, and each operator's share of the time in operators."""
    parser = program_parser(__doc__)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT", help="an artifact's folder")
    parser.add_argument("--batch", type=int, default=8, help="texts in the micro-batch (default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=32, help="tokens of each text (default: %(default)s)")
    options = parser.parse_args()
    Manifest.read(options.artifact).check_sizes(options.artifact)
    graph = options.artifact / ENCODER_GRAPH
    input_ids = np.random.default_rng(0).integers(*ID_RANGE, size=(options.batch, options.tokens), dtype=np.int64)
    milliseconds = 1000 * _median_seconds(graph, input_ids)
    print(f"{options.batch} texts of {options.tokens} tokens: {milliseconds:.2f} ms on onnxruntime, one thread")
    durations = _durations(graph, input_ids)
    total = sum(durations.values())
    for operator, duration in durations.most_common(TOP_OPERATORS):
        print(f"{operator:24} {100 * duration / total:5.1f} %")


def _median_seconds(graph: Path, input_ids: NDArray[np.int64]) -> float:
    session = new_session(graph, session_options(threads=1))
    samples = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        session.run(None, {"input_ids": input_ids})
        samples.append(time.perf_counter() - begin)
    return statistics.median(samples[RUNS // 4 :])


def _durations(graph: Path, input_ids: NDArray[np.int64]) -> Counter[str]:
    """Return the microseconds in each operator over RUNS runs, by onnxruntime's own profiler."""
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
    run_program(main)
