"""Measure servers of all-MiniLM-L6-v2 under load, and write results/serving/all-MiniLM-L6-v2.json.

Clients of `aencode` are compared with one `encode` of all texts. Then servers are asked in turns, in every round anew,
each on its own: by 1, 8, 32 and 128 clients of one sentence a request, by 4 clients of 32 sentences, by one client
beside another one that sends 600 long texts a request, and by one that asks for a route that does not exist. Memory is
measured once, with eight clients of up to 4 MiB a request. A client asks for the next answer as soon as it has one.
`encode` of one sentence after the other shows what the road through a server adds. Our vectors are compared with those
of `encode`: a request whose vector differs or is missing is lost.

sentence-transformers behind a plain route is measured beside the app. So are other checkouts of this project, and
infinity, which needs an environment of its own (`pip install 'infinity-emb[server,torch]'`).
"""

import asyncio
import base64
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.http_clients import Answer, Load, ask
from benchmarks.harness.http_servers import RunningServer, running_server
from benchmarks.harness.program import program_parser, run_program
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.minilm import MINILM, minilm_artifact, minilm_checkpoint
from benchmarks.machine.environment import environment
from benchmarks.machine.memory import proc_numbers
from benchmarks.results import RESULTS, write_record
from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx.encoding.engines import ENGINES

WORK = Path("build/serving")
"""The folder of the artifact; a run empties it first and removes it at the end."""

CALLERS = 32
CALL_SIZES = (1, 8, 32)
"""Clients of `aencode`, and texts in one call of theirs."""

CLIENTS = (1, 8, 32, 128)
"""Clients of one sentence a request."""

MANY_TEXTS, MANY_CLIENTS = 32, 4
"""Texts of a request, and clients, where a request has many."""

LONG_TEXTS, LONG_WORDS = 600, 180
"""Long texts in a request of the client whom another one must not wait for, and words in each: near MiniLM's limit."""

LARGE_CLIENTS = 8
"""Clients of the largest requests that the app takes, each of one, all at once."""

LARGE_TIMEOUT_S, LARGE_REST_S = 10, 4
"""The app's limit of seconds for each of them, as some in windows would take many minutes; and the rest after them."""

CALLS = {"1 caller": 0.0, "1 caller, after a rest of 1 ms": 0.001}
"""Calls of `encode` without a server, and the seconds before each. A request finds threads and CPUs asleep, as a call
after a rest does; one call right after the other finds them awake."""

PATH = "/v1/embeddings"


@dataclass(frozen=True, kw_only=True)
class Server:
    """What is asked: the command that starts it, its environment, and the engine of ours that it runs, if it does."""

    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    engine: str | None = None


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
        await asyncio.gather(*(client() for _ in range(CALLERS)))

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
    named = {f"{CALLERS} clients, {size} a call" if size else "bulk": seconds for size, seconds in samples.items()}
    return {"texts": len(texts), "share_of_bulk_by_texts_a_call": shares, "seconds": named}


def servers(
    artifact: Path, checkpoint: Path, checkouts: Mapping[str, Path], infinity: Path | None
) -> dict[str, Server]:
    """Return the servers by name: the app with each engine, those of other checkouts, and those of others."""
    found = {}
    for engine in ENGINES:
        environ = {"BIOBERT_ONNX_ARTIFACT": str(artifact), "BIOBERT_ONNX_ENGINE": engine}
        command = uvicorn("biobert_onnx.serving.http:app")
        found[f"biobert-onnx, {engine}"] = Server(command=command, environ=environ, engine=engine)
        for name, folder in checkouts.items():
            path = {"PYTHONPATH": str(folder / "runtime")}
            found[f"{name}, {engine}"] = Server(command=command, environ=environ | path, engine=engine)
    found["sentence-transformers"] = Server(
        command=uvicorn("benchmarks.harness.st_server:app"), environ={"ST_CHECKPOINT": str(checkpoint)}
    )
    if infinity is not None:
        options = ["--engine", "torch", "--device", "cpu", "--url-prefix", "/v1", "--no-model-warmup"]
        options += ["--served-model-name", MINILM, "--host", "127.0.0.1"]
        found["infinity"] = Server(
            command=[str(infinity), "v2", "--model-id", str(checkpoint), *options], environ={"DO_NOT_TRACK": "1"}
        )
    return found


def uvicorn(app: str) -> list[str]:
    """Return the command that serves `app`."""
    return [sys.executable, "-m", "uvicorn", app, "--no-access-log"]


def running(server: Server) -> AbstractContextManager[RunningServer]:
    """Run `server` within a block, in a process of its own."""
    return running_server(server.command, WORK / "server.log", environ=server.environ)


def body_of(texts: str | Sequence[str], **options: Any) -> bytes:
    """Return a request for the vectors of `texts`."""
    content = {"model": MINILM, "input": texts if isinstance(texts, str) else list(texts), **options}
    return json.dumps(content, ensure_ascii=False).encode()


def figures_of(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return the rate of `answers`, the percentiles of their latencies in milliseconds, and their statuses."""
    latencies = [1000 * (answer.end - answer.begin) for answer in answers]
    seconds = max(answer.end for answer in answers) - min(answer.begin for answer in answers)
    statuses = [str(answer.status) for answer in answers]
    return {
        "requests": len(answers),
        "requests_per_second": round(len(answers) / seconds, 2),
        "latency_ms": {f"p{percent}": round(float(np.percentile(latencies, percent)), 3) for percent in (50, 99)},
        "statuses": {status: statuses.count(status) for status in sorted(set(statuses))},
    }


def large_requests() -> dict[str, bytes]:
    """Return requests of up to 4 MiB by name."""
    listed, words = "ab, " * 1_000_000, "ab, " * 500
    return {
        "one text, of many words, refused as too long": body_of(listed, long_texts="error"),
        "the same, cut": body_of(listed, long_texts="truncate"),
        f"the same, in windows, given up after {LARGE_TIMEOUT_S} s": body_of(listed, long_texts="window"),
        "one word of 4,150,000 letters, cut": body_of("A" * 4_150_000, long_texts="truncate"),
        "1,380,000 no-break spaces, cut": body_of("\u00a0" * 1_380_000, long_texts="truncate"),
        "1,380,000 ideographs, in windows": body_of("\u4e2d" * 1_380_000, long_texts="window"),
        "many words and one emoji, in windows": body_of(listed + "\U0001f600", long_texts="window"),
        "2,048 texts of 2,000 characters, in windows": body_of([words] * 2048, long_texts="window"),
        "512 short texts, answered with 2 MB": body_of([f"ab {number}" for number in range(512)]),
        "1,390,000 empty arrays, refused": b'{"input":[' + b",".join([b"[]"] * 1_390_000) + b"]}",
    }


def loads(texts: Sequence[str], seconds: float) -> dict[str, list[Load]]:
    """Return the loads by name; the figures are those of the first one of each."""
    one = [body_of(text) for text in texts]
    many = [body_of(texts[start : start + MANY_TEXTS]) for start in range(0, len(texts) - MANY_TEXTS, MANY_TEXTS)]
    words = " ".join(texts).split()
    long = [" ".join(random.Random(index).choices(words, k=LONG_WORDS)) for index in range(LONG_TEXTS)]
    bulk = Load(path=PATH, bodies=[body_of(long, long_texts="truncate")], clients=1, seconds=seconds)
    found = {
        f"{clients} clients": [Load(path=PATH, bodies=one, clients=clients, seconds=seconds)] for clients in CLIENTS
    }
    found[f"{MANY_CLIENTS} clients of {MANY_TEXTS} texts"] = [
        Load(path=PATH, bodies=many, clients=MANY_CLIENTS, seconds=seconds)
    ]
    found[f"1 client beside {LONG_TEXTS} long texts"] = [Load(path=PATH, bodies=one, clients=1, seconds=seconds), bulk]
    found["1 client, no such route"] = [Load(path="/nowhere", bodies=one, clients=1, seconds=seconds)]
    return found


def encoded_alone(engine: str, artifact: Path, texts: Sequence[str], seconds: float, pause_s: float) -> list[Answer]:
    """Encode one of `texts` after the other for `seconds`, without a server; the times of each, as of an answer.

    `pause_s`: seconds of rest before each.
    """
    answers: list[Answer] = []
    with SentenceEncoder(artifact, engine=engine) as encoder:
        encoder.encode(["warm up"])
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if pause_s:
                time.sleep(pause_s)
            number, begin = len(answers) % len(texts), time.monotonic()
            encoder.encode([texts[number]], normalize_embeddings=True)
            answers.append(Answer(number=number, status=200, body=b"", begin=begin, end=time.monotonic()))
    return answers


def in_own_process(engine: str, artifact: Path, texts: Sequence[str], seconds: float, pause_s: float) -> list[Answer]:
    """Return what `encoded_alone` does in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(encoded_alone, engine, artifact, texts, seconds, pause_s).result()


def measure_servers(
    contenders: Mapping[str, Server], artifact: Path, texts: Sequence[str], *, seconds: float, rounds: int
) -> dict[str, dict[str, list[Any]]]:
    """Put every load on every server in `rounds` rounds, in random order; return the figures by server and load.

    In each round, `encode` of one text at a time is measured beside them, without a server.
    """
    chance = random.Random(5)
    alone = {f"encode without a server, {engine}": engine for engine in ENGINES}
    figures: dict[str, dict[str, list[Any]]] = {name: {} for name in (*contenders, *alone)}
    for _ in range(rounds):
        for name, engine in alone.items():
            for load, pause_s in CALLS.items():
                answers = in_own_process(engine, artifact, texts, seconds, pause_s)
                figures[name].setdefault(load, []).append(figures_of(answers))
        for name in chance.sample(list(contenders), len(contenders)):
            with running(contenders[name]) as server:
                ask(server.port, Load(path=PATH, bodies=[body_of("warm up")], clients=1))
                for load, parts in loads(texts, seconds).items():
                    answers = ask(server.port, *parts)[0]
                    figures[name].setdefault(load, []).append(figures_of(answers))
    return figures


def measure_memory(server: Server) -> dict[str, Any]:
    """Send each of `large_requests` from eight clients at once; return MiB when idle, and at the peak and after each.

    The peak is reset before each (proc(5), clear_refs); what stays is read LARGE_REST_S seconds after the last answer.
    """
    limited = replace(server, environ={**server.environ, "BIOBERT_ONNX_TIMEOUT_S": str(LARGE_TIMEOUT_S)})
    found: dict[str, Any] = {}
    with running(limited) as server_process:
        port, process = server_process.port, server_process.process
        ask(port, Load(path=PATH, bodies=[body_of("warm up")], clients=1))
        (idle,) = proc_numbers(process, "VmRSS")
        for name, body in large_requests().items():
            Path(f"/proc/{process}/clear_refs").write_bytes(b"5")
            (answers,) = ask(port, Load(path=PATH, bodies=[body] * LARGE_CLIENTS, clients=LARGE_CLIENTS))
            time.sleep(LARGE_REST_S)
            peak, after = proc_numbers(process, "VmHWM", "VmRSS")
            statuses = figures_of(answers)["statuses"]
            found[name] = {"peak_mib": peak // 1024, "after_mib": after // 1024, "statuses": statuses}
    return {"idle_mib": idle // 1024, "requests": found}


def lost_requests(server: Server, texts: Sequence[str], expected: FloatArray) -> dict[str, int]:
    """Ask `server` for each of `texts` from 32 clients, and return how many answers were missing or not `expected`."""
    bodies = [body_of(text, encoding_format="base64") for text in texts]
    with running(server) as found:
        (answers,) = ask(found.port, Load(path=PATH, bodies=bodies, clients=CALLERS, keep_bodies=True))
    right = {answer.number for answer in answers if answer.status == 200 and _is(answer.body, expected[answer.number])}
    return {"requests": len(texts), "lost": len(texts) - len(right)}


def _is(body: bytes, expected: FloatArray) -> bool:
    (item,) = json.loads(body)["data"]
    return bool(np.array_equal(np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4"), expected))


def table(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a Markdown table: medians over the rounds."""
    yield "| server | load | requests/s | p50, ms | p99, ms |"
    yield "|---|---|---|---|---|"
    for name, by_load in record["servers"].items():
        for load, rounds in by_load.items():
            rate = statistics.median(figures["requests_per_second"] for figures in rounds)
            p50, p99 = (statistics.median(figures["latency_ms"][name] for figures in rounds) for name in ("p50", "p99"))
            yield f"| {name} | {load} | {rate:.1f} | {p50:.1f} | {p99:.1f} |"


def main() -> int:
    """Measure, write the record, print the figures; returns 1 if a request was lost."""
    parser = program_parser(__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="that are checked (default: %(default)s)")
    parser.add_argument("--texts", type=int, default=1000, help="for aencode and encode (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load (default: %(default)s)")
    parser.add_argument("--checkout", type=_named, action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--infinity", type=Path, metavar="FILE", help="infinity_emb, in an environment of its own")
    parser.add_argument(
        "--output", type=Path, default=RESULTS / "serving", metavar="FOLDER", help="default: %(default)s"
    )
    options = parser.parse_args()
    artifact = minilm_artifact(WORK)
    texts = pubmed_like_texts(max(options.requests, options.texts))
    contenders = servers(artifact, minilm_checkpoint(WORK), dict(options.checkout), options.infinity)
    record: dict[str, Any] = {"environment": environment()}
    record["versions"] = {name: version(name) for name in ("starlette", "uvicorn")}
    record["seconds_of_a_load"] = options.seconds
    record["aencode"], record["checked"] = {}, {}
    for engine in ENGINES:
        with SentenceEncoder(artifact, engine=engine) as encoder:
            expected = encoder.encode(texts, normalize_embeddings=True)
            record["aencode"][engine] = measure_callers(encoder, texts[: options.texts], options.rounds)
        name = f"biobert-onnx, {engine}"
        record["checked"][name] = lost_requests(contenders[name], texts[: options.requests], expected)
    ours = {name: server for name, server in contenders.items() if name.startswith("biobert-onnx, ")}
    record["memory"] = {name: measure_memory(server) for name, server in ours.items()}
    record["servers"] = measure_servers(contenders, artifact, texts, seconds=options.seconds, rounds=options.rounds)
    write_record(options.output / "all-MiniLM-L6-v2.json", record)
    print(*table(record), sep="\n")
    print(json.dumps({key: record[key] for key in ("checked", "memory")}, indent=1))
    shutil.rmtree(WORK)
    return 1 if any(checked["lost"] for checked in record["checked"].values()) else 0


def _named(value: str) -> tuple[str, Path]:
    name, _, folder = value.partition("=")
    return name, Path(folder)


if __name__ == "__main__":
    run_program(main)
