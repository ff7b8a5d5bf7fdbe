"""Writes benchmarks/README.md and its plots from the records in benchmarks/results, and from nothing else.

python -m benchmarks.render
"""

import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import OURS, REFERENCE

FOLDER = Path(__file__).parent
MEBIBYTE = 2**20

Record = dict[str, Any]

INTRODUCTION = """# Benchmarks

Every contender runs in a process of its own, at equal threads, each at the batch size that a sweep found best for it;
rounds are interleaved in random order. Medians are quoted, with the least and the greatest sample; raw samples are in
`results/`. A contender gets figures only if its mean cosine to PyTorch float32 is at least 0.9999 (float32), 0.99
(bfloat16) or 0.8 (int8). This page is made by `python -m benchmarks.render` from the records alone.
"""

NOT_YET = """
## Not measured yet

Scaling with threads and with corpus size, installed sizes, the share of the integer matrix products' ceiling (a first
figure was thrown out: taken once at the end of the run, on a noisy machine, it lay below what encoders reached), the
stand-in of BioBERT's geometry, a CPU with VNNI.
"""

SPEED_COLUMNS = (
    "contender",
    "batch, streams",
    "tokens/s",
    "against PyTorch",
    "cold start s",
    "import, load, first call s",
    "artifact MiB",
    "export s",
)

PLOTS = {
    "throughput": "Throughput against fidelity: up and to the right is better.",
    "latency": "Latency of one text alone by its length.",
    "cold-start": "From the start of the process to the first vector.",
    "memory": "Resident memory at its peak.",
}


def throughput(record: Record, contender: Record) -> list[float]:
    """Tokens a second, one figure a round."""
    return [record["corpus"]["tokens"] / seconds for seconds in contender["throughput_seconds"]]


def sound(record: Record) -> dict[str, Record]:
    """The contenders that have figures, fastest first."""
    measured = {name: c for name, c in record["contenders"].items() if "latency_seconds" in c}
    return dict(sorted(measured.items(), key=lambda item: statistics.median(item[1]["throughput_seconds"])))


def spread(samples: Sequence[float], form: str) -> str:
    """The median of `samples`, with least and greatest.

    >>> spread([3.0, 1.0, 2.0], ".1f")
    '2.0 (1.0 to 3.0)'
    """
    return f"{statistics.median(samples):{form}} ({min(samples):{form}} to {max(samples):{form}})"


def report(record: Record) -> Iterator[str]:
    """The section of one subject, line by line."""
    machine, corpus = record["environment"], record["corpus"]
    yield f"\n## {record['subject']}\n"
    yield (
        f"{machine['cpu']} (family/model {machine['cpu_family_model']}; {', '.join(machine['flags'])}), "
        f"{record['threads']} threads, {machine['date']}; {corpus['texts']} texts of {corpus['tokens']} tokens; "
        + ", ".join(f"{name} {version}" for name, version in sorted(machine["versions"].items()))
        + ".\n"
    )
    yield from fidelity_table(record)
    yield from speed_table(record)
    yield from latency_table(record)
    yield from memory_table(record)
    yield from behind(record)
    for name, caption in PLOTS.items():
        path = f"plots/{record['subject']}-{name}"
        yield (
            f'\n<picture><source media="(prefers-color-scheme: dark)" srcset="{path}-dark.svg">'
            f'<img src="{path}-light.svg" alt="{caption}"></picture>\n'
        )


def fidelity_table(record: Record) -> Iterator[str]:
    """Fidelity of every contender, and why those without figures have none."""
    yield "| contender | precision | cosine mean | p1 | least | texts changed by their batch | worst of these |"
    yield "|---|---|---|---|---|---|---|"
    for name, contender in record["contenders"].items():
        if "fidelity" not in contender:
            yield f"| {name} | {contender['precision']} | failed: {contender['failure']} | | | | |"
            continue
        figures = contender["fidelity"]
        cosines = " | ".join(f"{figures[key]:.5f}" for key in ("cosine_mean", "cosine_p1", "cosine_min"))
        refused = " (refused)" if "refusal" in contender else ""
        changed = f"{figures['changed_by_batch']} of {figures['texts']} | {figures['batch_cosine_min']:.5f}"
        yield f"| {name}{refused} | {contender['precision']} | {cosines} | {changed} |"
    for name, contender in record["contenders"].items():
        if "refusal" in contender or "failure" in contender:
            yield f"\n{name} has no figures: {contender.get('refusal') or contender['failure']}."


def speed_table(record: Record) -> Iterator[str]:
    """Throughput, start-up, sizes and export time."""
    base = statistics.median(throughput(record, record["contenders"][REFERENCE]))
    yield f"\n| {' | '.join(SPEED_COLUMNS)} |"
    yield "|---" * len(SPEED_COLUMNS) + "|"
    for name, contender in sound(record).items():
        rates, setting, starts = throughput(record, contender), contender["setting"], contender["cold_starts"]
        parts = ", ".join(
            f"{statistics.median(start[part] for start in starts):.2f}" for part in ("import", "load", "first_call")
        )
        yield (
            f"| {name} | {setting['batch'] or 'own'}, {setting['streams']} | {spread(rates, '.0f')} "
            f"| {statistics.median(rates) / base:.2f} "
            f"| {spread([start['total'] for start in starts], '.2f')} | {parts} "
            f"| {contender['artifact_bytes'] / MEBIBYTE:.0f} | {contender['export_seconds']:.0f} |"
        )


def latency_table(record: Record) -> Iterator[str]:
    """Milliseconds of one text alone, p50 and p95, by its number of tokens."""
    lengths = list(next(iter(sound(record).values()))["latency_seconds"])
    yield f"\n| one text, ms: p50 / p95 | {' | '.join(f'{length} tokens' for length in lengths)} |"
    yield f"|---|{'---|' * len(lengths)}"
    for name, contender in sound(record).items():
        cells = (
            f"{1000 * statistics.median(samples):.1f} / {1000 * percentile(samples, 95):.1f}"
            for samples in contender["latency_seconds"].values()
        )
        yield f"| {name} | {' | '.join(cells)} |"


def percentile(samples: Sequence[float], share: int) -> float:
    """The `share`th percentile, by the nearest rank.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 95)
    4.0
    """
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def memory_table(record: Record) -> Iterator[str]:
    """MiB after the corpus, and of a second process beside the first, before any."""
    yield "\n| memory, MiB | peak resident | resident | anonymous | second process: resident | anonymous |"
    yield "|---|---|---|---|---|---|"
    for name, contender in sound(record).items():
        own, second = contender["memory"], contender["second_process"][0]
        cells = [own["peak"], own["resident"], own["anonymous"], second["resident"], second["anonymous"]]
        yield f"| {name} | {' | '.join(f'{value / MEBIBYTE:.0f}' for value in cells)} |"


def behind(record: Record) -> Iterator[str]:
    """Who is ahead of this project's int8, and in what."""
    contenders = sound(record)
    if OURS not in contenders:
        return
    measures: dict[str, Callable[[Record], float]] = {
        "throughput": lambda c: statistics.median(c["throughput_seconds"]),
        "cold start": lambda c: statistics.median(start["total"] for start in c["cold_starts"]),
        "peak memory": lambda c: c["memory"]["peak"],
        "artifact size": lambda c: c["artifact_bytes"],
        "mean cosine (int8)": lambda c: 0 if c["precision"] != "int8" else 1 - c["fidelity"]["cosine_mean"],
    }
    for length in contenders[OURS]["latency_seconds"]:
        measures[f"latency at {length} tokens"] = lambda c, length=length: statistics.median(  # type: ignore[misc]
            c["latency_seconds"][length]
        )
    yield "\n**Where this project's int8 is behind:**\n"
    for measure, value in measures.items():
        own = value(contenders[OURS])
        ahead = {name: own / value(c) for name, c in contenders.items() if 0 < value(c) < own}
        if ahead:
            listed = ", ".join(f"{name} ({ratio:.2f} x)" for name, ratio in sorted(ahead.items(), key=lambda i: -i[1]))
            yield f"- {measure}: {listed}"


def page(records: Sequence[Record]) -> str:
    """The report of all records."""
    lines = [INTRODUCTION]
    for record in records:
        lines += report(record)
    return "\n".join([*lines, NOT_YET])


def read_records() -> list[Record]:
    """The committed records, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / "results").glob("*.json"))]


def main() -> None:
    """Write the page and the plots."""
    from benchmarks.plots import write_plots

    records = read_records()
    (FOLDER / "README.md").write_text(page(records), encoding="utf-8")
    for record in records:
        write_plots(record, sound(record), throughput, FOLDER / "plots")


if __name__ == "__main__":
    main()
