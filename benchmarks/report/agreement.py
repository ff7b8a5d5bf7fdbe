"""The agreement of every contender with PyTorch float32, in the report's words and tables."""

from collections.abc import Iterator, Sequence

from benchmarks.report.samples import Record, aligned_table, markdown_table, reason
from biobert_onnx.comparison.agreement import NEIGHBOURS

TITLE = "Agreement with PyTorch float32"

COSINES = ("cosine_mean", "cosine_p1", "cosine_min", "centred_mean", "centred_min")
COLUMNS = ("precision", "cosine mean", "p1", "least", "centred mean", "centred least")
"""The keys of the cosines in a record, and the columns up to them; those of a search come after them."""

NOT_MEASURED = "-"
"""In a table: what the record does not have."""

LEGEND = """\
cosine: of a text's vector to the reference's; p1: the 1st percentile
centred: the same, after the reference's mean vector is taken from both
neighbours kept: share of a text's nearest texts by the reference that are nearest by the contender too
rank correlation: Spearman's, of a text's similarities to all others
PyTorch float32 itself: its texts in batches, compared with its texts one by one"""
"""The columns, for a reader who has the printed table alone."""


def has_agreement(record: Record) -> bool:
    """Tell whether the record holds agreement; records from before it was measured have none."""
    return any("agreement" in contender for contender in record["contenders"].values())


def kept_cell(contender: Record) -> str:
    """Return the share of neighbours that a contender keeps, NOT_MEASURED where the record has none.

    >>> kept_cell({"agreement": {"neighbours_kept": 0.9786}}), kept_cell({})
    ('97.9 %', '-')
    """
    return f"{100 * contender['agreement']['neighbours_kept']:.1f} %" if "agreement" in contender else NOT_MEASURED


def agreement_table(record: Record) -> Iterator[str]:
    """Yield the agreement of every contender on the corpus; nothing for a record without it."""
    if has_agreement(record):
        texts = record["corpus"]["texts"]
        yield from markdown_table(f"{TITLE}, {texts} texts of the corpus", _columns(texts), _rows(record))


def printed_agreement(record: Record, *, source: str) -> Iterator[str]:
    """Yield the same table for a terminal, with its legend and the reasons of failed contenders; `source` is a file."""
    texts = record["corpus"]["texts"]
    yield f"{TITLE}: {record['subject']}, {texts} texts of {source}\n"
    yield from aligned_table("", _columns(texts), _rows(record))
    for name, contender in record["contenders"].items():
        if "failure" in contender:
            yield f"\n{name} failed: {contender['failure']}"
    yield f"\n{LEGEND}"


def _columns(texts: int) -> tuple[str, ...]:
    return *COLUMNS, f"{min(NEIGHBOURS, texts - 1)} neighbours kept", "rank correlation"


def _rows(record: Record) -> Iterator[Sequence[str]]:
    for name, contender in record["contenders"].items():
        yield [name, contender["precision"], *_figures(contender)]


def _figures(contender: Record) -> list[str]:
    if "agreement" not in contender:
        return [reason(contender)]
    found = contender["agreement"]
    return [*(f"{found[key]:.5f}" for key in COSINES), kept_cell(contender), f"{found['rank_correlation']:.4f}"]
