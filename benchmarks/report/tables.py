"""The report's tables, each from one subject's record, as lines of Markdown."""

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.peers.bounds import IMPORTS, PRODUCTS
from benchmarks.peers.contenders import OURS, PROJECT, REFERENCE
from benchmarks.report.samples import MEBIBYTE, Record, median, percentile, sound, spread, throughput

START_PARTS = ("import", "load", "first_call")

SUMMARY_LENGTH = "32"
"""Tokens of the text whose latency the summary shows: about a sentence of PubMed."""


def summary_table(record: Record) -> Iterator[str]:
    """One line a contender, fastest first: speed, fidelity, latency, start, memory and size."""
    rows = []
    for name, contender in sound(record).items():
        figures = contender["fidelity"]
        latency = 1000 * median(contender["latency_seconds"][SUMMARY_LENGTH])
        rows.append(
            [
                f"**{name}**" if name in PROJECT else name,
                spread(throughput(record, contender), ",.0f"),
                f"{figures['cosine_mean']:.5f} / {figures['cosine_min']:.5f}",
                f"{figures['changed_by_batch']} of {figures['texts']}",
                f"{latency:.1f} ms",
                f"{median([start['total'] for start in contender['cold_starts']]):.2f} s",
                f"{contender['memory']['anonymous'] / MEBIBYTE:.0f} MiB",
                f"{contender['artifact_bytes'] / MEBIBYTE:.0f} MiB",
            ]
        )
    columns = (
        "tokens/s (least to greatest)",
        "cosine to float32, mean / least",
        "texts whose vector changes with the batch",
        f"one text of {SUMMARY_LENGTH} tokens",
        "cold start",
        "anonymous memory",
        "model on disk",
    )
    yield from _table("contender", columns, rows)


def fidelity_table(record: Record) -> Iterator[str]:
    """Fidelity of every contender, why those without figures have none, and what a contender cannot do."""
    rows = []
    for name, contender in record["contenders"].items():
        if "fidelity" not in contender:
            rows.append([name, contender["precision"], "failed"])
            continue
        figures = contender["fidelity"]
        cosines = [f"{figures[key]:.5f}" for key in ("cosine_mean", "cosine_p1", "cosine_min")]
        refused = " (refused)" if "refusal" in contender else ""
        changed = f"{figures['changed_by_batch']} of {figures['texts']}"
        rows.append(
            [f"{name}{refused}", contender["precision"], *cosines, changed, f"{figures['batch_cosine_min']:.5f}"]
        )
    columns = (
        "precision",
        "cosine mean",
        "p1",
        "least",
        "texts changed by their batch",
        "least cosine to itself alone",
    )
    yield from _table("Fidelity to PyTorch float32", columns, rows)
    for name, contender in record["contenders"].items():
        if "refusal" in contender or "failure" in contender:
            yield f"\n{name} has no figures: {contender.get('refusal') or contender['failure']}."
    yield ""
    for name, contender in record["contenders"].items():
        if contender.get("lacks"):
            yield f"- {name}: {contender['lacks']}."


def throughput_table(record: Record) -> Iterator[str]:
    """Throughput on the corpus, tokenization and pooling included, at the best setting of each."""
    base = median(throughput(record, record["contenders"][REFERENCE]))
    texts_a_token = record["corpus"]["texts"] / record["corpus"]["tokens"]
    ceiling = median(throughput(record, record["bounds"][PRODUCTS]))
    rows = []
    for name, contender in {**sound(record), PRODUCTS: record["bounds"][PRODUCTS]}.items():
        rates, setting = throughput(record, contender), contender["setting"]
        rate = median(rates)
        own = f"{setting['batch'] or 'own'}, {setting['streams']}"
        against = [f"{rate / base:.2f}", f"{100 * rate / ceiling:.0f} %"]
        rows.append([name, own, f"{rate * texts_a_token:.0f}", spread(rates, ".0f"), *against])
    columns = ("batch, streams", "texts/s", "tokens/s", "against PyTorch", "of the products alone")
    yield from _table(f"Throughput, {record['threads']} threads", columns, rows)


def length_table(record: Record) -> Iterator[str]:
    """Throughput on texts of one length."""
    tokens = record["length_tokens"]
    rows = []
    for name, contender in {**sound(record), PRODUCTS: record["bounds"][PRODUCTS]}.items():
        seconds = contender["length_seconds"]
        lengths = list(seconds)
        rows.append([name, *(f"{tokens // int(n) * int(n) / median(seconds[n]):.0f}" for n in lengths)])
    yield from _table("Throughput by length, tokens/s", [f"{length} tokens" for length in lengths], rows)


def threads_table(record: Record) -> Iterator[str]:
    """Throughput by the number of threads, on part of the corpus."""
    tokens = record["corpus"]["part_tokens"]
    rows = []
    for name, contender in {**sound(record), PRODUCTS: record["bounds"][PRODUCTS]}.items():
        rates = {count: tokens / median(samples) for count, samples in contender["threads_seconds"].items()}
        gain = max(rates.values()) / rates["1"]
        rows.append([name, *(f"{rate:.0f}" for rate in rates.values()), f"{gain:.2f}"])
    yield from _table("Scaling with threads, tokens/s", [*(f"{n} threads" for n in rates), "gain"], rows)


def latency_table(record: Record) -> Iterator[str]:
    """Milliseconds of one text alone, p50 and p95, by its number of tokens."""
    rows = []
    for name, contender in sound(record).items():
        seconds = contender["latency_seconds"]
        cells = [f"{1000 * median(s):.1f} / {1000 * percentile(s, 95):.1f}" for s in seconds.values()]
        rows.append([name, *cells])
    yield from _table("Latency of one text, ms: p50 / p95", [f"{length} tokens" for length in seconds], rows)


def start_table(record: Record) -> Iterator[str]:
    """Cold starts, sizes and export time."""
    rows = []
    for name, contender in {**sound(record), IMPORTS: record["bounds"][IMPORTS]}.items():
        starts = contender["cold_starts"]
        parts = ", ".join(f"{median([start[part] for start in starts]):.2f}" for part in START_PARTS)
        sizes = [f"{contender[key] / MEBIBYTE:.0f}" for key in ("artifact_bytes", "installed_bytes")]
        total = spread([start["total"] for start in starts], ".2f")
        rows.append([name, total, parts, *sizes, f"{contender['export_seconds']:.0f}"])
    rows[-1][3:] = ["", rows[-1][4], ""]
    columns = (
        "process start to first vector, s",
        "import, load, first call, s",
        "artifact MiB",
        "installed MiB",
        "export s",
    )
    yield from _table("Cold start and size", columns, rows)


def memory_table(record: Record) -> Iterator[str]:
    """MiB of a process after part of the corpus, and of a second one beside the first, before any."""
    rows = []
    for name, contender in sound(record).items():
        own, second = contender["memory"], contender["second_process"][0]
        values = [own["peak"], own["resident"], own["anonymous"], second["resident"], second["anonymous"]]
        rows.append([name, *(f"{value / MEBIBYTE:.0f}" for value in values)])
    columns = ("peak resident", "resident", "anonymous", "second process: resident", "second process: anonymous")
    yield from _table("Memory, MiB", columns, rows)


def corpus_table(record: Record) -> Iterator[str]:
    """This project's encoder by the number of texts in one call."""
    dim = record["geometry"]["dim"]
    rows = []
    for size, measured in record["contenders"][OURS].get("corpus_sizes", {}).items():
        results = int(size) * dim * 4 / MEBIBYTE
        peak = f"{measured['peak'] / MEBIBYTE:.0f}"
        rows.append([f"{int(size):,} texts", f"{int(size) / measured['seconds']:.0f}", peak, f"{results:.0f}"])
    columns = ("texts/s", "peak resident MiB", "of which results MiB")
    yield from _table(f"{OURS} by the size of the corpus", columns, rows)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"\n| {title} | {' | '.join(columns)} |"
    yield "|---" * (1 + len(columns)) + "|"
    for row in rows:
        cells = [*row, *[""] * (1 + len(columns) - len(row))]
        yield f"| {' | '.join(cells)} |"
