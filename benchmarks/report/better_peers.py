"""The measures in which a contender is better than this project's int8, and by how much."""

from collections.abc import Callable, Iterator

from benchmarks.peers.contenders import OURS, PROJECT
from benchmarks.report.samples import Record, in_words, measured_contenders, median, start_seconds

MIN_RATIO = 1.005
"""Smaller ratios would be shown as 1.00."""

Measure = Callable[[Record], float]
"""Contender -> its figure, where less is better; 0 where it takes no part."""


def better_peers(record: Record) -> Iterator[str]:
    """Yield a line for every measure in which a contender is better than this project's int8."""
    contenders = measured_contenders(record)
    if OURS not in contenders:
        return
    others = {name: contender for name, contender in contenders.items() if name not in PROJECT}
    yield "\n**Where this project's int8 is behind:**\n"
    for title, measure in _measures(contenders[OURS]).items():
        own = measure(contenders[OURS])
        ratios = {name: own / measure(contender) for name, contender in others.items() if measure(contender) > 0}
        better = {name: ratio for name, ratio in ratios.items() if ratio >= MIN_RATIO}
        if better:
            ordered = sorted(better.items(), key=lambda item: -item[1])
            yield f"- {title}: {', '.join(f'{name} ({ratio:.2f} x)' for name, ratio in ordered)}"


def _measures(ours: Record) -> dict[str, Measure]:
    return {
        "throughput": lambda c: median(c["throughput_seconds"]),
        **_measures_by_length("throughput", "length_seconds", ours),
        **_measures_by_length("latency", "latency_seconds", ours),
        "cold start": lambda c: median(start_seconds(c)),
        "peak memory": lambda c: float(c["memory"]["peak"]),
        "anonymous memory": lambda c: float(c["memory"]["anonymous"]),
        "anonymous memory of a second process": lambda c: float(c["second_process"][0]["anonymous"]),
        "artifact size": lambda c: float(c["artifact_bytes"]),
        "installed size": lambda c: float(c["installed_bytes"]),
        "export time": lambda c: float(c["export_seconds"]),
        "mean cosine among int8": lambda c: c["precision"] == "int8" and 1 - c["fidelity"]["cosine_mean"],
        "neighbours lost among int8": lambda c: _is_compared_int8(c) and 1 - c["agreement"]["neighbours_kept"],
    }


def _is_compared_int8(contender: Record) -> bool:
    return contender["precision"] == "int8" and "agreement" in contender


def _measures_by_length(title: str, key: str, ours: Record) -> dict[str, Measure]:
    return {
        f"{title} at {length} tokens, {in_words(threads)}": _median_of(key, threads, length)
        for threads, by_length in ours[key].items()
        for length in by_length
    }


def _median_of(key: str, threads: str, length: str) -> Measure:
    return lambda contender: median(contender[key][threads][length])
