"""What int8 costs, in the pages about it: tables of cosines to PyTorch float32."""

from collections.abc import Iterator, Sequence

from benchmarks.peers.contenders import OURS, OURS_PREPACKED, USUAL_INT8
from benchmarks.report.agreement import kept_cell
from benchmarks.report.captions import headline
from benchmarks.report.samples import Record, markdown_table, reason


def int8_table(record: Record) -> Iterator[str]:
    """Yield docs/fidelity.md's table, line by line: every int8 of one record, the closest first."""
    int8 = {
        name: contender
        for name, contender in record["contenders"].items()
        if contender["precision"] == "int8" and name != OURS_PREPACKED and "fidelity" in contender
    }
    closest_first = sorted(int8.items(), key=lambda item: -item[1]["fidelity"]["cosine_mean"])
    columns = ("cosine mean", "least", "of 10 neighbours kept", "texts changed by their batch")
    yield from markdown_table("int8 by", columns, ([name, *_row(contender)] for name, contender in closest_first))


def _row(contender: Record) -> list[str]:
    found = contender["fidelity"]
    kept = kept_cell(contender) if "agreement" in contender else reason(contender)
    return [_cosine(found["cosine_mean"]), _cosine(found["cosine_min"]), kept, _changed(found)]


def usual_table(record: Record) -> Iterator[str]:
    """Yield docs/int8.md's table, line by line: the usual int8 and this project's."""
    rows = []
    for name in (USUAL_INT8, OURS):
        found = record["contenders"][name]["fidelity"]
        cosines = [_cosine(found["cosine_mean"]), _cosine(found["cosine_min"])]
        rows.append([name, *cosines, _changed(found), _cosine(found["batch_cosine_min"])])
    columns = ("mean", "least", "texts whose vector changes with the batch", "least cosine of a text to itself alone")
    yield from markdown_table("cosine to float32", columns, rows)


def cost_table(records: Sequence[Record]) -> Iterator[str]:
    """Yield docs/design.md's table, line by line: this project's int8 on each subject."""
    rows = []
    for record in records:
        found = record["contenders"][OURS]["fidelity"]
        cosines = [_cosine(found[key]) for key in ("cosine_mean", "cosine_p1", "cosine_min")]
        rows.append([headline(record), str(found["texts"]), *cosines])
    yield from markdown_table("checkpoint", ("texts", "cosine mean", "1st percentile", "least"), rows)


def _cosine(value: float) -> str:
    return f"{value:.5f}"


def _changed(found: Record) -> str:
    return f"{found['changed_by_batch']} of {found['texts']}"
