"""Writes benchmarks/README.md, its plots and the table of the project's README from the records in benchmarks/results.

python -m benchmarks.render
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.report.behind import behind
from benchmarks.report.samples import Record
from benchmarks.report.tables import (
    corpus_table,
    fidelity_table,
    latency_table,
    length_table,
    memory_table,
    start_table,
    summary_table,
    threads_table,
    throughput_table,
)

FOLDER = Path(__file__).parent
README = FOLDER.parent / "README.md"

SUMMARY = FOLDER / "results" / "peers" / "standin.json"
"""The record of the README's table."""

SUMMARY_PLACE = re.compile(r"(?<=<!-- benchmarks.render -->\n).*?(?=<!-- end -->\n)", re.DOTALL)

INTRODUCTION = """# Benchmarks

Every contender runs in a process of its own, at equal threads, each with the batch size, and the number of batches side
by side, that a sweep found best for it; texts are sorted by length for those that do not sort by themselves. Turns are
taken in random order, round by round. Medians are quoted, with the least and the greatest sample; raw samples are in
`results/peers/`. Throughput includes tokenization and pooling. A contender gets figures only if its mean cosine to
PyTorch float32 is at least 0.9999 (float32), 0.99 (bfloat16, and a CPU's default precision) or 0.8 (int8).

Two bounds take turns with the contenders: the integer matrix products of the encoder alone, on batches of 512 tokens;
and a process that only imports numpy, onnxruntime and tokenizers and loads the tokenizer. A second process is started
while the first one runs. Memory is of a process that encodes part of the corpus and does nothing else. Installed sizes
count a distribution and all that it requires, torch as the CPU build.

The corpus is made from text written for this project, every text different, as long as PubMed sentences are (length
percentiles: corpus.py). This page is made by `python -m benchmarks.render` from the records alone.
"""

TABLES = (
    fidelity_table,
    throughput_table,
    length_table,
    threads_table,
    latency_table,
    start_table,
    memory_table,
    corpus_table,
    behind,
)

PLOTS = {
    "throughput": "Throughput against fidelity: up and to the right is better.",
    "latency": "Latency of one text alone by its length.",
    "cold-start": "From the start of the process to the first vector.",
    "memory": "Resident memory at its peak.",
}


def page(records: Sequence[Record]) -> str:
    """The report of all records."""
    lines = [INTRODUCTION]
    for record in records:
        lines += report(record)
    return "\n".join([*lines, ""])


def report(record: Record) -> Iterator[str]:
    """The section of one subject, line by line."""
    yield f"\n## {record['subject']}\n"
    yield from _conditions(record)
    for table in TABLES:
        yield from table(record)
    for name, caption in PLOTS.items():
        path = f"plots/{record['subject']}-{name}"
        yield (
            f'\n<picture><source media="(prefers-color-scheme: dark)" srcset="{path}-dark.svg">'
            f'<img src="{path}-light.svg" alt="{caption}"></picture>\n'
        )


def _conditions(record: Record) -> Iterator[str]:
    machine, corpus, geometry = record["environment"], record["corpus"], record["geometry"]
    yield (
        f"{geometry['layers']} layers x {geometry['dim']}; {machine['cpu']} (family/model "
        f"{machine['cpu_family_model']}; {', '.join(machine['flags'])}), {record['threads']} threads, "
        f"{machine['date']}; {corpus['texts']} texts of {corpus['tokens']} tokens; "
        + ", ".join(f"{name} {version}" for name, version in sorted(machine["versions"].items()))
        + "."
    )


def readme(text: str, record: Record) -> str:
    """The project's README `text` with the summary of `record` in its place."""
    table = "\n".join([*_conditions(record), *summary_table(record), ""])
    return SUMMARY_PLACE.sub(lambda _: table, text)


def read_records() -> list[Record]:
    """The committed records, by name."""
    return [read_record(path) for path in sorted((FOLDER / "results" / "peers").glob("*.json"))]


def read_record(path: Path) -> Record:
    """The record in the file `path`."""
    record: Record = json.loads(path.read_text(encoding="utf-8"))
    return record


def main() -> None:
    """Write the page, the plots and the README's table."""
    from benchmarks.report.plots import write_plots

    records = read_records()
    (FOLDER / "README.md").write_text(page(records), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8"), read_record(SUMMARY)), encoding="utf-8")
    for record in records:
        write_plots(record, FOLDER / "plots")


if __name__ == "__main__":
    main()
