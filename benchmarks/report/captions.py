"""What a record was made on, in words: the subject, the machine, the versions."""

from benchmarks.report.samples import Record

SUBJECT_NOTES = {
    "standin": (
        "a network of BioBERT's size with random weights and planted outliers: right for speed and memory, no evidence "
        "for BioBERT's fidelity"
    ),
    "all-mpnet-base-v2": (
        "a trained encoder of general text, of BioBERT's size; its attention also has a bias for each distance between "
        "two tokens"
    ),
    "all-MiniLM-L6-v2": "a trained encoder of general text, smaller than BioBERT",
}
"""What a reader must know of a subject, by its name in the records."""


def headline(record: Record) -> str:
    """Return the subject's name and size.

    >>> headline({"subject": "standin", "geometry": {"layers": 12, "dim": 768}})
    'standin, 12 layers x 768'
    """
    geometry = record["geometry"]
    return f"{record['subject']}, {geometry['layers']} layers x {geometry['dim']}"


def subject_note(record: Record) -> str:
    """Return what a reader must know of the subject, after a colon; "" for a checkpoint of the user's own."""
    note = SUBJECT_NOTES.get(record["subject"])
    return f": {note}" if note else ""


def picture(name: str, caption: str) -> str:
    """Return the plot `name`, in the style of the reader's page, as HTML in Markdown."""
    path = f"plots/{name}"
    return (
        f'\n<picture><source media="(prefers-color-scheme: dark)" srcset="{path}-dark.svg">'
        f'<img src="{path}-light.svg" alt="{caption}"></picture>\n'
    )


def machine(record: Record) -> str:
    """Return the CPU, the number of threads and the day of the measurement.

    >>> machine({"threads": 2, "environment": {"cpu": "AMD EPYC", "cpu_family_model": "26/2", "date": "2026-11-23"}})
    'AMD EPYC (family/model 26/2), 2 threads, 2026-11-23'
    """
    found = record["environment"]
    return f"{found['cpu']} (family/model {found['cpu_family_model']}), {record['threads']} threads, {found['date']}"


def conditions(record: Record) -> str:
    """Return the machine with its kernel and instructions, the corpus and the versions, and a remark if there is one.

    A record has a remark where something disturbed a part of the measuring; whoever measured writes it there.
    """
    corpus, environment = record["corpus"], record["environment"]
    remark = f" **{record['remark']}**" if "remark" in record else ""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(environment["versions"].items()))
    return (
        f"{machine(record)}; kernel {environment['kernel'] or 'none'}; instructions {', '.join(environment['flags'])}; "
        f"{corpus['texts']} texts of {corpus['tokens']} tokens together; {versions}.{remark}"
    )
