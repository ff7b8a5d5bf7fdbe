"""The integer matrix products of a BERT encoder alone: no encoder of the same products can be faster."""

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.subjects import Subject
from biobert_onnx.scheduler import TOKEN_BUDGET
from biobert_onnx.session import open_session
from biobert_onnx_export.graph_writer import GraphWriter, WeightsFile
from biobert_onnx_export.linear import Int8Matrix, integer_product

ROUNDS = 7


def ceiling_tokens_per_second(subject: Subject, threads: int) -> float:
    """Tokens a second that `threads` single-threaded workers push through one layer's products, over all layers.

    The products are those of the graph: MatMulIntegerToFloat, uint8 x int8, on micro-batches of TOKEN_BUDGET tokens.
    """
    inner = subject.intermediate
    shapes = [(subject.dim, subject.dim)] * 4 + [(subject.dim, inner), (inner, subject.dim)]
    seconds_of_layer = sum(_seconds(rows, columns, threads) for rows, columns in shapes)
    return threads * TOKEN_BUDGET / (seconds_of_layer * subject.layers)


def _seconds(inputs: int, outputs: int, threads: int) -> float:
    """Seconds of one product of TOKEN_BUDGET rows while `threads` threads each run one: median of rounds."""
    chance = np.random.default_rng(0)
    weight = chance.integers(-63, 64, size=(inputs, outputs)).astype(np.int8)
    scale = np.ones(outputs, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        with WeightsFile(Path(folder) / "weights.bin") as weights:
            graph = GraphWriter(weights)
            bytes_ = graph.node("Cast", ["x"], "bytes", to=2)
            one, zero = graph.constant("one", np.float32(1)), graph.constant("zero", np.uint8(128))
            matrix = Int8Matrix(weight=weight, scale=scale, bias=scale)
            name = bytes_
            for index in range(REPEATED):
                name = integer_product(graph, bytes_, f"y{index}", matrix, one, zero, bias=True)
            graph.write(Path(folder) / "graph.onnx", inputs={"x": ("rows", inputs)}, outputs={name: ("rows", outputs)})
        session = open_session(Path(folder) / "graph.onnx")
        x = chance.integers(0, 256, size=(TOKEN_BUDGET, inputs)).astype(np.int64)

        def work(_: int) -> None:
            session.run(None, {"x": x})

        samples = []
        with ThreadPoolExecutor(threads) as pool:
            for _ in range(ROUNDS):
                begin = time.perf_counter()
                list(pool.map(work, range(threads)))
                samples.append((time.perf_counter() - begin) / REPEATED)
    return statistics.median(samples)


REPEATED = 16
"""Products in one run, so that the cast of the input does not count."""
