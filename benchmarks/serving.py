"""Measure many clients of one encoder, all-MiniLM-L6-v2, and write results/serving/all-MiniLM-L6-v2.json.

Clients of `aencode` are compared with one `encode` of all texts. Then clients ask the HTTP app. Each client asks for
the next text as soon as it has a vector. Every vector is compared bit by bit with that of `encode`: a request whose
vector differs or is missing is lost.
"""

import asyncio
import base64
import http.client
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.program import add_engine, program_parser, run_program
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.minilm import minilm_artifact
from benchmarks.machine.environment import environment
from benchmarks.results import RESULTS
from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray

WORK = Path("build/serving")
"""The folder of the artifact; a run empties it first and removes it at the end."""

CLIENTS = 32
CALL_SIZES = (1, 8, 32)
"""Texts in one call of `aencode`."""


def bulk_seconds(encoder: SentenceEncoder, texts: Sequence[str]) -> float:
    """Return the seconds of one `encode` of all texts."""
    begin = time.perf_counter()
    encoder.encode(texts)
    return time.perf_counter() - begin


def client_seconds(encoder: SentenceEncoder, texts: Sequence[str], size: int, expected: FloatArray) -> float:
    """Return the seconds of 32 clients for all texts, `size` in each call; raises ValueError for a wrong vector."""
    starts = iter(range(0, len(texts), size))
    rows = np.zeros_like(expected)

    async def client() -> None:
        for start in starts:
            rows[start : start + size] = await encoder.aencode(texts[start : start + size])

    async def clients() -> None:
        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    begin = time.perf_counter()
    asyncio.run(clients())
    seconds = time.perf_counter() - begin
    if not (rows == expected).all():
        raise ValueError(f"{(rows != expected).any(axis=1).sum()} of {len(texts)} vectors differ from bulk encode's")
    return seconds


def measure_callers(encoder: SentenceEncoder, texts: Sequence[str], rounds: int) -> dict[str, Any]:
    """Time one `encode` of all texts and 32 clients in `rounds` rounds, in random order; returns the record."""
    expected, chance = encoder.encode(texts), random.Random(3)
    samples: dict[int, list[float]] = {size: [] for size in (0, *CALL_SIZES)}  # 0: bulk
    for _ in range(rounds):
        for size in chance.sample(list(samples), len(samples)):
            seconds = client_seconds(encoder, texts, size, expected) if size else bulk_seconds(encoder, texts)
            samples[size].append(seconds)
    bulk = statistics.median(samples[0])
    shares = {size: round(bulk / statistics.median(samples[size]), 4) for size in CALL_SIZES}
    named = {f"{CLIENTS} clients, {size} a call" if size else "bulk": seconds for size, seconds in samples.items()}
    return {"texts": len(texts), "share_of_bulk_by_texts_a_call": shares, "seconds": named}


@contextmanager
def server(artifact: Path, engine: str) -> Iterator[int]:
    """Start the HTTP app in a process of its own, which ends with the block, and yield its port."""
    command = [sys.executable, "-m", "uvicorn", "biobert_onnx.serving.http:app", "--port", "0", "--no-access-log"]
    settings = {"ARTIFACT": str(artifact), "ENGINE": engine, "NORMALIZE": "0"}
    environ = {**os.environ, **{f"BIOBERT_ONNX_{name}": value for name, value in settings.items()}}
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stderr or ())
            yield next(int(found[1]) for line in lines if (found := re.search(r"127\.0\.0\.1:(\d+)", line)))
        finally:
            process.send_signal(signal.SIGTERM)


def measure_http(artifact: Path, engine: str, texts: Sequence[str], expected: FloatArray) -> dict[str, Any]:
    """Ask the HTTP app from 32 clients, one text a request; returns requests lost, rate, latency in milliseconds."""
    with server(artifact, engine) as port, ThreadPoolExecutor(CLIENTS) as pool:
        begin = time.perf_counter()
        parts = pool.map(lambda first: _ask(port, texts[first::CLIENTS]), range(CLIENTS))
        answers = {first + CLIENTS * step: answer for first, part in enumerate(parts) for step, answer in part}
        seconds = time.perf_counter() - begin
    right = [index for index, (vector, _) in answers.items() if (vector == expected[index]).all()]
    latencies = sorted(1000 * latency for _, latency in answers.values())
    p50, p99 = (round(float(np.percentile(latencies, percent)), 2) for percent in (50, 99))
    return {
        "requests": len(texts),
        "lost": len(texts) - len(right),
        "seconds": round(seconds, 2),
        "texts_per_second": round(len(texts) / seconds, 1),
        "latency_ms": {"p50": p50, "p99": p99, "most": round(latencies[-1], 2)},
    }


def _ask(port: int, texts: Sequence[str]) -> list[tuple[int, tuple[FloatArray, float]]]:
    """Ask for each text over one connection; returns number, vector and seconds of each request that did not fail."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    answers = []
    for step, text in enumerate(texts):
        begin = time.perf_counter()
        try:
            connection.request("POST", "/v1/embeddings", json.dumps({"input": text, "encoding_format": "base64"}))
            (item,) = json.loads(connection.getresponse().read())["data"]
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            connection.close()
            continue
        vector = np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4")
        answers.append((step, (vector, time.perf_counter() - begin)))
    connection.close()
    return answers


def main() -> int:
    """Measure, write the record, print the figures; returns 1 if a request was lost."""
    parser = program_parser(__doc__)
    add_engine(parser)
    parser.add_argument("--requests", type=int, default=10_000, help="to the HTTP app (default: %(default)s)")
    parser.add_argument("--texts", type=int, default=1000, help="for aencode and encode (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument(
        "--output", type=Path, default=RESULTS / "serving", metavar="FOLDER", help="default: %(default)s"
    )
    options = parser.parse_args()
    artifact = minilm_artifact(WORK)
    texts = pubmed_like_texts(max(options.requests, options.texts))
    with SentenceEncoder(artifact, engine=options.engine) as encoder:
        expected = encoder.encode(texts)
        callers = measure_callers(encoder, texts[: options.texts], options.rounds)
    served = measure_http(artifact, options.engine, texts[: options.requests], expected)
    versions = {name: version(name) for name in ("starlette", "uvicorn")}
    record = {"environment": environment(), "engine": options.engine, "server": versions, "clients": CLIENTS}
    record |= {"aencode": callers, "http": served}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "all-MiniLM-L6-v2.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({"aencode": callers["share_of_bulk_by_texts_a_call"], "http": served}, indent=1))
    shutil.rmtree(WORK)
    return 1 if served["lost"] else 0


if __name__ == "__main__":
    run_program(main)
