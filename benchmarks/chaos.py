"""Put 10,000 requests of 32 unruly clients on `biobert-onnx serve`, and write results/serving/chaos.json.

Half of the requests are right, and their vectors are compared bit by bit with those of `encode`. The clients of the
others go away while they ask, wait or read, read or write slowly, or send malformed or oversized bodies, which must be
refused with the right status (benchmarks.harness.unruly_clients).

A run is good if no answer is lost or wrong, nothing is in flight at the end, the log holds no traceback, and memory
does not grow. After each tenth of the requests the server has a rest. Then its anonymous memory varies by some MiB, as
glibc keeps more or less of what was freed; so medians are compared: that of the last four rests is at most 5 %, and at
most 10 MiB, above that of the second to fifth.
"""

import asyncio
import json
import random
import re
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.harness.http_servers import RunningServer, running_server
from benchmarks.harness.program import add_engine, program_parser, run_program
from benchmarks.harness.unruly_clients import LOST, WRONG, Client, ask_all, drawn_kinds
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.minilm import minilm_artifact
from benchmarks.machine.environment import environment
from benchmarks.machine.memory import allowed_growth, proc_numbers
from benchmarks.results import RESULTS, write_record
from biobert_onnx import SentenceEncoder

WORK = Path("build/chaos")
"""The folder of the artifact and the server's log; a run empties it first and removes it at the end."""

TEXTS = 2000
PARTS = 10
"""Parts of the requests, after each of which the server has a rest."""

COMPARED = 4
"""Rests whose median is compared, after the first one and at the end."""

REST_S = 3.0
"""Seconds after which the server has given back what requests took."""

IN_FLIGHT = re.compile(rb"^biobert_onnx_requests_(?:in_flight|waiting) (\S+)$", re.MULTILINE)


def held(server: RunningServer) -> dict[str, int]:
    """Return the memory in KiB, the threads and the file descriptors that the server holds."""
    resident, anonymous, threads = proc_numbers(server.process, "VmRSS", "RssAnon", "Threads")
    files = sum(1 for _ in Path(f"/proc/{server.process}/fd").iterdir())
    return {"resident_kib": resident, "anonymous_kib": anonymous, "threads": threads, "files": files}


def in_flight(server: RunningServer) -> int:
    """Return the requests that the server counts as in flight or waiting."""
    with urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        return int(sum(float(number) for number in IN_FLIGHT.findall(answer.read())))


def run(server: RunningServer, client: Client, requests: int, *, clients: int) -> dict[str, Any]:
    """Ask `requests` of random kinds in PARTS parts, and return what the server held after each, and at the peak."""
    idle, begin, after = held(server), time.monotonic(), []
    kinds, step = drawn_kinds(requests, client.chance), -(-requests // PARTS)
    for start in range(0, requests, step):
        asyncio.run(ask_all(client, kinds[start : start + step], clients=clients))
        time.sleep(REST_S)
        after.append(held(server))
    (peak,) = proc_numbers(server.process, "VmHWM")
    return {
        "seconds": round(time.monotonic() - begin, 1),
        "idle": idle,
        "after_each_part": after,
        "peak_resident_kib": peak,
        "in_flight": in_flight(server),
        "counts": client.counts,
        "faults_of_answers": client.faults[:20],
    }


def faults(raw: Mapping[str, Any], log: str) -> list[str]:
    """Return the names of the faults of a run; a good one has none.

    >>> held = [{"anonymous_kib": 50_000, "threads": 9, "files": 20}] * 10
    >>> raw = {"counts": {"one text": {"right": 5}}, "in_flight": 0, "after_each_part": held}
    >>> faults(raw, ""), faults({**raw, "in_flight": 1}, "Traceback (most")
    ([], ['requests in flight at the end', 'a traceback in the log'])
    """
    outcomes = [outcome for counts in raw["counts"].values() for outcome in counts]
    _, *rests = raw["after_each_part"]
    early, late = (
        statistics.median(rest["anonymous_kib"] for rest in some) for some in (rests[:COMPARED], rests[-COMPARED:])
    )
    found = {
        "answers lost": LOST in outcomes,
        "answers wrong": WRONG in outcomes,
        "requests in flight at the end": raw["in_flight"] > 0,
        "a traceback in the log": "Traceback" in log,
        "memory grew": late - early > allowed_growth(early),
        "files leaked": rests[-1]["files"] > rests[0]["files"],
    }
    return [name for name, is_so in found.items() if is_so]


def table(counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield a line for each kind of request: what became of how many."""
    for kind, outcomes in sorted(counts.items()):
        yield f"{kind}: " + ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))


def expected_vectors(artifact: Path, engine: str, texts: Sequence[str]) -> Any:
    """Return the vectors of `texts` as the routes give them: of unit length."""
    with SentenceEncoder(artifact, engine=engine) as encoder:
        return encoder.encode(texts, normalize_embeddings=True)


def main() -> int:
    """Run, write the record, print the verdict; returns 1 for a fault."""
    parser = program_parser(__doc__)
    add_engine(parser)
    parser.add_argument("--requests", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--clients", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of what is asked (default: %(default)s)")
    parser.add_argument(
        "--output", type=Path, default=RESULTS / "serving", metavar="FOLDER", help="default: %(default)s"
    )
    options = parser.parse_args()
    artifact, texts = minilm_artifact(WORK), pubmed_like_texts(TEXTS)
    vectors = expected_vectors(artifact, options.engine, texts)
    command = [sys.executable, "-m", "biobert_onnx", "serve", str(artifact), "--engine", options.engine]
    with running_server(command, WORK / "server.log") as server:
        client = Client(port=server.port, texts=texts, vectors=vectors, chance=random.Random(options.seed))
        raw = run(server, client, options.requests, clients=options.clients)
    found = faults(raw, server.log.read_text(encoding="utf-8"))
    settings = {name: getattr(options, name) for name in ("engine", "requests", "clients", "seed")}
    record = {"environment": environment(), **settings, "faults": found, **raw}
    write_record(options.output / "chaos.json", record)
    print(*table(client.counts), *client.faults[:20], sep="\n")
    print(json.dumps({name: record[name] for name in ("seconds", "idle", "peak_resident_kib", "faults")}, indent=1))
    shutil.rmtree(WORK)
    return 1 if found else 0


if __name__ == "__main__":
    run_program(main)
