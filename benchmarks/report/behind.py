"""Who is ahead of this project's int8, in what, and by how much."""

from collections.abc import Callable, Iterator

from benchmarks.peers.contenders import OURS, PROJECT
from benchmarks.report.samples import Record, median, sound

LEAST_RATIO = 1.005
"""Less is shown as equal."""

Measure = Callable[[Record], float]
"""A contender's figure, less is better; 0 where it takes no part."""


def behind(record: Record) -> Iterator[str]:
    """A line for every measure in which a contender is ahead of this project's int8."""
    contenders = sound(record)
    if OURS not in contenders:
        return
    others = {name: c for name, c in contenders.items() if name not in PROJECT}
    yield "\n**Where this project's int8 is behind:**\n"
    for title, measure in _measures(contenders[OURS]).items():
        own = measure(contenders[OURS])
        ratios = {name: own / measure(c) for name, c in others.items() if measure(c) > 0}
        ahead = {name: ratio for name, ratio in ratios.items() if ratio >= LEAST_RATIO}
        if ahead:
            listed = ", ".join(f"{name} ({ratio:.2f} x)" for name, ratio in sorted(ahead.items(), key=lambda i: -i[1]))
            yield f"- {title}: {listed}"


def _measures(ours: Record) -> dict[str, Measure]:
    return {
        "throughput": lambda c: median(c["throughput_seconds"]),
        **{f"throughput at {n} tokens": _of("length_seconds", n) for n in ours["length_seconds"]},
        **{f"throughput on {n} threads": _of("threads_seconds", n) for n in ours["threads_seconds"]},
        **{f"latency at {n} tokens": _of("latency_seconds", n) for n in ours["latency_seconds"]},
        "cold start": lambda c: median([start["total"] for start in c["cold_starts"]]),
        "peak memory": lambda c: float(c["memory"]["peak"]),
        "anonymous memory": lambda c: float(c["memory"]["anonymous"]),
        "anonymous memory of a second process": lambda c: float(c["second_process"][0]["anonymous"]),
        "artifact size": lambda c: float(c["artifact_bytes"]),
        "installed size": lambda c: float(c["installed_bytes"]),
        "export time": lambda c: float(c["export_seconds"]),
        "mean cosine among int8": lambda c: c["precision"] == "int8" and 1 - c["fidelity"]["cosine_mean"],
    }


def _of(key: str, part: str) -> Measure:
    return lambda contender: median(contender[key][part])
