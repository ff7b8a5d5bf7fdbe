"""The short table of the project's README: five encoders, their speed, memory and fidelity."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.contenders import OPENVINO_INT8, OURS, REFERENCE, SENTENCE_TRANSFORMERS_6, USUAL_INT8
from benchmarks.report.agreement import kept_cell
from benchmarks.report.captions import headline, machine, subject_note
from benchmarks.report.samples import (
    MEBIBYTE,
    Record,
    has_figures,
    markdown_table,
    median,
    reason,
    spread,
    start_seconds,
)

ROWS = (OURS, OPENVINO_INT8, USUAL_INT8, SENTENCE_TRANSFORMERS_6, REFERENCE)
"""The contenders of the table: this project, the fastest other int8, the usual int8, and what most people use."""

ABSTRACT_TOKENS = "256"
"""Tokens of a text that is as long as an abstract of PubMed."""

SHORT_TOKENS = "32"
"""Tokens of a text that is as long as a sentence of PubMed."""

Samples = Callable[[Record, Record], Sequence[float]]
"""Record and contender -> the samples of one column."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the table: its title, its samples, their format, and whether the greatest is the best."""

    title: str
    samples: Samples
    form: str
    greatest_is_best: bool = False


def abstracts_a_second(record: Record, contender: Record) -> list[float]:
    """Return the texts of ABSTRACT_TOKENS tokens a second, one figure a round."""
    texts = record["length_tokens"] // int(ABSTRACT_TOKENS)
    return [texts / seconds for seconds in contender["length_seconds"][str(record["threads"])][ABSTRACT_TOKENS]]


def short_text_ms(record: Record, contender: Record) -> list[float]:
    """Return the milliseconds of one text of SHORT_TOKENS tokens, one figure a call."""
    return [1000 * seconds for seconds in contender["latency_seconds"][str(record["threads"])][SHORT_TOKENS]]


COLUMNS = (
    Column(
        title=f"abstracts a second, {ABSTRACT_TOKENS} tokens each",
        samples=abstracts_a_second,
        form=".1f",
        greatest_is_best=True,
    ),
    Column(
        title=f"one text of {SHORT_TOKENS} tokens, ms",
        samples=short_text_ms,
        form=".1f",
    ),
    Column(
        title="start of a process to its first vector, s",
        samples=lambda record, contender: start_seconds(contender),
        form=".2f",
    ),
    Column(
        title="memory at its peak, MiB",
        samples=lambda record, contender: [contender["memory"]["peak"] / MEBIBYTE],
        form=".0f",
    ),
)


def summary(speed: Record, fidelity: Record) -> Iterator[str]:
    """Yield the caption and the table, line by line: speed and memory of one record, fidelity of the other one."""
    yield (
        f"Speed and memory: {headline(speed)}{subject_note(speed)}. Fidelity: {headline(fidelity)}"
        f"{subject_note(fidelity)}. {machine(speed)}. Medians (least to greatest sample); bold: clearly the best (no "
        "other median lies within its samples, nor its median within theirs)."
    )
    columns = {column.title: _cells(column, speed) for column in COLUMNS}
    contenders = [(name, fidelity["contenders"][name]) for name in ROWS]
    columns[f"mean cosine to PyTorch float32, {fidelity['subject']}"] = {
        name: _cosine(contender) for name, contender in contenders
    }
    columns["of 10 neighbours kept"] = {name: kept_cell(contender) for name, contender in contenders}
    rows = [[name, *(cells[name] for cells in columns.values())] for name in ROWS]
    yield from markdown_table("", list(columns), rows)


def _cosine(contender: Record) -> str:
    return f"{contender['fidelity']['cosine_mean']:.5f}" if "fidelity" in contender else reason(contender)


def _cells(column: Column, record: Record) -> dict[str, str]:
    """Return the cell of each row; a contender without figures says why in one word."""
    measured = {name: record["contenders"][name] for name in ROWS if has_figures(record["contenders"][name])}
    samples = {name: column.samples(record, contender) for name, contender in measured.items()}
    best = clear_best(samples, greatest=column.greatest_is_best)
    cells = {name: _cell(found, column.form) for name, found in samples.items()}
    bold = {name: f"**{cell}**" if name == best else cell for name, cell in cells.items()}
    return {name: bold.get(name, reason(record["contenders"][name])) for name in ROWS}


def _cell(samples: Sequence[float], form: str) -> str:
    return spread(samples, form) if len(samples) > 1 else f"{samples[0]:{form}}"


def clear_best(samples: Mapping[str, Sequence[float]], *, greatest: bool) -> str | None:
    """Return whose median is best, None if it cannot be told from another's.

    Two cannot be told apart if the median of one lies between the least and the greatest sample of the other.

    >>> clear_best({"a": [1.0, 2.0, 3.0], "b": [7.0, 8.0, 9.0]}, greatest=True)
    'b'
    >>> clear_best({"a": [1.0, 2.0, 9.0], "b": [7.0, 8.0, 9.0]}, greatest=True) is None
    True
    """
    choose = max if greatest else min
    best = choose(samples, key=lambda name: median(samples[name]))
    others = [found for name, found in samples.items() if name != best]
    return None if any(_overlap(samples[best], other) for other in others) else best


def _overlap(first: Sequence[float], second: Sequence[float]) -> bool:
    inside_second = min(second) <= median(first) <= max(second)
    return inside_second or min(first) <= median(second) <= max(first)
