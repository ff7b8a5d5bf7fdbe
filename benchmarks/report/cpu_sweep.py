"""The report of `benchmarks.threads`: speed and memory by the number of CPUs, and the kinds of CPUs still to be run."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.peers.bounds import PRODUCTS
from benchmarks.report.captions import conditions, headline, picture, subject_note
from benchmarks.report.samples import MEBIBYTE, Record, has_figures, markdown_table, median, spread, throughput

KINDS = {
    "AVX2": ("avx2",),
    "AVX-VNNI": ("avxvnni",),
    "AVX-512 VNNI": ("vnni",),
    "AMX": ("amx",),
    "aarch64": ("neon_dot", "neon_i8mm"),
}
"""Kind of CPU -> the kernels that it takes."""

INTRODUCTION = """
## Speed by the number of CPUs

Both engines and their peers, with as many threads as CPUs (`python -m benchmarks.threads`). From the end of its imports
on, a process may use no other CPUs. A sweep chooses batch size and streams for each number of CPUs. Every sample is of
a new process, and contenders and numbers of CPUs take turns in random order."""

PLOT_CAPTION = "Throughput by the number of CPUs: higher is better."

NO_KERNEL = "no-kernel"
"""In the name of a record of a CPU that this project has no kernel for."""

Cell = Callable[[Record], str]
"""Contender -> what the table shows of it."""


def kinds_to_be_run(records: Sequence[Record]) -> list[str]:
    """Return the kinds of CPUs that no record is of.

    >>> kinds_to_be_run([{"environment": {"kernel": "avx2"}}, {"environment": {"kernel": "amx"}}])
    ['AVX-VNNI', 'AVX-512 VNNI', 'aarch64']
    """
    found = {record["environment"]["kernel"] for record in records}
    return [kind for kind, kernels in KINDS.items() if not found & set(kernels)]


def cpu_sweep(records: Sequence[Record]) -> Iterator[str]:
    """Yield the section of all records, line by line."""
    yield INTRODUCTION
    if missing := kinds_to_be_run(records):
        yield f"\n**To be run on: {', '.join(missing)}.**"
    for record in records:
        yield f"\n### {record['subject']}, kernel `{record['environment']['kernel']}`\n"
        yield f"{headline(record)}{subject_note(record)}\n"
        yield conditions(record)
        yield from _tables(record)
        yield picture(f"{sweep_name(record)}-threads", f"{record['subject']}. {PLOT_CAPTION}")


def sweep_name(record: Record) -> str:
    """Return the name of the record's file: its subject, and the kernel of its CPU."""
    return f"{record['subject']}-{record['environment']['kernel'] or NO_KERNEL}"


def names_with_figures(record: Record) -> list[str]:
    """Return the contenders that have figures for every number of CPUs, fastest first with all CPUs, the peak last."""
    columns = list(record["by_cpus"].values())
    names = [name for name in columns[-1] if all(has_figures(contenders[name]) for contenders in columns)]
    return sorted(names, key=lambda name: (name == PRODUCTS, median(columns[-1][name]["throughput_seconds"])))


def _tables(record: Record) -> Iterator[str]:
    names = names_with_figures(record)
    contenders = [name for name in names if name != PRODUCTS]
    yield from _table(record, "Throughput, tokens/s", names, lambda found: spread(throughput(record, found), ".0f"))
    if PRODUCTS in names:
        yield from _shares(record, contenders)
    for length in next(iter(record["by_cpus"].values()))[contenders[0]]["latency_seconds"] if contenders else ():
        yield from _table(record, f"Latency of one text of {length} tokens, ms", contenders, _milliseconds(length))
    yield from _table(record, "Memory at its peak, MiB", contenders, _mebibytes)
    yield from _failures(record)


def _table(record: Record, title: str, names: Sequence[str], cell: Cell) -> Iterator[str]:
    columns = record["by_cpus"]
    rows = [[name, *(cell(found[name]) for found in columns.values())] for name in names]
    yield from markdown_table(title, [in_cpus(count) for count in columns], rows)


def _shares(record: Record, names: Sequence[str]) -> Iterator[str]:
    """Yield the throughput as part of the CPU's peak with the same CPUs."""
    columns = record["by_cpus"]
    peaks = {count: median(throughput(record, found[PRODUCTS])) for count, found in columns.items()}
    rates = {
        name: {count: median(throughput(record, found[name])) for count, found in columns.items()} for name in names
    }
    rows = [[name, *(f"{100 * rate / peaks[count]:.0f} %" for count, rate in rates[name].items())] for name in names]
    yield from markdown_table("Part of the CPU's peak", [in_cpus(count) for count in columns], rows)


def _milliseconds(length: str) -> Cell:
    return lambda found: spread([1000 * seconds for seconds in found["latency_seconds"][length]], ".1f")


def _mebibytes(found: Record) -> str:
    return f"{median([sample['peak'] for sample in found['memory']]) / MEBIBYTE:.0f}"


def _failures(record: Record) -> Iterator[str]:
    for count, found in record["by_cpus"].items():
        for name, contender in found.items():
            if "failure" in contender:
                yield f"\n{name} has no figures with {in_cpus(count)}: {contender['failure']}."


def in_cpus(count: str) -> str:
    """Return a number of CPUs with its noun.

    >>> in_cpus("1"), in_cpus("16")
    ('1 CPU', '16 CPUs')
    """
    return f"{count} CPU{'' if count == '1' else 's'}"
