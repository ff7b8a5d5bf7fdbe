"""Write benchmarks/README.md, its plots, and the figures of README.md and of the pages in docs.

All of it comes from the records in results/.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.harness.program import program_parser, run_program
from benchmarks.report.agreement import agreement_table, has_agreement
from benchmarks.report.better_peers import better_peers
from benchmarks.report.captions import conditions, headline, picture, subject_note
from benchmarks.report.cpu_sweep import cpu_sweep
from benchmarks.report.pages import filled_pages
from benchmarks.report.samples import Record
from benchmarks.report.tables import (
    corpus_table,
    fidelity_table,
    latency_table,
    length_table,
    memory_table,
    start_table,
    throughput_table,
)
from benchmarks.results import read_records

FOLDER = Path(__file__).parent

INTRODUCTION = """# Benchmarks

Every contender runs in a process of its own, with the same number of threads; from the end of its imports on it may use
as many CPUs. A sweep chooses its batch size and the number of batches that run at the same time. Texts are sorted by
length for contenders that do not sort them. The contenders take turns in random order, round by round. The tables show
medians, with the least and the greatest sample; the raw samples are in `results/peers/`. Throughput includes
tokenization and pooling. A contender gets figures only if its mean cosine to PyTorch float32 is at least 0.9999
(float32), 0.99 (bfloat16, and a CPU's default precision) or 0.8 (int8).

`biobert-onnx int8` is the engine `kernels`; `biobert-onnx int8, onnxruntime` is the other engine on the same artifact.

Two bounds take turns with the contenders. The CPU's peak is the time that the integer products of the encoder take in
registers alone, by the fastest instructions of this CPU (`machine/peak.c`). The other bound is a process that only
imports numpy and tokenizers and loads the tokenizer. A second process is started while the first one runs. Memory is
that of a process which encodes part of the corpus and does nothing else. Installed sizes count a distribution and
everything that it requires, torch as the CPU build.

The corpus is made from text that was written for this project. Every text is different, and the lengths are those of
PubMed sentences (percentiles: inputs/corpus.py). Neighbours kept: the share of a text's 10 nearest texts of the corpus
by PyTorch float32 that are among its 10 nearest by the contender too. The texts of the corpus overlap, and half of the
text that they are made from calibrates int8 exports: `python -m benchmarks.quality --texts FILE` compares all
contenders on texts of your own. `python -m benchmarks.render` makes this page from the records alone.
"""

TABLES = (
    better_peers,
    fidelity_table,
    agreement_table,
    throughput_table,
    length_table,
    latency_table,
    start_table,
    memory_table,
    corpus_table,
)

NEIGHBOURS_PLOT = "neighbours"

PLOTS = {
    "throughput": "Throughput against fidelity: up and to the right is better.",
    NEIGHBOURS_PLOT: "Throughput against the neighbours kept: up and to the right is better.",
    "latency": "Latency of one text alone by its length: lower is better.",
    "cold-start": "Seconds from the start of the process to the first vector: less is better.",
    "memory": "Resident memory at its peak: less is better.",
}
"""The plots of a subject, each with what it shows."""


def page(records: Sequence[Record], sweeps: Sequence[Record]) -> str:
    """Return the report of all records, of the peers and of the numbers of CPUs."""
    lines = [INTRODUCTION]
    for record in records:
        lines += report(record)
    lines += cpu_sweep(sweeps)
    return "\n".join([*lines, ""])


def report(record: Record) -> Iterator[str]:
    """Yield the section of one subject, line by line."""
    yield f"\n## {record['subject']}\n"
    yield f"{headline(record)}{subject_note(record)}\n"
    yield conditions(record)
    for table in TABLES:
        yield from table(record)
    for name, caption in plots_of(record).items():
        yield picture(f"{record['subject']}-{name}", f"{record['subject']}. {caption}")


def plots_of(record: Record) -> dict[str, str]:
    """Return the plots that `record` has figures for, each with what it shows."""
    return {name: shown for name, shown in PLOTS.items() if name != NEIGHBOURS_PLOT or has_agreement(record)}


def main() -> None:
    """Write the pages and the plots."""
    program_parser(__doc__).parse_args()
    from benchmarks.report.plots import write_plots, write_sweep_plot

    records, sweeps = read_records("peers"), read_records("threads")
    for path, text in {FOLDER / "README.md": page(records, sweeps), **filled_pages()}.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    for record in records:
        write_plots(record, FOLDER / "plots")
    for record in sweeps:
        write_sweep_plot(record, FOLDER / "plots")


if __name__ == "__main__":
    run_program(main)
