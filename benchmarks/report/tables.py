"""The report's tables, each from one subject's record, as lines of Markdown."""

from collections.abc import Iterator

from benchmarks.peers.bounds import IMPORTS, PRODUCTS
from benchmarks.peers.contenders import OURS, REFERENCE
from benchmarks.report.agreement import NOT_MEASURED, has_agreement, kept_cell
from benchmarks.report.samples import (
    GIGA,
    MEBIBYTE,
    MEGA,
    Record,
    has_figures,
    in_words,
    markdown_table,
    measured_contenders,
    median,
    percentile,
    spread,
    start_seconds,
    thread_counts,
    throughput,
)

START_PARTS = ("import", "load", "first_call")
"""The parts of a cold start in the records, in order."""


def fidelity_table(record: Record) -> Iterator[str]:
    """Yield the fidelity of every contender, why a contender has no figures, and what a contender cannot do."""
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
    yield from markdown_table("Fidelity to PyTorch float32", columns, rows)
    for name, contender in record["contenders"].items():
        if "refusal" in contender or "failure" in contender:
            yield f"\n{name} has no figures: {contender.get('refusal') or contender['failure']}."
    yield ""
    names_by_lack: dict[str, list[str]] = {}
    for name, contender in record["contenders"].items():
        if contender.get("lacks"):
            names_by_lack.setdefault(contender["lacks"], []).append(name)
    for lack, names in names_by_lack.items():
        yield f"- {', '.join(names)}: {lack}."


def throughput_table(record: Record) -> Iterator[str]:
    """Yield the throughput on the corpus at each one's best setting, and beside it the neighbours that it keeps."""
    base = median(throughput(record, record["contenders"][REFERENCE]))
    texts_per_token = record["corpus"]["texts"] / record["corpus"]["tokens"]
    rows = []
    for name, contender in with_peak(record).items():
        rates, setting = throughput(record, contender), contender["setting"]
        rate = median(rates)
        own = f"{setting['batch'] or 'own'}, {setting['streams']}"
        against = [f"{rate / base:.2f}", share_of_peak(record, rate)]
        kept = "" if name == PRODUCTS else kept_cell(contender)
        rows.append([name, own, f"{rate * texts_per_token:.0f}", spread(rates, ".0f"), *against, kept])
    columns = ("batch, streams", "texts/s", "tokens/s", "against PyTorch", "of the CPU's peak", "neighbours kept")
    yield from markdown_table(f"Throughput, {record['threads']} threads", columns, rows)
    if not has_agreement(record):
        yield f"\nNeighbours kept are missing ({NOT_MEASURED}): this record was made before they were measured."
    yield f"\n{peak_sentence(record)}"


def with_peak(record: Record) -> dict[str, Record]:
    """Return the contenders that have figures, fastest first, and after them the CPU's peak if it was measured."""
    peak = record["bounds"][PRODUCTS]
    return {**measured_contenders(record), **({PRODUCTS: peak} if has_figures(peak) else {})}


def share_of_peak(record: Record, rate: float) -> str:
    """Return which part of the CPU's peak `rate` tokens a second are, "" if the peak was not measured."""
    peak = record["bounds"][PRODUCTS]
    return f"{100 * rate / median(throughput(record, peak)):.0f} %" if has_figures(peak) else ""


def peak_sentence(record: Record) -> str:
    """Return the CPU's peak in words, or why there is none."""
    peak = record["bounds"][PRODUCTS]
    if not has_figures(peak):
        return f"The CPU's peak was not measured: {peak['failure']}."
    rate = median(throughput(record, peak)) * record["multiply_adds"]
    return (
        f"The CPU's peak, {in_words(str(record['threads']))}: {rate / GIGA:.0f} billion integer multiply-adds a second "
        f"by the instructions of the kernel `{record['environment']['kernel']}` in registers alone; a token takes "
        f"{record['multiply_adds'] / MEGA:.1f} million."
    )


def length_table(record: Record) -> Iterator[str]:
    """Yield the throughput on texts of one length, with one thread and with all."""
    tokens = record["length_tokens"]
    for threads in thread_counts(record):
        rows = []
        for name, contender in with_peak(record).items():
            seconds = contender["length_seconds"][threads]
            rows.append([name, *(f"{tokens // int(n) * int(n) / median(seconds[n]):.0f}" for n in seconds)])
        columns = [f"{length} tokens" for length in seconds]
        yield from markdown_table(f"Throughput by length, tokens/s, {in_words(threads)}", columns, rows)


def latency_table(record: Record) -> Iterator[str]:
    """Yield the milliseconds of one text alone, p50 and p95, by its number of tokens, with one thread and with all."""
    for threads in thread_counts(record):
        rows = []
        for name, contender in measured_contenders(record).items():
            seconds = contender["latency_seconds"][threads]
            cells = [f"{1000 * median(s):.1f} / {1000 * percentile(s, 95):.1f}" for s in seconds.values()]
            rows.append([name, *cells])
        columns = [f"{length} tokens" for length in seconds]
        yield from markdown_table(f"Latency of one text, ms: p50 / p95, {in_words(threads)}", columns, rows)


def start_table(record: Record) -> Iterator[str]:
    """Yield cold starts, sizes and export times."""
    rows = []
    for name, contender in {**measured_contenders(record), IMPORTS: record["bounds"][IMPORTS]}.items():
        starts = contender["cold_starts"]
        parts = ", ".join(f"{median([start[part] for start in starts]):.2f}" for part in START_PARTS)
        sizes = [f"{contender[key] / MEBIBYTE:.0f}" for key in ("artifact_bytes", "installed_bytes")]
        total = spread(start_seconds(contender), ".2f")
        rows.append([name, total, parts, *sizes, f"{contender['export_seconds']:.0f}"])
    rows[-1][3:] = ["", rows[-1][4], ""]
    columns = (
        "process start to first vector, s",
        "import, load, first call, s",
        "artifact MiB",
        "installed MiB",
        "export s",
    )
    yield from markdown_table("Cold start and size", columns, rows)


def memory_table(record: Record) -> Iterator[str]:
    """Yield the MiB of a process that encoded part of the corpus, and of a second process that encoded one text."""
    rows = []
    for name, contender in measured_contenders(record).items():
        own, second = contender["memory"], contender["second_process"][0]
        values = [own["peak"], own["resident"], own["anonymous"], second["resident"], second["anonymous"]]
        rows.append([name, *(f"{value / MEBIBYTE:.0f}" for value in values)])
    columns = ("peak resident", "resident", "anonymous", "second process: resident", "second process: anonymous")
    yield from markdown_table("Memory, MiB", columns, rows)


def corpus_table(record: Record) -> Iterator[str]:
    """Yield the speed and memory of this project's encoder by the number of texts in one call, if it has figures."""
    if OURS not in measured_contenders(record):
        return
    dim = record["geometry"]["dim"]
    rows = []
    for size, measured in record["contenders"][OURS].get("corpus_sizes", {}).items():
        results = int(size) * dim * 4 / MEBIBYTE
        peak = f"{measured['peak'] / MEBIBYTE:.0f}"
        rows.append([f"{int(size):,} texts", f"{int(size) / measured['seconds']:.0f}", peak, f"{results:.0f}"])
    columns = ("texts/s", "peak resident MiB", "of which results MiB")
    yield from markdown_table(f"{OURS} by the size of the corpus", columns, rows)
